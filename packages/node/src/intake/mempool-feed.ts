/** Gives CometBFT's mempool what this node answers for, until it is decided: that mempool forgets with every restart. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { LeafHashed } from "../blocks/leaf-hashed.ts";
import type { SyncClock } from "../sync/sync-clock.ts";
import { splitBySize } from "./submissions.ts";

export interface FeedParts {
  /** Hands transactions over in order; rejects while CometBFT is away or full, and with `engine.rpc-refused` where one of them is not for it. */
  readonly broadcast: (transactions: readonly Uint8Array[]) => Promise<void>;
  /** Whether this statement still waits here. */
  readonly isHeld: (leafHash: Uint8Array, bytes: Uint8Array) => boolean;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
  readonly onFatal: (error: unknown) => void;
  readonly clock?: SyncClock;
}

export interface MempoolFeed {
  /** Durable here, and new. */
  offer(statements: readonly LeafHashed[]): void;
  remember(statements: readonly LeafHashed[]): void;
  fetch(): Promise<undefined>;
  /** CometBFT has begun anew: its mempool is empty. */
  offerAll(): void;
  /** Statements kept here, those among them that wait for their turn included. */
  readonly size: number;
  stop(): Promise<void>;
}

const BATCH_BYTES_MAX = 512 << 10;
const BATCH_STATEMENTS_MAX = 512;
const RETRY_MS = 250;
/** What waits this long was lost on its way, or refused where a nonce came late. */
const STALE_MS = 10_000;
const LOOK_EVERY_MS = 2_000;
/** So many statements are kept without a look at which of them still wait in this node; then twice as many as do. */
const UNSWEPT_MIN = 4_096;

const realClock: SyncClock = {
  nowMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

interface Given {
  readonly atMs: number;
  readonly statement: LeafHashed;
}

export function startMempoolFeed(parts: FeedParts): MempoolFeed {
  const { isHeld, clock = realClock } = parts;
  let waiting: LeafHashed[] = [];
  /** By the time it was handed over; looked through from the front. */
  let given: Given[] = [];
  let sweepAt = UNSWEPT_MIN;
  /** Fewer while one is looked for that CometBFT refuses. */
  let batchMax = BATCH_STATEMENTS_MAX;
  let running = Promise.resolve();
  let isRunning = false;
  let isStopped = false;
  let wake: (() => void) | undefined;
  let hasFailed = false;

  const isOpen = ({ leafHash, bytes }: LeafHashed): boolean => isHeld(leafHash, bytes);

  function start(): void {
    if (!isStopped && !isRunning) running = run();
  }

  async function run(): Promise<void> {
    isRunning = true;
    try {
      while (waiting.length > 0 && !isStopped) await giveSome();
      // At once: what is offered in the next turn begins anew.
      isRunning = false;
    } catch (error) {
      parts.onFatal(error);
    }
  }

  async function giveSome(): Promise<void> {
    const [batch] = splitBySize(waiting.slice(0, batchMax), BATCH_BYTES_MAX);
    waiting = waiting.slice(batch!.length);
    const open = batch!.filter(isOpen);
    if (open.length === 0) return;
    try {
      await parts.broadcast(open.map(({ bytes }) => bytes));
      hasFailed = false;
      batchMax = Math.min(BATCH_STATEMENTS_MAX, 2 * batchMax);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      if (error.code !== "engine.rpc-refused") return await keepBack(open, error);
      if (open.length > 1) {
        waiting = [...open, ...waiting];
        batchMax = Math.ceil(open.length / 2);
        return;
      }
      // It must not hold up the others; it comes again when it is stale.
      parts.log("warn", { code: error.code, reason: error.message }, "CometBFT refuses a statement");
    }
    const atMs = clock.nowMs();
    for (const statement of open) given.push({ atMs, statement });
  }

  /** To be tried again, after a pause. */
  async function keepBack(batch: readonly LeafHashed[], { code, message }: LhgError): Promise<void> {
    waiting = [...batch, ...waiting];
    parts.log(
      hasFailed ? "debug" : "warn",
      { code, reason: message },
      "CometBFT takes no transactions; what is acknowledged waits here",
    );
    hasFailed = true;
    if (isStopped) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(RETRY_MS, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** What was given before goes before what was not: senders' sequences stay in their order. */
  function look(isStale: (atMs: number) => boolean): void {
    const rest = given.findIndex(({ atMs }) => !isStale(atMs));
    const stale = given.slice(0, rest < 0 ? given.length : rest);
    if (stale.length === 0) return;
    given = given.slice(stale.length);
    waiting = [...stale.map(({ statement }) => statement).filter(isOpen), ...waiting];
    start();
  }

  /** What is decided or replaced is forgotten: no more is kept than twice what waits in this node. */
  function sweep(): void {
    if (waiting.length + given.length < sweepAt) return;
    waiting = waiting.filter(isOpen);
    given = given.filter(({ statement }) => isOpen(statement));
    sweepAt = Math.max(UNSWEPT_MIN, 2 * (waiting.length + given.length));
  }

  function lookLater(): () => void {
    return clock.after(LOOK_EVERY_MS, () => {
      const nowMs = clock.nowMs();
      look((atMs) => nowMs - atMs > STALE_MS);
      cancelLook = lookLater();
    });
  }
  let cancelLook = lookLater();

  const offer = (statements: readonly LeafHashed[]): void => {
    for (const statement of statements) waiting.push(statement);
    sweep();
    start();
  };
  return {
    offer,
    remember: offer,
    fetch: async () => undefined,
    offerAll: () => look(() => true),
    get size() {
      return waiting.length + given.length;
    },
    async stop() {
      isStopped = true;
      cancelLook();
      wake?.();
      await running;
    },
  };
}
