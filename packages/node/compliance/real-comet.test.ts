/** The suite over the real CometBFT, where it is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findRealBinary, NO_BINARY } from "../src/consensus/comet/process/testing.ts";
import { CHECKS } from "./checks.ts";
import { runRealComet } from "./real-comet.ts";

const binary = await findRealBinary();
const skip = binary === undefined && NO_BINARY;

test("CometBFT and the application, each killed while work comes", { skip, timeout: 110_000 }, async (t) => {
  const run = await runRealComet({
    test: t,
    binary: binary!.file,
    seed: 1,
    crashes: ["engine", "application", "both"],
  });
  const { starts, commits, answers } = run.replicas[0]!;
  t.diagnostic(`${starts.length} lives, ${commits.length} blocks; CometBFT hung ${run.hung} times`);
  const updates = answers.flatMap(({ answer }) => answer.validatorUpdates.map(({ power }) => power));
  assert.deepEqual(
    [...new Set(updates)].toSorted((a, b) => Number(a - b)),
    [0n, 1n, 2n, 1_001n, 1_002n, 1_003n],
  );
  for (const check of CHECKS) await t.test(check.name, () => check.run(run));
});
