import assert from "node:assert/strict";
import { test } from "node:test";
import { computeRates, joinBlocks } from "./rates.ts";

const block = (height: number, timeMs: number, statements: number) => ({ height, timeMs, statements });

test("statements are counted by the second, and a bucket that is still filling is not drawn", () => {
  const { times, values } = computeRates([block(1, 10_000, 4), block(2, 11_999, 2), block(3, 14_100, 9)], {
    nowMs: 14_500,
    windowMs: 6_000,
    bucketMs: 2_000,
  });
  assert.deepEqual(times, [9_000, 11_000, 13_000]);
  assert.deepEqual(values, [null, 3, 0]);
});

test("before anything is known nothing is claimed", () => {
  const { values } = computeRates([], { nowMs: 10_000, windowMs: 4_000, bucketMs: 2_000 });
  assert.deepEqual(values, [null, null]);
});

test("blocks that were asked for and heard stand once each, in order", () => {
  const joined = joinBlocks(
    [block(3, 3, 1), block(2, 2, 1), block(1, 1, 1)],
    [block(3, 3, 1), block(4, 4, 1)],
  );
  assert.deepEqual(
    joined.map(({ height }) => height),
    [1, 2, 3, 4],
  );
});
