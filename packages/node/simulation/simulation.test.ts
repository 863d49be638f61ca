import assert from "node:assert/strict";
import { test } from "node:test";
import { type Report, runSeed } from "./run.ts";

/** `npm test` runs a fixed number; the command line runs as many as one likes. */
const SEEDS = { 4: 160, 7: 60 } as const;

function assertSound(report: Report): void {
  const { seed, validators, violation } = report;
  assert.equal(violation, undefined, `seed ${seed} of ${validators} validators: ${violation}`);
}

for (const validators of [4, 7] as const)
  test(`${SEEDS[validators]} seeds of ${validators} validators hold every invariant and decide after healing`, () => {
    let highestView = 0;
    for (let seed = 1; seed <= SEEDS[validators]; seed++) {
      const report = runSeed({ seed, validators });
      assertSound(report);
      highestView = Math.max(highestView, report.highestView);
    }
    assert.ok(highestView >= 3, "the faults are heavy enough to change views");
  });

test("small networks and ten validators", () => {
  for (const validators of [1, 2, 3, 5, 10])
    for (let seed = 1; seed <= 6; seed++) assertSound(runSeed({ seed, validators }));
});

test("a seed gives one trace", () => {
  for (const seed of [3, 5, 8]) {
    const { traceHash } = runSeed({ seed, validators: 4 });
    assert.equal(runSeed({ seed, validators: 4, story: true }).traceHash, traceHash);
  }
});

for (const mutation of ["quorum-minus-one", "commits-across-views", "no-persistence"] as const)
  test(`the search catches ${mutation}`, () => {
    let seed = 1;
    while (runSeed({ seed, validators: 4, mutations: [mutation] }).violation === undefined) {
      seed++;
      assert.ok(seed < 100, "within a hundred seeds");
    }
  });
