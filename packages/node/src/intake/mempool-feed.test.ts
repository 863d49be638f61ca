/** What this node answers for reaches CometBFT, whatever becomes of it: nothing is lost, the order stays, memory is bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import type { LeafHashed } from "../blocks/leaf-hashed.ts";
import { type FeedParts, startMempoolFeed } from "./mempool-feed.ts";

const away = new LhgError("engine.rpc-unreachable", "can't be asked", "rpc");
const full = new LhgError("engine.rpc-mempool-full", "mempool is full", "rpc");
const refused = new LhgError("engine.rpc-refused", "Tx too large", "rpc");

const statement = (number: number, sizeBytes = 4): LeafHashed => {
  const bytes = new Uint8Array(sizeBytes);
  new DataView(bytes.buffer).setUint32(0, number);
  return { bytes, leafHash: bytes.slice(0, 4) };
};
const numberOf = (bytes: Uint8Array): number => Buffer.from(bytes).readUInt32BE(0);
const statements = (from: number, count: number): LeafHashed[] =>
  Array.from({ length: count }, (_, i) => statement(from + i));

/** CometBFT with a mempool of its own, and this node's; time stands still between steps. */
function openFeed(over: Partial<FeedParts> = {}) {
  const held = new Set<number>();
  const arrived: number[] = [];
  const calls: number[][] = [];
  const fatal: unknown[] = [];
  const lines: string[] = [];
  let timers: { atMs: number; task: () => void }[] = [];
  let nowMs = 0;
  const engine = { problem: undefined as LhgError | undefined };
  const feed = startMempoolFeed({
    broadcast: async (transactions) => {
      const numbers = transactions.map(numberOf);
      calls.push(numbers);
      if (engine.problem !== undefined) throw engine.problem;
      arrived.push(...numbers);
    },
    isHeld: (_, bytes) => held.has(numberOf(bytes)),
    log: (level, fields, message) => lines.push(`${level} ${(fields as { code: string }).code} ${message}`),
    onFatal: (error) => fatal.push(error),
    clock: {
      nowMs: () => nowMs,
      after(delayMs, task) {
        const timer = { atMs: nowMs + delayMs, task };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
    },
    aheadMax: Number.POSITIVE_INFINITY,
    ...over,
  });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const offer = (offered: readonly LeafHashed[]): void => {
    for (const { bytes } of offered) held.add(numberOf(bytes));
    feed.offer(offered);
  };
  /** Lets time pass, timer by timer. */
  const pass = async (delayMs: number): Promise<void> => {
    await settle();
    const endMs = nowMs + delayMs;
    for (;;) {
      const next = timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      nowMs = next.atMs;
      timers = timers.filter((other) => other !== next);
      next.task();
      await settle();
    }
    nowMs = endMs;
  };
  return { feed, engine, held, arrived, calls, fatal, lines, offer, pass, settle };
}

test("what is offered is handed over in order, in batches that are bounded", async () => {
  const { feed, calls, arrived, offer, settle } = openFeed();
  offer(statements(0, 1_500));
  const large = Array.from({ length: 3 }, (_, i) => statement(1_500 + i, 300 << 10));
  offer(large);
  await settle();
  assert.deepEqual(arrived, [...Array(1_503).keys()]);
  assert.ok(calls.every((batch) => batch.length <= 512));
  assert.deepEqual(calls.slice(-2), [[1_501], [1_502]]);
  await feed.stop();
});

test("no more wait in CometBFT than it needs; the others follow when some are decided, in order", async () => {
  const { feed, held, arrived, calls, offer, pass } = openFeed({ aheadMax: 100 });
  offer(statements(0, 250));
  offer(statements(250, 50));
  await pass(100);
  assert.deepEqual(arrived, [...Array(100).keys()]);
  feed.noteBlock();
  await pass(1);
  assert.equal(arrived.length, 100, "a block that decided none of them makes no room");
  for (let number = 0; number < 30; number++) held.delete(number);
  feed.noteBlock();
  await pass(1);
  assert.deepEqual(arrived, [...Array(130).keys()]);
  // A block of this node may hold what CometBFT's mempool never had.
  for (let number = 30; number < 200; number++) held.delete(number);
  feed.noteBlock();
  await pass(1);
  assert.deepEqual(
    arrived.slice(130),
    [...Array(100).keys()].map((number) => 200 + number),
  );
  assert.ok(calls.every((batch) => batch.length > 0));
  await feed.stop();
});

test("what CometBFT never decides keeps the others back for a while only, though no block comes", async () => {
  const { feed, arrived, offer, pass } = openFeed({ aheadMax: 100 });
  offer(statements(0, 1_000));
  await pass(9_000);
  assert.ok(arrived.length >= 400, `${arrived.length} were given`);
  await pass(60_000);
  assert.deepEqual([...new Set(arrived)], [...Array(1_000).keys()]);
  await feed.stop();
});

test("a CometBFT that begins anew is given no more at once either", async () => {
  const { feed, held, arrived, offer, pass } = openFeed({ aheadMax: 100 });
  offer(statements(0, 150));
  await pass(1);
  held.delete(3);
  feed.offerAll();
  await pass(1);
  assert.deepEqual(
    arrived.slice(100),
    [...Array(101).keys()].filter((number) => number !== 3),
  );
  await feed.stop();
});

test("while CometBFT is away or full nothing is lost, and the order stays", async () => {
  const { feed, engine, arrived, lines, fatal, offer, pass } = openFeed();
  engine.problem = away;
  offer(statements(0, 600));
  await pass(1_000);
  offer(statements(600, 600));
  engine.problem = full;
  await pass(1_000);
  assert.deepEqual(arrived, []);
  engine.problem = undefined;
  await pass(1_000);
  assert.deepEqual(arrived, [...Array(1_200).keys()]);
  // Once is worth a word.
  assert.equal(lines.filter((line) => line.startsWith("warn")).length, 1);
  assert.deepEqual(fatal, []);
  await feed.stop();
});

test("what is decided or replaced meanwhile is not handed over", async () => {
  const { feed, engine, held, arrived, offer, pass } = openFeed();
  engine.problem = away;
  offer(statements(0, 4));
  await pass(500);
  held.delete(0);
  held.delete(2);
  engine.problem = undefined;
  await pass(500);
  assert.deepEqual(arrived, [1, 3]);
  await feed.stop();
});

test("a CometBFT that begins anew is given everything that still waits, the oldest first", async () => {
  const { feed, engine, held, arrived, offer, pass } = openFeed();
  offer(statements(0, 5));
  await pass(10);
  assert.deepEqual(arrived, [0, 1, 2, 3, 4]);
  held.delete(1);
  engine.problem = away;
  offer(statements(5, 5));
  await pass(1_000);
  arrived.length = 0;
  engine.problem = undefined;
  feed.offerAll();
  await pass(1_000);
  // Sequences of one sender stay in their order.
  assert.deepEqual(arrived, [0, 2, 3, 4, 5, 6, 7, 8, 9]);
  await feed.stop();
});

test("what was handed over and still waits after a while is handed over again", async () => {
  const { feed, held, arrived, offer, pass } = openFeed();
  offer(statements(0, 3));
  await pass(9_000);
  assert.deepEqual(arrived, [0, 1, 2]);
  held.delete(0);
  await pass(5_000);
  assert.deepEqual(arrived, [0, 1, 2, 1, 2]);
  held.clear();
  await pass(30_000);
  assert.deepEqual(arrived, [0, 1, 2, 1, 2]);
  assert.equal(feed.size, 0);
  await feed.stop();
});

test("a statement that CometBFT refuses holds up no other, and is tried again", async () => {
  const made = openFeed({
    broadcast: async (transactions) => {
      const numbers = transactions.map(numberOf);
      if (numbers.includes(37) && isStrict) throw refused;
      made.arrived.push(...numbers);
    },
  });
  let isStrict = true;
  const { feed, arrived, lines, offer, pass } = made;
  offer(statements(0, 100));
  await pass(500);
  assert.deepEqual(
    arrived,
    [...Array(100).keys()].filter((number) => number !== 37),
  );
  assert.equal(lines.filter((line) => /refuses a statement/.test(line)).length, 1);
  isStrict = false;
  await pass(15_000);
  assert.ok(arrived.includes(37));
  await feed.stop();
});

test("what is offered counts at whatever moment it comes", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const made = openFeed({
      broadcast: async (transactions) => {
        made.arrived.push(...transactions.map(numberOf));
        if (made.arrived.length > 1) return;
        void (async () => {
          for (let i = 0; i < turns; i++) await Promise.resolve();
          made.offer(statements(1, 1));
        })();
      },
    });
    made.offer(statements(0, 1));
    await made.settle();
    assert.deepEqual(made.arrived, [0, 1], `after ${turns} turns`);
    await made.feed.stop();
  }
});

