/** Statements between nodes: offered in batches to all, given to who asks for them by leaf hash. */

import { byteString } from "@lhg/protocol/core/bytes";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { type LeafHashed, nameSubmission } from "../blocks/leaf-hashed.ts";
import type { Network, PeerId, Verdict } from "../p2p/network.ts";
import {
  decodeAnswer,
  decodeBatch,
  decodeQuestion,
  encodeAnswer,
  encodeBatch,
  encodeQuestion,
  QUESTION_BYTES_MAX,
  QUESTION_HASHES_MAX,
  SUBMISSION_BYTES_MAX,
} from "./exchange-messages.ts";
import type { Fetched } from "./obtain-statements.ts";
import { splitBySize } from "./submissions.ts";

/** Under load batches grow to this (3 us a statement, against 86 us one by one: measured). */
const BATCH_BYTES = 32 << 10;
/** At light load nobody waits longer for company. */
const BATCH_WAIT_MS = 4;
const BATCH_BYTES_MAX = 1 << 20;
/** What peers offered and is not judged yet, of all and of one; beyond it they are not heard: they offer again what stays undecided. */
const OFFERED_BYTES_MAX = 32 << 20;
const OFFERED_BYTES_MAX_PEER = 8 << 20;
/** A batch is passed on whole where at least this share of it was new: ballast does not travel on one new statement. */
const NEW_SHARE_MIN = 1 / 8;
const ANSWER_BYTES_MAX = 4 << 20;
const ASK_TIMEOUT_MS = 2_000;
/** Whoever of them has something to give first is heard. */
const ASKED_AT_ONCE = 4;
const QUESTION = "statements";
/** A proposal of 25,000 statements takes seven; looking for 4,000 costs some two milliseconds of the thread that votes. */
const QUESTIONS_PER_SECOND = 20;
/** What has waited this long since it was offered may have been lost on its way. */
const STALE_MS = 10_000;
const REOFFER_EVERY_MS = 5_000;

export interface ExchangeParts {
  readonly network: Network;
  readonly hasher: Pick<Hasher, "sha256">;
  /** What of it was new; undefined when it should not have been passed on. */
  readonly receive: (submissions: readonly Uint8Array[]) => Promise<readonly LeafHashed[] | undefined>;
  readonly find: (leafHash: Uint8Array) => { readonly bytes: Uint8Array } | undefined;
  /** Whether this statement waits here, with these bytes: it needs no look then. */
  readonly isHeld: (leafHash: Uint8Array, bytes: Uint8Array) => boolean;
  readonly onFatal: (error: unknown) => void;
}

export interface StatementExchange {
  offer(statements: readonly LeafHashed[]): void;
  remember(statements: readonly LeafHashed[]): void;
  fetch(leafHashes: readonly Uint8Array[]): Promise<Fetched | undefined>;
  stop(): void;
}

export function startStatementExchange(parts: ExchangeParts): StatementExchange {
  const { network, hasher } = parts;
  /** What this node answers for, by the time it was offered; looked through from the front. */
  let offered: { readonly atMs: number; readonly statement: LeafHashed }[] = [];
  let waiting: LeafHashed[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let salt = 0;
  let offeredBytes = 0;
  let turn = 0;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const statements = waiting;
    waiting = [];
    waitingBytes = 0;
    publish(statements);
  };
  const publish = (statements: readonly LeafHashed[]): void => {
    salt = (salt + 1) >>> 0;
    for (const part of splitBySize(statements, BATCH_BYTES_MAX))
      network.publish("statements", encodeBatch({ salt, submissions: part.map(({ bytes }) => bytes) }));
  };
  const remember = (statements: readonly LeafHashed[]): void => {
    const atMs = performance.now();
    for (const statement of statements) offered.push({ atMs, statement });
  };
  const offer = (statements: readonly LeafHashed[]): void => {
    if (statements.length === 0) return;
    remember(statements);
    for (const statement of statements) {
      waiting.push(statement);
      waitingBytes += statement.bytes.length;
    }
    if (waitingBytes >= BATCH_BYTES) flush();
    else timer ??= setTimeout(flush, BATCH_WAIT_MS);
  };

  const offeredBy = new Map<PeerId, number>();
  const judge = async (data: Uint8Array): Promise<Verdict> => {
    const submissions = open(decodeBatch, data)?.submissions;
    const named = nameAll(hasher, submissions);
    if (named === undefined) return "reject";
    const unknown = named.filter(({ leafHash, bytes }) => !parts.isHeld(leafHash, bytes));
    if (unknown.length === 0) return "ignore";
    const fresh = await parts.receive(unknown.map((entry) => entry.bytes));
    if (fresh === undefined) return "reject";
    return fresh.length > 0 && fresh.length >= NEW_SHARE_MIN * named.length ? "accept" : "ignore";
  };
  network.subscribe("statements", async (data, from): Promise<Verdict> => {
    const ofPeer = offeredBy.get(from) ?? 0;
    if (offeredBytes + data.length > OFFERED_BYTES_MAX) return "ignore";
    if (ofPeer + data.length > OFFERED_BYTES_MAX_PEER) return "ignore";
    offeredBytes += data.length;
    offeredBy.set(from, ofPeer + data.length);
    try {
      return await judge(data);
    } catch (error) {
      // No room on disk or in memory: the sender is not to blame.
      if (!(error instanceof LhgError)) parts.onFatal(error);
      return "ignore";
    } finally {
      offeredBytes -= data.length;
      const rest = offeredBy.get(from)! - data.length;
      if (rest > 0) offeredBy.set(from, rest);
      else offeredBy.delete(from);
    }
  });

  network.serve(
    QUESTION,
    { requestBytesMax: QUESTION_BYTES_MAX, perSecond: QUESTIONS_PER_SECOND },
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

  const askPeer = async (peer: PeerId, leafHashes: readonly Uint8Array[]): Promise<Fetched | undefined> => {
    const wanted = new Set(leafHashes.map(byteString));
    const body = encodeQuestion({ leafHashes });
    const limits = {
      timeoutMs: ASK_TIMEOUT_MS,
      answerBytesMax: ANSWER_BYTES_MAX + SUBMISSION_BYTES_MAX + 64,
    };
    const data = await network.ask(peer, QUESTION, body, limits).catch(() => undefined);
    if (data === undefined) return undefined;
    const statements = nameAll(hasher, open(decodeAnswer, data)?.submissions);
    const blame = (): void => network.penalise(peer, "statements.wrong");
    if (statements?.every((entry) => wanted.has(byteString(entry.leafHash))))
      return statements.length === 0 ? undefined : { statements, blame };
    blame();
    return undefined;
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
      const asked = leafHashes.slice(0, QUESTION_HASHES_MAX);
      for (let i = 0; i < peers.length; i += ASKED_AT_ONCE) {
        const some = Array.from({ length: Math.min(ASKED_AT_ONCE, peers.length - i) }, () =>
          askPeer(peers[turn++ % peers.length]!.id, asked),
        );
        const found = await firstFound(some);
        if (found !== undefined) return found;
      }
      return undefined;
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
    const statement = nameSubmission(hasher, bytes);
    if (statement === undefined) return undefined;
    named.push(statement);
  }
  return named;
}

/** The first that is something; undefined when none is. */
function firstFound<T>(promises: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  return new Promise((resolve) => {
    for (const promise of promises)
      void promise.then((value) => {
        if (value !== undefined) resolve(value);
      });
    void Promise.all(promises).then(() => resolve(undefined));
  });
}
