import assert from "node:assert/strict";
import { test } from "node:test";
import { createPaceMeter } from "./pace.ts";

test("rates and finality of the last minute, and nothing older", () => {
  let now = 0;
  const final: number[] = [];
  const meter = createPaceMeter(
    () => now,
    (tookMs) => final.push(tookMs),
  );
  assert.deepEqual(meter.read(), { statementsPerSecond: 0, blocksPerMinute: 0, finalityMs: null });
  now = 10_000;
  meter.noteAccepted(["a", "unfollowed"]);
  now = 10_020;
  meter.noteBlock(["x", "a"], 30);
  assert.deepEqual(meter.read().finalityMs, { p50: 20, p99: 20 });
  assert.deepEqual(final, [20]);
  now = 20_000;
  assert.deepEqual(meter.read(), {
    statementsPerSecond: 1.5,
    blocksPerMinute: 3,
    finalityMs: { p50: 20, p99: 20 },
  });
  now = 80_000;
  assert.deepEqual(meter.read(), { statementsPerSecond: 0, blocksPerMinute: 0, finalityMs: null });
});

test("what is never committed is forgotten", () => {
  let now = 0;
  const meter = createPaceMeter(() => now);
  for (let i = 0; i < 10_000; i++) meter.noteAccepted([`id ${i}`]);
  now = 5;
  meter.noteBlock(["id 0", "id 9999"], 2);
  assert.deepEqual(meter.read().finalityMs, { p50: 5, p99: 5 });
});
