/** The suite over LHG's own engine. */
import { test } from "node:test";
import { CHECKS } from "./checks.ts";
import { runDbft } from "./dbft.ts";

for (const seed of [1, 2])
  test(`dBFT and the application, power lost by seed ${seed}`, async (t) => {
    const run = await runDbft({ seed, lives: 4 });
    t.diagnostic(`${run.replicas[0]!.starts.length} lives, ${run.replicas[0]!.commits.length} blocks`);
    for (const check of CHECKS) await t.test(check.name, () => check.run(run));
  });
