/** Measures a running chain: what happens is counted when it happens, what stands is looked up when somebody asks. */
import { statfs } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import type { NodePace, SubmitResult } from "./api/service.ts";
import type { ChainTip, CommitSummary } from "./application/port.ts";
import { primaryIndex } from "./consensus/dbft/quorum.ts";
import type { Application, CommittedBlock } from "./consensus/engine.ts";
import type { Mempool } from "./mempool/mempool.ts";
import { countDecision, type Metrics, setPeers, setValidators } from "./metrics.ts";
import type { NetworkCounters } from "./p2p/network.ts";
import { createPaceMeter } from "./pace.ts";
import type { Peering } from "./start-peering.ts";
import type { InboxLog } from "./store/inbox-log.ts";

export interface MeterParts {
  readonly metrics: Metrics;
  readonly tip: () => ChainTip;
  readonly mempool: Pick<Mempool, "size" | "sizeBytes">;
  readonly inbox: Pick<InboxLog, "retainedBytes">;
  readonly peering: () => Peering | undefined;
  /** Of an engine with peers of its own, which counts turns and votes itself. */
  readonly enginePeers?: (() => number) | undefined;
  readonly storeBytes: () => Promise<number>;
  readonly dataDirectory: string;
}

export interface ChainMeter {
  noteSubmitted(results: readonly SubmitResult[]): void;
  noteViewChange(view: number): void;
  noteInvalidMessage(): void;
  noteBlock(block: CommittedBlock, summary: CommitSummary): void;
  /** The same application, its work timed. */
  time(application: Application): Application;
  readPace(): NodePace;
  /** In the text format of Prometheus. */
  tell(): Promise<string>;
}

export function createChainMeter(parts: MeterParts): ChainMeter {
  const { metrics, mempool, inbox, enginePeers } = parts;
  const pace = createPaceMeter(undefined, (tookMs) => metrics.finalitySeconds.observe(tookMs / 1_000));
  let committedAtMs = performance.now();
  let operators = operatorsOf(parts.tip());
  const tellPeers = createPeerMeter(metrics);
  const tellValidators = (before: readonly string[], now: readonly string[]): void => {
    metrics.consensusValidators.set(now.length);
    // Numbers that stay 0 would say that nobody signs.
    if (enginePeers === undefined) setValidators(metrics, before, now);
  };
  tellValidators([], operators);

  return {
    noteSubmitted(results) {
      for (const { state } of results) metrics.submissions.inc({ answer: state });
      pace.noteAccepted(results.filter(({ state }) => state === "accepted").map(({ id }) => id));
    },
    noteViewChange(view) {
      metrics.consensusViewChanges.inc();
      metrics.consensusView.set(view);
    },
    noteInvalidMessage: () => metrics.consensusInvalidMessages.inc(),
    noteBlock({ header, certificate }, summary) {
      const nowMs = performance.now();
      metrics.blockSeconds.observe((nowMs - committedAtMs) / 1_000);
      committedAtMs = nowMs;
      metrics.height.set(header.height);
      metrics.consensusView.set(0);
      // CometBFT counts its own rounds and absentees.
      if (certificate !== undefined)
        countDecision(metrics, {
          view: certificate.view,
          missed: missedBefore(certificate.view, header.height, operators),
          signers: certificate.signatures.map((entry) => operators[entry.validatorIndex]!),
        });
      const after = operatorsOf(summary.tip);
      tellValidators(operators, after);
      operators = after;
      const succeeded = summary.executed.filter((entry) => entry.status === "ok").length;
      metrics.statements.inc({ result: "ok" }, succeeded);
      metrics.statements.inc({ result: "failed" }, summary.executed.length - succeeded);
      metrics.statements.inc({ result: "skipped" }, summary.skipped.length);
      pace.noteBlock(listIds(summary), summary.executed.length);
    },
    time: (application) => ({
      ...application,
      execute: (block) => timed(metrics.executeSeconds, () => application.execute(block)),
      commit: (hash, certificate) =>
        timed(metrics.commitSeconds, () => application.commit(hash, certificate)),
    }),
    readPace: pace.read,
    async tell() {
      metrics.height.set(parts.tip().head.height);
      metrics.mempoolStatements.set(mempool.size);
      metrics.mempoolBytes.set(mempool.sizeBytes);
      metrics.inboxBytes.set(inbox.retainedBytes);
      tellPeers(parts.peering());
      if (enginePeers !== undefined) metrics.p2pPeers.set({ direction: "engine" }, enginePeers());
      metrics.storeBytes.set(await parts.storeBytes());
      const { bavail, bsize } = await statfs(parts.dataDirectory);
      metrics.storeFreeBytes.set(bavail * bsize);
      return metrics.registry.metrics();
    },
  };
}

function operatorsOf({ validators }: ChainTip): string[] {
  return validators.map((entry) => toHex(entry.operator));
}

/** Primaries of the views that failed; each once, however many turns it had. */
function missedBefore(view: number, height: number, operators: readonly string[]): string[] {
  const turns = Math.min(view, operators.length);
  return Array.from({ length: turns }, (_, i) => operators[primaryIndex(height, i, operators.length)]!);
}

/** The network counts since its start; Prometheus' counters are told of what came since they were asked last. */
function createPeerMeter(metrics: Metrics): (peering: Peering | undefined) => void {
  let before: NetworkCounters | undefined;
  return (peering) => {
    if (peering === undefined) return;
    setPeers(metrics, peering.network.peers());
    metrics.syncIsSyncing.set(peering.isSyncing() ? 1 : 0);
    metrics.syncBestHeight.set(peering.bestKnown() ?? 0);
    const now = peering.network.counters();
    metrics.p2pBytes.inc({ direction: "in" }, now.bytesIn - (before?.bytesIn ?? 0));
    metrics.p2pBytes.inc({ direction: "out" }, now.bytesOut - (before?.bytesOut ?? 0));
    metrics.p2pBanned.inc(now.bans - (before?.bans ?? 0));
    for (const topic of ["consensus", "statements"] as const)
      for (const verdict of ["accept", "ignore", "reject"] as const) {
        const count = now.messages[topic][verdict] - (before?.messages[topic][verdict] ?? 0);
        metrics.p2pMessages.inc({ topic, verdict }, count);
      }
    before = now;
  };
}

function* listIds({ executed }: CommitSummary): Generator<string> {
  for (const { id } of executed) yield toHex(id);
}

async function timed<T>(histogram: Metrics["executeSeconds"], work: () => Promise<T>): Promise<T> {
  const sinceMs = performance.now();
  const result = await work();
  histogram.observe((performance.now() - sinceMs) / 1_000);
  return result;
}
