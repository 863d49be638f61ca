/** `npm run e2e:network [-- names...] [--seed N] [--patience N]`: ends with 1 where a promise was broken. */
import { parseArgs } from "node:util";
import { runScenario, SCENARIOS } from "./scenarios.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    patience: { type: "string", default: "1" },
  },
});
// Nodes end with this process; what else it leaves, the next run clears away.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const startedMs = performance.now();
const chosen = SCENARIOS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
let failed = 0;
for (const scenario of chosen) {
  try {
    await runScenario(scenario, {
      seed: Number(values.seed),
      patience: Number(values.patience),
      say: (line) => {
        const seconds = (performance.now() - startedMs) / 1_000;
        console.log(`${seconds.toFixed(0).padStart(4)} s  ${line}`);
      },
    });
  } catch (error) {
    failed++;
    console.log(`FAILED ${scenario.name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
console.log(`\n${chosen.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
