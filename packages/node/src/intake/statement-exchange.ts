/** Statements between nodes: offered in batches to all, given to who asks for them by leaf hash. */

import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { hashLeaf } from "@lhg/protocol/core/merkle/log";
import { submission } from "@lhg/protocol/core/statement/submission";
import type { Network, PeerId, Verdict } from "../p2p/network.ts";
import {
  decodeAnswer,
  decodeBatch,
  decodeQuestion,
  encodeAnswer,
  encodeBatch,
  encodeQuestion,
  QUESTION_BYTES_MAX,
  SUBMISSION_BYTES_MAX,
} from "./exchange-messages.ts";
import type { LeafHashed } from "./obtain-statements.ts";

/** Under load batches grow to this (3 us a statement, against 86 us one by one: measured). */
const BATCH_BYTES = 32 << 10;
/** At light load nobody waits longer for company. */
const BATCH_WAIT_MS = 4;
const BATCH_BYTES_MAX = 1 << 20;
/** What peers offered and is not judged yet; beyond it they are not heard: they offer again what stays undecided. */
const OFFERED_BYTES_MAX = 32 << 20;
const ANSWER_BYTES_MAX = 4 << 20;
const ASK_TIMEOUT_MS = 2_000;
const QUESTION = "statements";
/** What has waited this long since it was offered may have been lost on its way. */
const STALE_MS = 10_000;
const REOFFER_EVERY_MS = 5_000;

export interface ExchangeParts {
  readonly network: Network;
  readonly hasher: Pick<Hasher, "sha256">;
  readonly receive: (submissions: readonly Uint8Array[]) => Promise<"new" | "known" | "invalid">;
  readonly find: (leafHash: Uint8Array) => { readonly bytes: Uint8Array } | undefined;
  /** Whether this statement waits here, with these bytes: it needs no look then. */
  readonly isHeld: (leafHash: Uint8Array, bytes: Uint8Array) => boolean;
  readonly onFatal: (error: unknown) => void;
}

export interface StatementExchange {
  offer(statements: readonly LeafHashed[]): void;
  remember(statements: readonly LeafHashed[]): void;
  fetch(leafHashes: readonly Uint8Array[]): Promise<readonly LeafHashed[]>;
  stop(): void;
}

