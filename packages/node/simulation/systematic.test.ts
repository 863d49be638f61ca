/** Searches that leave nothing out within their bounds, and what they find when a rule is broken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import { type Bounds, searchAll } from "./exhaustive.ts";
import { searchTwins } from "./twins.ts";

const SOUND: readonly Bounds[] = [
  { views: 2, traitor: -1, crashes: 0 },
  ...[0, 3, 1].map((traitor) => ({ views: 2, traitor, crashes: 0 })),
];

for (const bounds of SOUND)
  test(`exhaustive: ${JSON.stringify(bounds)}`, () => {
    const { violation, isComplete, states } = searchAll(bounds);
    assert.equal(violation, undefined);
    assert.ok(isComplete);
    assert.ok(states > 2000);
  });

const CAUGHT: readonly [Mutation, Partial<Bounds>][] = [
  ["quorum-minus-one", { traitor: 0 }],
  ["ignore-highest-certificate", {}],
  ["vote-below-view", {}],
  ["accept-unjustified", { traitor: 3 }],
  ["no-persistence", { crashes: 1 }],
];

for (const [mutation, more] of CAUGHT)
  test(`the exhaustive search catches ${mutation}`, () => {
    const { violation, story } = searchAll({
      views: 2,
      traitor: -1,
      crashes: 0,
      mutations: [mutation],
      ...more,
    });
    assert.notEqual(violation, undefined);
    assert.ok(story.length > 0);
  });

test("twins: every split of a view, and of its commits, for every leader", () => {
  assert.deepEqual(searchTwins(1), { scenarios: 1024, violation: undefined });
});

for (const mutation of ["quorum-minus-one", "ignore-highest-certificate"] as const)
  test(`twins catch ${mutation}`, () => {
    assert.notEqual(searchTwins(1, [mutation]).violation, undefined);
  });
