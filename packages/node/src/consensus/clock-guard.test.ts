import assert from "node:assert/strict";
import { test } from "node:test";
import { createClockGuard } from "./clock-guard.ts";

const YEAR_MS = 365 * 86_400_000;

test("a clock that leaps is not followed until it has held its new time for a minute", () => {
  const guard = createClockGuard(1_000_000, 0);
  assert.equal(guard.isSteady(1_001_000, 1_000), true);
  assert.equal(guard.isSteady(1_002_000 + YEAR_MS, 2_000), false);
  assert.equal(guard.isSteady(1_003_000, 3_000), true, "right again: nothing happened");
  assert.equal(guard.isSteady(1_004_000 + YEAR_MS, 4_000), false);
  assert.equal(guard.isSteady(1_034_000 + YEAR_MS, 34_000), false);
  assert.equal(guard.isSteady(1_064_000 + YEAR_MS, 64_000), true, "it has held");
  assert.equal(guard.isSteady(1_065_000 + YEAR_MS, 65_000), true);
});

test("a clock that is adjusted bit by bit is followed", () => {
  const guard = createClockGuard(0, 0);
  for (let step = 1; step < 100; step++) assert.equal(guard.isSteady(step * 6_000, step * 1_000), true);
});
