/** Gives CometBFT's mempool what this node answers for, until it is decided: that mempool forgets with every restart. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { LeafHashed } from "../blocks/leaf-hashed.ts";
import { splitBySize } from "./submissions.ts";

export interface FeedParts {
  /** Hands transactions over in order; rejects while CometBFT is away or full. */
  readonly broadcast: (transactions: readonly Uint8Array[]) => Promise<void>;
  /** Whether this statement still waits here. */
  readonly isHeld: (leafHash: Uint8Array, bytes: Uint8Array) => boolean;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface MempoolFeed {
  /** Durable here, and new. */
  offer(statements: readonly LeafHashed[]): void;
  remember(statements: readonly LeafHashed[]): void;
  fetch(): Promise<undefined>;
  /** CometBFT has begun anew: its mempool is empty. */
  offerAll(): void;
  stop(): Promise<void>;
}

const BATCH_BYTES_MAX = 512 << 10;
const BATCH_STATEMENTS_MAX = 512;
const RETRY_MS = 250;
/** What waits this long was lost on its way, or refused where a nonce came late. */
const STALE_MS = 10_000;
const LOOK_EVERY_MS = 2_000;

export function startMempoolFeed(parts: FeedParts): MempoolFeed {
  let waiting: LeafHashed[] = [];
  /** By the time it was handed over; looked through from the front. */
  let given: { readonly atMs: number; readonly statement: LeafHashed }[] = [];
  let running: Promise<void> | undefined;
  let isStopped = false;
  let wake: (() => void) | undefined;
  let hasFailed = false;

  async function give(): Promise<void> {
    while (waiting.length > 0 && !isStopped) {
      const [batch] = splitBySize(waiting.slice(0, BATCH_STATEMENTS_MAX), BATCH_BYTES_MAX);
      const open = batch!.filter(({ leafHash, bytes }) => parts.isHeld(leafHash, bytes));
      if (open.length > 0 && !(await giveBatch(open))) continue;
      waiting = waiting.slice(batch!.length);
      const atMs = performance.now();
      for (const statement of open) given.push({ atMs, statement });
    }
  }

  /** False when it is to be tried again, after a pause. */
  async function giveBatch(batch: readonly LeafHashed[]): Promise<boolean> {
    try {
      await parts.broadcast(batch.map(({ bytes }) => bytes));
      hasFailed = false;
      return true;
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      parts.log(
        hasFailed ? "debug" : "warn",
        { code: error.code, reason: error.message },
        "CometBFT takes no transactions; what is acknowledged waits here",
      );
      hasFailed = true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RETRY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      return false;
    }
  }

  function start(): void {
    if (isStopped) return;
    running ??= give()
      .catch(parts.onFatal)
      .then(() => {
        running = undefined;
      });
  }

  function look(isStale: (atMs: number) => boolean): void {
    const rest = given.findIndex(({ atMs }) => !isStale(atMs));
    const stale = given.slice(0, rest < 0 ? given.length : rest);
    if (stale.length === 0) return;
    given = given.slice(stale.length);
    waiting = [...waiting, ...stale.map(({ statement }) => statement)];
    start();
  }

  const timer = setInterval(() => look((atMs) => performance.now() - atMs > STALE_MS), LOOK_EVERY_MS);
  timer.unref();

  const offer = (statements: readonly LeafHashed[]): void => {
    for (const statement of statements) waiting.push(statement);
    start();
  };
  return {
    offer,
    remember: offer,
    fetch: async () => undefined,
    offerAll: () => look(() => true),
    async stop() {
      isStopped = true;
      clearInterval(timer);
      wake?.();
      await running;
    },
  };
}
