/**
 * `npm run compliance -- [--seeds N] [--seed S] [--heights H] [--nodes K] [--story]`: runs N seeds from S on over CometBFT's calls without CometBFT, and
 * prints the story of the first that fails; `--story` prints that of every seed. Exits 1 where a check does not hold.
 */
import { parseArgs } from "node:util";
import { judgeRun } from "./checks.ts";
import { runFakeComet } from "./fake-comet.ts";

const PROGRESS_EVERY = 20;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    heights: { type: "string", default: "12" },
    nodes: { type: "string", default: "3" },
    story: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
const heights = Number(values.heights);
const nodes = Number(values.nodes);

for (let seed = first; seed < first + count; seed++) {
  try {
    const run = await runFakeComet({ seed, heights, nodes, withMisbehaviour: seed % 2 === 0 });
    if (values.story) console.log(`seed ${seed}:\n${run.story.join("\n")}`);
    const problem = await judgeRun(run);
    if (problem !== undefined) throw new Error(`seed ${seed}: ${problem}\n${run.story.join("\n")}`);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
  const done = seed - first + 1;
  if (done % PROGRESS_EVERY === 0) console.log(`${done} of ${count} seeds`);
}
console.log(`${count} seeds hold every check`);
// Retries of certificates of lives that are over may still wait.
process.exit(0);