test("memory is bounded by what waits in this node, however much comes and goes", async () => {
  const { feed, engine, held, offer, pass } = openFeed();
  for (const problem of [undefined, away]) {
    engine.problem = problem;
    for (let i = 0; i < 200; i++) {
      offer(statements(i * 100, 100));
      await pass(1);
      held.clear();
      assert.ok(feed.size <= 4_200, `${feed.size} are kept`);
    }
  }
  await feed.stop();
});

test("stopping ends the wait for CometBFT, and nothing is handed over after it", async () => {
  const { feed, engine, calls, offer, settle, pass } = openFeed();
  engine.problem = away;
  offer(statements(0, 3));
  await settle();
  await feed.stop();
  const before = calls.length;
  engine.problem = undefined;
  offer(statements(3, 3));
  feed.offerAll();
  await pass(60_000);
  assert.equal(calls.length, before);
});

test("an error of our own is fatal, not tried again", async () => {
  const problem = new TypeError("a bug");
  const { feed, fatal, offer, pass } = openFeed({
    broadcast: async () => {
      throw problem;
    },
  });
  offer(statements(0, 1));
  await pass(1_000);
  assert.deepEqual(fatal, [problem]);
  await feed.stop();
});

test("whatever happens to CometBFT and to the node, what still waits has reached the CometBFT that runs, in order", async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("offer" as const), count: fc.integer({ min: 1, max: 700 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const), share: fc.nat(3) }) },
    fc.record({
      kind: fc.constantFrom("away" as const, "full" as const, "back" as const, "restart" as const),
    }),
    fc.record({ kind: fc.constant("pass" as const), delayMs: fc.nat(12_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, isBounded) => {
      const made = openFeed(isBounded ? { aheadMax: 1_000 } : {});
      const { feed, engine, held, arrived, fatal, offer, pass } = made;
      let next = 0;
      for (const each of steps) {
        if (each.kind === "offer") {
          offer(statements(next, each.count));
          next += each.count;
        } else if (each.kind === "settle") {
          for (const number of [...held]) if (number % 4 === each.share) held.delete(number);
        } else if (each.kind === "pass") await pass(each.delayMs);
        else if (each.kind === "restart") {
          arrived.length = 0;
          engine.problem = undefined;
          feed.offerAll();
        } else engine.problem = { away, full, back: undefined }[each.kind];
        await pass(1);
      }
      engine.problem = undefined;
      await pass(isBounded ? 60_000 : 500);
      const firsts = [...new Set(arrived)].filter((number) => held.has(number));
      assert.deepEqual(
        firsts,
        [...held].toSorted((a, b) => a - b),
      );
      assert.deepEqual(fatal, []);
      await feed.stop();
    }),
    { numRuns: 60 },
  );
});
