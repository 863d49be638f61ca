import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import { type Report, runSeed } from "./run.ts";

/** With those of larger.test.ts about a minute on one core; the command line runs as many as one likes. */
const SEEDS = 800;

function assertSound(report: Report): void {
  const { seed, validators, violation } = report;
  assert.equal(violation, undefined, `seed ${seed} of ${validators} validators: ${violation}`);
}

test(`${SEEDS} seeds of 4 validators hold every invariant and decide after healing`, () => {
  let highestView = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const report = runSeed({ seed, validators: 4 });
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

/** Each within a few seeds. accept-unjustified takes hundreds: it is left to its directed case and the exhaustive search. */
const CAUGHT: readonly Mutation[] = [
  "quorum-minus-one",
  "ignore-highest-certificate",
  "no-persistence",
  "commits-across-views",
  "unsigned-prepared-fields",
  "vote-below-view",
  "unproven-certificates",
];
const SEEDS_TO_CATCH = 200;

for (const mutation of CAUGHT)
  test(`the search catches ${mutation}`, () => {
    let seed = 1;
    while (runSeed({ seed, validators: 4, mutations: [mutation] }).violation === undefined) {
      seed++;
      assert.ok(seed <= SEEDS_TO_CATCH, `within ${SEEDS_TO_CATCH} seeds`);
    }
  });
