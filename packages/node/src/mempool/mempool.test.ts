import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { DEFAULT_MEMPOOL_LIMITS, Mempool, type MempoolEntry } from "./mempool.ts";

const ALL = { statementsMax: 1_000_000, bytesMax: 1 << 30 };
let serial = 0;

function entry(over: Partial<MempoolEntry> & { account?: Uint8Array } = {}): MempoolEntry {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, ++serial);
  return {
    id,
    leafHash: id.map((byte) => byte ^ 0xff),
    bytes: new Uint8Array(100),
    account: new Uint8Array(20),
    stream: 0,
    sequence: 0,
    gasPrice: 100n,
    expiryMs: 0,
    addedMs: 0,
    isOwn: true,
    position: serial,
    ...over,
  };
}

const account = (n: number): Uint8Array => new Uint8Array(20).fill(n);
const chosen = (mempool: Mempool, limits = ALL): number[] =>
  mempool.select(limits).map((held) => held.sequence);

test("a lane is proposed in order; what comes early waits for what is missing", () => {
  const mempool = new Mempool();
  mempool.add(entry({ sequence: 2 }), false);
  assert.equal(mempool.hasReady(), false);
  assert.deepEqual(chosen(mempool), []);
  mempool.add(entry({ sequence: 1 }), false);
  assert.deepEqual(chosen(mempool), []);
  mempool.add(entry({ sequence: 0 }), true);
  assert.deepEqual(chosen(mempool), [0, 1, 2]);
  mempool.add(entry({ sequence: 3 }), false);
  mempool.add(entry({ sequence: 5 }), false);
  assert.deepEqual(chosen(mempool), [0, 1, 2, 3]);
  assert.equal(mempool.listWaiting(10).length, 1);
});

test("a replacement pays a tenth more, and what stands in a proposal is never replaced", () => {
  const mempool = new Mempool();
  const first = entry();
  mempool.add(first, true);
  const underpriced = { code: "mempool.underpriced", field: "statement" };
  assert.equal(mempool.findObstacle(entry({ gasPrice: 109n }))?.code, underpriced.code);
  assert.throws(() => mempool.add(entry({ gasPrice: 109n }), true), underpriced);
  mempool.pin([first.leafHash]);
  assert.throws(() => mempool.add(entry({ gasPrice: 1_000n }), true), underpriced);
  mempool.pin([]);
  const second = entry({ gasPrice: 110n });
  assert.deepEqual(mempool.add(second, true)?.id, first.id);
  assert.equal(mempool.has(first.id), false);
  assert.equal(mempool.getByLeafHash(first.leafHash), undefined);
  assert.equal(mempool.size, 1);
  const free = new Mempool();
  free.add(entry({ gasPrice: 0n }), true);
  assert.throws(
    () => free.add(entry({ gasPrice: 0n }), true),
    underpriced,
    "what credit pays holds its place",
  );
});

test("lanes and the whole are bounded; a refusal leaves everything as it was", () => {
  const mempool = new Mempool({
    ...DEFAULT_MEMPOOL_LIMITS,
    laneStatementsMax: 2,
    statementsMax: 3,
    bytesMax: 350,
  });
  mempool.add(entry({ sequence: 0 }), true);
  mempool.add(entry({ sequence: 1 }), true);
  assert.throws(() => mempool.add(entry({ sequence: 2 }), true), {
    code: "mempool.lane-full",
    field: "statement",
  });
  assert.throws(() => mempool.add(entry({ account: account(1), bytes: new Uint8Array(151) }), true), {
    code: "mempool.full",
  });
  mempool.add(entry({ account: account(1) }), true);
  assert.throws(() => mempool.add(entry({ account: account(2) }), true), { code: "mempool.full" });
  assert.deepEqual([mempool.size, mempool.sizeBytes], [3, 300]);
});

test("what costs its sender nothing never shuts out what is ready", () => {
  const mempool = new Mempool({ ...DEFAULT_MEMPOOL_LIMITS, statementsMax: 10 });
  for (let n = 0; n < 5; n++) mempool.add(entry({ account: account(n), sequence: 9 }), false);
  assert.throws(() => mempool.add(entry({ account: account(5), sequence: 9 }), false), {
    code: "mempool.full",
    field: "statement",
  });
  for (let n = 10; n < 14; n++) mempool.add(entry({ account: account(n) }), true);
  // What follows a ready one is ready, and what is woken makes room.
  mempool.add(entry({ account: account(10), sequence: 1 }), false);
  assert.throws(() => mempool.add(entry({ account: account(20) }), true), { code: "mempool.full" });
  const [first] = mempool.listWaiting(1);
  mempool.remove(first!.id);
  mempool.add(entry({ account: account(5), sequence: 9 }), false);
  assert.equal(mempool.size, 10);
});

test("a lane with much takes turns with lanes that have little", () => {
  const mempool = new Mempool();
  for (let sequence = 0; sequence < 100; sequence++) mempool.add(entry({ sequence }), true);
  for (let n = 1; n <= 3; n++) mempool.add(entry({ account: account(n), sequence: 7 }), true);
  const picked = mempool.select({ statementsMax: 8, bytesMax: 1 << 20 });
  assert.equal(picked.length, 8);
  assert.equal(picked.filter((held) => held.sequence === 7 && held.account[0] !== 0).length, 3);
  assert.equal(mempool.select({ statementsMax: 100, bytesMax: 550 }).length, 5);
});

