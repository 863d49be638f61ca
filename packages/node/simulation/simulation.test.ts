import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import { type Report, runSeed } from "./run.ts";

/** `npm test` runs a fixed number, about a minute on one core; the command line runs as many as one likes. */
const SEEDS = { 4: 900, 7: 400, 10: 200 } as const;

function assertSound(report: Report): void {
  const { seed, validators, violation } = report;
  assert.equal(violation, undefined, `seed ${seed} of ${validators} validators: ${violation}`);
}

for (const validators of [4, 7, 10] as const)
  test(`${SEEDS[validators]} seeds of ${validators} validators hold every invariant and decide after healing`, () => {
    let highestView = 0;
    for (let seed = 1; seed <= SEEDS[validators]; seed++) {
      const report = runSeed({ seed, validators });
      assertSound(report);
      highestView = Math.max(highestView, report.highestView);
    }
    assert.ok(highestView >= 3, "the faults are heavy enough to change views");
  });

test("other sizes, one validator alone among them", () => {
  for (const validators of [1, 2, 3, 5, 6, 13])
    for (let seed = 1; seed <= 20; seed++) assertSound(runSeed({ seed, validators }));
});

test("a seed gives one trace", () => {
  for (const seed of [3, 5, 8]) {
    const { traceHash } = runSeed({ seed, validators: 4 });
    assert.equal(runSeed({ seed, validators: 4, story: true }).traceHash, traceHash);
  }
});

/** The seeds within which the search finds a broken rule. The rest of the rules have their directed cases in mutations.test.ts. */
const CAUGHT: readonly [Mutation, number][] = [
  ["quorum-minus-one", 200],
  ["commits-across-views", 200],
  ["no-persistence", 200],
];

for (const [mutation, seeds] of CAUGHT)
  test(`the search catches ${mutation}`, () => {
    let seed = 1;
    while (runSeed({ seed, validators: 4, mutations: [mutation] }).violation === undefined) {
      seed++;
      assert.ok(seed <= seeds, `within ${seeds} seeds`);
    }
  });
