/** The suite over a CometBFT that is not there: by seed, and with a crash at every call of a short chain. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeRun } from "./checks.ts";
import { type FakeRunOptions, runFakeComet } from "./fake-comet.ts";
import type { CrashKind } from "./fake-node.ts";

/** A few seconds; `npm run compliance` runs as many as one likes. */
const SEEDS = [1, 2, 3, 4] as const;
const OPTIONS = { heights: 10, nodes: 3, withMisbehaviour: false } as const;

async function assertCompliant(options: FakeRunOptions): Promise<readonly string[]> {
  const run = await runFakeComet(options);
  const problem = await judgeRun(run);
  if (problem !== undefined) assert.fail(`seed ${options.seed}: ${problem}\n${run.story.join("\n")}`);
  return run.story;
}

for (const seed of SEEDS)
  test(`seed ${seed} holds every check`, async () => {
    await assertCompliant({ ...OPTIONS, seed, withMisbehaviour: seed % 2 === 0 });
  });

test("a seed gives one story", async () => {
  const [first, again] = [
    await runFakeComet({ ...OPTIONS, seed: 9 }),
    await runFakeComet({ ...OPTIONS, seed: 9 }),
  ];
  assert.deepEqual(again.story, first.story);
  assert.deepEqual(
    again.replicas.map(({ starts }) => starts),
    first.replicas.map(({ starts }) => starts),
  );
});

for (const kind of ["power", "engine"] satisfies CrashKind[])
  test(`the ${kind} goes in every call of a chain once, at whatever turn of it`, async () => {
    for (const [i, afterTurns] of [0, 2, 5, 9, 40].entries()) {
      const seen = new Set<string>();
      const story = await assertCompliant({
        seed: 100 + i,
        heights: 3,
        nodes: 2,
        withMisbehaviour: false,
        planCrash: (call) => {
          if (seen.has(call)) return undefined;
          seen.add(call);
          return { kind, afterTurns };
        },
      });
      const crashes = story.filter((line) => line.includes(`${kind} goes`)).length;
      assert.equal(crashes, seen.size);
      assert.ok(
        ["info", "initChain", "finalizeBlock", "commit"].every((name) =>
          story.join().includes(`into ${name} at`),
        ),
      );
    }
  });
