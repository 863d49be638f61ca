/** Keeps peers busy with ranges of blocks, and judges what they answer as far as that needs no execution. */
import { LhgError } from "@lhg/protocol/core/errors";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { Network, PeerId } from "../p2p/network.ts";
import {
  ANSWER_ENVELOPE_BYTES,
  encodeBlockQuestion,
  type OpenedAnswer,
  openBlockAnswer,
  QUESTION_BLOCK,
} from "./block-messages.ts";
import type { SyncLog } from "./block-sync.ts";
import type { Ask, BlockWindow } from "./block-window.ts";
import { noteAnswer, type PeerBook, type SyncPeer } from "./peer-book.ts";
import { createTimers, type SyncClock } from "./sync-clock.ts";

export interface BlockDownloadParts {
  readonly network: Network;
  readonly clock: SyncClock;
  readonly book: PeerBook;
  readonly window: Pick<BlockWindow<unknown>, "beginAsk" | "endAsk" | "hold" | "noteOversize" | "dropBelow">;
  readonly log: SyncLog;
  readonly nextHeight: () => number;
  /** Blocks have come. */
  readonly onHeld: () => void;
  /** A claim was forgotten. */
  readonly onChange: () => void;
  /** No honest peer answers so. */
  readonly onBadAnswer: (peer: PeerId, error: LhgError) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface BlockDownload {
  /** Asks for what is wanted and allowed; call whenever that may have changed. */
  schedule(): void;
  stop(): void;
}

const IN_FLIGHT_PER_PEER = 2;
/** After that somebody else is asked too; the first answer counts. */
const OVERDUE_MS = 3_000;
const TIMEOUT_MS = 20_000;
/** A block too large for an answer may take longer: a second for each MiB. */
const BYTES_PER_MS_MIN = 1 << 10;
const BUSY_MUTE_MS = 500;
const REFUSED_MUTE_MS = 1_000;
const REFUSALS_MAX = 3;

export function startBlockDownload(parts: BlockDownloadParts): BlockDownload {
  const { network, clock, book, window, log } = parts;
  const timers = createTimers(clock);
  let isStopped = false;

  function schedule(): void {
    if (isStopped) return;
    const next = parts.nextHeight();
    window.dropBelow(next);
    const ready = book
      .open(clock.nowMs())
      .filter(({ claim }) => claim !== undefined && claim.last >= next)
      .sort((a, b) => Number(a.isSlow) - Number(b.isSlow) || a.tookMs - b.tookMs);
    for (let hasBegun = true; hasBegun; ) {
      hasBegun = false;
      for (const peer of ready) {
        if (peer.inFlight >= (peer.isSlow ? 1 : IN_FLIGHT_PER_PEER)) continue;
        const ask = window.beginAsk(peer.id, peer.claim!, peer.askBytesMax, next);
        if (ask === undefined) continue;
        hasBegun = true;
        void runAsk(peer, ask);
      }
    }
  }

  async function runAsk(peer: SyncPeer, ask: Ask): Promise<void> {
    peer.inFlight += 1;
    const startedMs = clock.nowMs();
    const cancelOverdue = timers.after(OVERDUE_MS, () => {
      ask.isOverdue = true;
      peer.isSlow = true;
      schedule();
    });
    const timeoutMs = Math.max(TIMEOUT_MS, Math.ceil(ask.bytesMax / BYTES_PER_MS_MIN));
    const limits = { timeoutMs, answerBytesMax: ask.bytesMax + ANSWER_ENVELOPE_BYTES };
    const outcome = await network
      .ask(peer.id, QUESTION_BLOCK, encodeBlockQuestion(ask), limits)
      .catch((error: unknown) => error);
    cancelOverdue();
    peer.inFlight -= 1;
    window.endAsk(ask);
    if (isStopped) return;
    if (!(outcome instanceof Uint8Array || outcome instanceof LhgError)) return parts.onFatal(outcome);
    if (!ask.isDropped) {
      if (outcome instanceof Uint8Array) takeAnswer(peer, ask, outcome, clock.nowMs() - startedMs);
      else noteFailure(peer, outcome);
    }
    schedule();
  }

  function takeAnswer(peer: SyncPeer, ask: Ask, encoded: Uint8Array, tookMs: number): void {
    let answer: OpenedAnswer;
    try {
      answer = openBlockAnswer(sodiumCrypto, ask, encoded);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      parts.onBadAnswer(peer.id, error);
      return;
    }
    const { blocks, oversizeBytes } = answer;
    if (blocks.length > 0) {
      noteAnswer(peer, tookMs);
      window.hold(peer.id, blocks, encoded.length, parts.nextHeight());
      parts.onHeld();
    } else if (oversizeBytes > 0) window.noteOversize(ask, oversizeBytes);
    else strike(peer, "sync.not-served");
  }

  function noteFailure(peer: SyncPeer, { code }: LhgError): void {
    log("debug", { peer: peer.id, code }, "a peer gave no blocks");
    if (code === "peer.gone") return;
    const isRefusal = code === "peer.refused";
    if (isRefusal) peer.refusals += 1;
    if (code === "peer.busy") mute(peer, BUSY_MUTE_MS);
    else if (isRefusal && peer.refusals < REFUSALS_MAX) mute(peer, REFUSED_MUTE_MS);
    // The network has blamed it for that.
    else if (code === "peer.answer-too-large") strike(peer);
    // A line may fail once; nobody is blamed for that.
    else if (code === "peer.timeout") strike(peer, peer.strikes === 0 ? undefined : "sync.timeout");
    else strike(peer, "sync.not-served");
  }

  function mute(peer: SyncPeer, delayMs: number): void {
    peer.mutedUntilMs = Math.max(peer.mutedUntilMs, clock.nowMs() + delayMs);
    timers.after(delayMs, schedule);
  }

  function strike(peer: SyncPeer, reason?: string): void {
    if (reason !== undefined) network.penalise(peer.id, reason);
    book.strike(peer.id, clock.nowMs());
    parts.onChange();
  }

  return {
    schedule,
    stop() {
      isStopped = true;
      timers.cancelAll();
    },
  };
}
