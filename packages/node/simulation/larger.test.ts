import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./run.ts";

const SEEDS = { 7: 300, 10: 120 } as const;

for (const validators of [7, 10] as const)
  test(`${SEEDS[validators]} seeds of ${validators} validators hold every invariant and decide after healing`, () => {
    let highestView = 0;
    for (let seed = 1; seed <= SEEDS[validators]; seed++) {
      const report = runSeed({ seed, validators });
      assert.equal(report.violation, undefined, `seed ${seed}: ${report.violation}`);
      highestView = Math.max(highestView, report.highestView);
    }
    assert.ok(highestView >= 3, "the faults are heavy enough to change views");
  });
