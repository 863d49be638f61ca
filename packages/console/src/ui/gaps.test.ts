import assert from "node:assert/strict";
import { test } from "node:test";
import { breakLines, findGaps, splitRuns } from "./gaps.ts";

test("a line ends where no reading came for longer than five usual intervals", () => {
  assert.deepEqual(breakLines([0, 10, 20, 80, 90], [[1, 2, 3, 4, 5]]), [
    [0, 10, 20, 50, 80, 90],
    [1, 2, 3, null, 4, 5],
  ]);
  assert.deepEqual(findGaps([0, 10, 20, 70, 80]), []);
});

test("readings of one time, a single one and none are no pause", () => {
  assert.deepEqual(findGaps([5, 5, 5, 10, 15]), []);
  assert.deepEqual(findGaps([5]), []);
  assert.deepEqual(splitRuns([]), [[]]);
});

test("a track falls into runs at its pauses", () => {
  const places = [0, 1, 2, 30, 31].map((timeMs) => ({ timeMs }));
  assert.deepEqual(
    splitRuns(places).map((run) => run.map(({ timeMs }) => timeMs)),
    [
      [0, 1, 2],
      [30, 31],
    ],
  );
});