test("what expired on the chain, or waited too long, leaves; what is proposed stays", () => {
  const mempool = new Mempool({ ...DEFAULT_MEMPOOL_LIMITS, waitingMsMax: 50 });
  const mortal = entry({ sequence: 0, expiryMs: 10 });
  const early = entry({ account: account(1), sequence: 9, addedMs: 0, position: -1 });
  const promised = entry({ account: account(3), sequence: 8, addedMs: 0 });
  const ready = entry({ account: account(2), addedMs: 0 });
  mempool.add(mortal, true);
  mempool.add(early, false);
  mempool.add(promised, false);
  mempool.add(ready, true);
  assert.deepEqual(mempool.removeExpired(9, 50), { expired: [], forgotten: [] });
  mempool.pin([mortal.leafHash]);
  assert.deepEqual(
    mempool.removeExpired(10, 51).forgotten.map((held) => held.sequence),
    [9],
  );
  mempool.pin([]);
  assert.deepEqual(
    mempool.removeExpired(10, 51).expired.map((held) => held.position),
    [mortal.position],
  );
  assert.equal(mempool.size, 2, "what was promised is never forgotten");
});

test("what came early is proposed only once it is durable", () => {
  const mempool = new Mempool();
  const early = entry({ sequence: 1, position: -1 });
  mempool.add(early, false);
  mempool.add(entry({ sequence: 0 }), true);
  assert.equal(mempool.isDurable(early.id), false);
  assert.deepEqual(
    mempool.select(ALL).map((held) => held.sequence),
    [0],
  );
  assert.deepEqual(
    mempool.listPromotable(1_000).map((held) => held.sequence),
    [1],
  );
  assert.equal(mempool.setPosition(early.id, 77), true);
  assert.deepEqual(
    mempool.select(ALL).map((held) => held.sequence),
    [0, 1],
  );
});

test("every waiting statement is looked at again in its turn, however many others wait", () => {
  const mempool = new Mempool();
  for (let n = 0; n < 30; n++) mempool.add(entry({ account: account(n), sequence: 5 }), false);
  const seen = new Set<number>();
  for (let round = 0; round < 3; round++) for (const held of mempool.listWaiting(10)) seen.add(held.position);
  assert.equal(seen.size, 30);
});

test("model: lookups, sizes, order and limits hold through any sequence of calls", () => {
  const call = fc.oneof(
    fc.record({
      kind: fc.constant("add" as const),
      lane: fc.nat(3),
      sequence: fc.nat(8),
      gasPrice: fc.constantFrom(0n, 100n, 110n, 121n, 200n),
      isReady: fc.boolean(),
      sizeBytes: fc.constantFrom(50, 100, 400),
      expiryMs: fc.constantFrom(0, 5),
    }),
    fc.record({ kind: fc.constant("remove" as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("ready" as const), at: fc.nat(20), isReady: fc.boolean() }),
    fc.record({ kind: fc.constant("pin" as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("expire" as const), chainMs: fc.nat(8) }),
  );
  const limits = {
    statementsMax: 12,
    bytesMax: 2_000,
    laneStatementsMax: 5,
    waitingShare: 0.5,
    waitingMsMax: 1_000,
  };
  fc.assert(
    fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
      const mempool = new Mempool(limits);
      const held = new Map<number, MempoolEntry>();
      let pinned: MempoolEntry | undefined;
      const at = (index: number): MempoolEntry | undefined => [...held.values()][index];
      for (const step of calls) {
        if (step.kind === "add") {
          const { lane, sequence, gasPrice, expiryMs, sizeBytes } = step;
          const added = entry({
            account: account(lane),
            sequence,
            gasPrice,
            expiryMs,
            bytes: new Uint8Array(sizeBytes),
          });
          const obstacle = mempool.findObstacle(added);
          try {
            const replaced = mempool.add(added, step.isReady);
            assert.equal(obstacle, undefined);
            if (replaced !== undefined) {
              assert.ok(replaced !== undefined && held.delete(replaced.position));
              assert.notEqual(replaced.position, pinned?.position);
            }
            held.set(added.position, added);
          } catch (error) {
            assert.ok(error instanceof LhgError);
            // Whether a statement will wait shows only when it is added.
            assert.equal(obstacle?.code ?? "mempool.full", error.code);
          }
        } else if (step.kind === "remove") {
          const target = at(step.at);
          if (target !== undefined) {
            assert.equal(mempool.remove(target.id)?.position, target.position);
            held.delete(target.position);
          }
        } else if (step.kind === "ready") {
          const target = at(step.at);
          if (target !== undefined) mempool.setReady(target.id, step.isReady);
        } else if (step.kind === "pin") {
          pinned = at(step.at);
          mempool.pin(pinned === undefined ? [] : [pinned.leafHash]);
        } else
          for (const gone of mempool.removeExpired(step.chainMs, 0).expired) {
            assert.notEqual(gone.position, pinned?.position);
            held.delete(gone.position);
          }
        assert.equal(mempool.size, held.size);
        assert.ok(mempool.size <= limits.statementsMax);
        const sizeBytes = [...held.values()].reduce((sum, each) => sum + each.bytes.length, 0);
        assert.equal(mempool.sizeBytes, sizeBytes);
        for (const each of held.values()) {
          assert.ok(mempool.has(each.id));
          assert.equal(mempool.getByLeafHash(each.leafHash)?.position, each.position);
        }
        const picked = mempool.select(ALL);
        assert.equal(picked.length > 0, mempool.hasReady());
        assert.equal(new Set(picked.map((each) => each.position)).size, picked.length);
        assert.equal(picked.length + mempool.listWaiting(100).length, mempool.size);
        for (let lane = 0; lane <= 3; lane++) {
          const order = picked.filter((each) => each.account[0] === lane).map((each) => each.sequence);
          assert.deepEqual(
            order,
            [...order].sort((a, b) => a - b),
          );
        }
      }
    }),
    { numRuns: 150 },
  );
});
