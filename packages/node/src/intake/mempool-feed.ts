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
  /** So many of this node's statements wait in CometBFT's mempool at once; others follow when these are decided. */
  readonly aheadMax?: number;
}

export interface MempoolFeed {
  /** Durable here, and new. */
  offer(statements: readonly LeafHashed[]): void;
  remember(statements: readonly LeafHashed[]): void;
  fetch(): Promise<undefined>;
  /** CometBFT has begun anew: its mempool is empty. */
  offerAll(): void;
  /** A block was committed: there may be room for more. */
  noteBlock(): void;
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
/**
 * CometBFT asks of each transaction in its mempool on every node, and again after every block. What is not there yet goes with the proposals of this node,
 * which are made of LHG's mempool: under full load that takes a quarter of the CPU in CometBFT (measured, four validators), and it needs some work only to begin a block.
 */
const AHEAD_MAX = 512;
/** What is not decided by then keeps nobody else back. */
const AHEAD_MS = 2_000;
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
  const { isHeld, clock = realClock, aheadMax = AHEAD_MAX } = parts;
  /** For the first time. */
  let waiting: LeafHashed[] = [];
  /** Goes before them, room or not: it was given before, or its turn was there when CometBFT was not. */
  let again: LeafHashed[] = [];
  /** By the time it was handed over; looked through from the front. */
  let given: Given[] = [];
  /** Given lately; those that were decided go when room is looked for. */
  let ahead: Given[] = [];
  let isFull = false;
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
      while (hasTurn() && !isStopped) await giveSome();
      // At once: what is offered in the next turn begins anew.
      isRunning = false;
    } catch (error) {
      parts.onFatal(error);
    }
  }

  function hasTurn(): boolean {
    return again.length > 0 || (waiting.length > 0 && !isFull);
  }

  function findRoom(): number {
    if (ahead.length >= aheadMax) {
      const sinceMs = clock.nowMs() - AHEAD_MS;
      ahead = ahead.filter(({ atMs, statement }) => atMs > sinceMs && isOpen(statement));
    }
    return Math.max(0, aheadMax - ahead.length);
  }

  function takeSome(): LeafHashed[] {
    const isFirst = again.length === 0;
    const room = isFirst ? findRoom() : batchMax;
    isFull = room === 0;
    if (isFull) return [];
    const [batch] = splitBySize(
      (isFirst ? waiting : again).slice(0, Math.min(batchMax, room)),
      BATCH_BYTES_MAX,
    );
    if (isFirst) waiting = waiting.slice(batch!.length);
    else again = again.slice(batch!.length);
    const open = batch!.filter(isOpen);
    const atMs = clock.nowMs();
    if (isFirst) for (const statement of open) ahead.push({ atMs, statement });
    return open;
  }

  async function giveSome(): Promise<void> {
    const open = takeSome();
    if (open.length === 0) return;
    try {
      await parts.broadcast(open.map(({ bytes }) => bytes));
      hasFailed = false;
      batchMax = Math.min(BATCH_STATEMENTS_MAX, 2 * batchMax);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      if (error.code !== "engine.rpc-refused") return await keepBack(open, error);
      if (open.length > 1) {
        again = [...open, ...again];
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
    again = [...batch, ...again];
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
  function giveStale(nowMs: number): void {
    const rest = given.findIndex(({ atMs }) => nowMs - atMs <= STALE_MS);
    const stale = given.slice(0, rest < 0 ? given.length : rest);
    given = given.slice(stale.length);
    again = [...stale.map(({ statement }) => statement).filter(isOpen), ...again];
  }

  function seekRoom(): void {
    isFull = false;
    start();
  }

  /** What is decided or replaced is forgotten: no more is kept than twice what waits in this node. */
  function sweep(): void {
    if (countKept() < sweepAt) return;
    waiting = waiting.filter(isOpen);
    again = again.filter(isOpen);
    given = given.filter(({ statement }) => isOpen(statement));
    sweepAt = Math.max(UNSWEPT_MIN, 2 * countKept());
  }

  function countKept(): number {
    return waiting.length + again.length + given.length;
  }

  function lookLater(): () => void {
    return clock.after(LOOK_EVERY_MS, () => {
      giveStale(clock.nowMs());
      seekRoom();
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
    offerAll() {
      const before = given.map(({ statement }) => statement).filter(isOpen);
      waiting = [...before, ...again, ...waiting];
      again = [];
      given = [];
      ahead = [];
      seekRoom();
    },
    noteBlock: seekRoom,
    get size() {
      return countKept();
    },
    async stop() {
      isStopped = true;
      cancelLook();
      wake?.();
      await running;
    },
  };
}