export function startStatementExchange(parts: ExchangeParts): StatementExchange {
  const { network, hasher } = parts;
  /** What this node answers for, by the time it was offered; looked through from the front. */
  let offered: { readonly atMs: number; readonly statement: LeafHashed }[] = [];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let salt = 0;
  let offeredBytes = 0;
  let turn = 0;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const submissions = waiting;
    waiting = [];
    waitingBytes = 0;
    salt = (salt + 1) >>> 0;
    for (const part of splitBySize(submissions, BATCH_BYTES_MAX))
      network.publish("statements", encodeBatch({ salt, submissions: part }));
  };
  const remember = (statements: readonly LeafHashed[]): void => {
    const atMs = performance.now();
    for (const statement of statements) offered.push({ atMs, statement });
  };
  const offer = (statements: readonly LeafHashed[]): void => {
    if (statements.length === 0) return;
    remember(statements);
    for (const { bytes } of statements) {
      waiting.push(bytes);
      waitingBytes += bytes.length;
    }
    if (waitingBytes >= BATCH_BYTES) flush();
    else timer ??= setTimeout(flush, BATCH_WAIT_MS);
  };

  network.subscribe("statements", async (data): Promise<Verdict> => {
    if (offeredBytes + data.length > OFFERED_BYTES_MAX) return "ignore";
    const submissions = open(decodeBatch, data)?.submissions;
    if (submissions === undefined) return "reject";
    const named = nameAll(hasher, submissions);
    if (named === undefined) return "reject";
    const unknown = named.filter(({ leafHash, bytes }) => !parts.isHeld(leafHash, bytes));
    if (unknown.length === 0) return "ignore";
    offeredBytes += data.length;
    try {
      const became = await parts.receive(unknown.map((entry) => entry.bytes));
      return became === "invalid" ? "reject" : became === "new" ? "accept" : "ignore";
    } catch (error) {
      // No room on disk or in memory: the sender is not to blame.
      if (error instanceof LhgError) return "ignore";
      parts.onFatal(error);
      return "ignore";
    } finally {
      offeredBytes -= data.length;
    }
  });

  network.serve(
    QUESTION,
    { requestBytesMax: QUESTION_BYTES_MAX, perSecond: 50 },
    async (body): Promise<Uint8Array> => {
      const found: Uint8Array[] = [];
      let sizeBytes = 0;
      for (const leafHash of decodeQuestion(body).leafHashes) {
        const bytes = parts.find(leafHash)?.bytes;
        if (bytes === undefined) continue;
        if (found.length > 0 && sizeBytes + bytes.length > ANSWER_BYTES_MAX) break;
        found.push(bytes);
        sizeBytes += bytes.length;
      }
      return encodeAnswer({ submissions: found });
    },
  );

  const askPeer = async (peer: PeerId, leafHashes: readonly Uint8Array[]): Promise<LeafHashed[]> => {
    const wanted = new Set(leafHashes.map(toHex));
    const body = encodeQuestion({ leafHashes });
    const limits = {
      timeoutMs: ASK_TIMEOUT_MS,
      answerBytesMax: ANSWER_BYTES_MAX + SUBMISSION_BYTES_MAX + 64,
    };
    const data = await network.ask(peer, QUESTION, body, limits).catch(() => undefined);
    if (data === undefined) return [];
    const found = nameAll(hasher, open(decodeAnswer, data)?.submissions);
    if (found?.every((entry) => wanted.has(toHex(entry.leafHash)))) return found;
    network.penalise(peer, "statements.unasked");
    return [];
  };

  const reoffer = (): void => {
    const isStale = ({ atMs }: { readonly atMs: number }): boolean => performance.now() - atMs > STALE_MS;
    const rest = offered.findIndex((entry) => !isStale(entry));
    const stale = offered.slice(0, rest < 0 ? offered.length : rest);
    offered = offered.slice(stale.length);
    const again: LeafHashed[] = [];
    let sizeBytes = 0;
    for (const { statement } of stale) {
      if (!parts.isHeld(statement.leafHash, statement.bytes)) continue;
      sizeBytes += statement.bytes.length;
      if (sizeBytes <= BATCH_BYTES_MAX && network.peers().length > 0) again.push(statement);
      else remember([statement]);
    }
    offer(again);
  };
  const reofferTimer = setInterval(reoffer, REOFFER_EVERY_MS);
  reofferTimer.unref();

  return {
    offer,
    remember,
    async fetch(leafHashes) {
      const peers = network.peers();
      for (let i = 0; i < peers.length; i++) {
        const found = await askPeer(peers[turn++ % peers.length]!.id, leafHashes);
        if (found.length > 0) return found;
      }
      return [];
    },
    stop() {
      clearTimeout(timer);
      clearInterval(reofferTimer);
    },
  };
}

function open<T>(read: (data: Uint8Array) => T, data: Uint8Array): T | undefined {
  try {
    return read(data);
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

/** Undefined where one of them is malformed. */
function nameAll(
  hasher: Pick<Hasher, "sha256">,
  submissions: readonly Uint8Array[] | undefined,
): LeafHashed[] | undefined {
  if (submissions === undefined) return undefined;
  const named: LeafHashed[] = [];
  for (const bytes of submissions) {
    const opened = open((data) => decode(submission, data), bytes);
    if (opened === undefined) return undefined;
    named.push({ bytes, leafHash: hashLeaf(hasher, opened.statement) });
  }
  return named;
}

function splitBySize(entries: readonly Uint8Array[], bytesMax: number): Uint8Array[][] {
  const parts: Uint8Array[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    if (sizeBytes + entry.length > bytesMax) {
      parts.push([]);
      sizeBytes = 0;
    }
    parts.at(-1)!.push(entry);
    sizeBytes += entry.length;
  }
  return parts;
}
