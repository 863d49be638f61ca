import { parseArgs } from "node:util";
import { runSeed } from "./run.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    nodes: { type: "string", default: "4" },
  },
});
const count = Number(values.seeds);
const first = Number(values.seed);
const validators = Number(values.nodes);
const startedMs = performance.now();
let highestView = 0,
  slowestMs = 0,
  spared = 1e9,
  n = 0;
for (let seed = first; seed < first + count; seed++) {
  const report = runSeed({ seed, validators });
  n++;
  highestView = Math.max(highestView, report.highestView);
  slowestMs = Math.max(slowestMs, report.healedAfterMs);
  spared = Math.min(spared, report.sparedViews);
  if (report.violation === undefined) continue;
  for (const line of runSeed({ seed, validators, story: true }).story.slice(-60)) console.log(line);
  console.log(`seed ${seed}, ${validators} validators: ${report.violation}`);
  break;
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(
  `${n} seeds from ${first}, ${validators} validators: highest view ${highestView}, slowest recovery ${slowestMs} ms, spared ${spared}, ${seconds} s`,
);
