/**
 * `npm run e2e:comet [-- stages...] [--kills N] [--quick] [--seed N] [--patience N] [--verbose]`: ends with 1 where something is not as it
 * should be. Builds CometBFT where it is missing; without Go there is nothing to test, which is said and counted.
 */
import { parseArgs } from "node:util";
import { LhgError } from "@lhg/protocol/core/errors";
import { findCometBinary, installCometBinary } from "../../src/consensus/comet/process/engine-binary.ts";
import { STAGES } from "./stages.ts";
import { keepLogs, openStory } from "./story.ts";

const QUICK_KILLS = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "50" },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    patience: { type: "string", default: "6" },
    verbose: { type: "boolean", default: false },
  },
});
const startedMs = performance.now();
const print = (line: string): void => {
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(`${seconds.toFixed(0).padStart(4)} s  ${line}`);
};
// Nodes end with this process, and engines with their nodes.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const missing = await findWhatIsMissing();
const tally = { passed: 0, failed: 0, skipped: 0 };
if (missing === undefined) await tellAll();
else {
  tally.skipped++;
  console.log(`\n*** SKIPPED: the network tests of CometBFT need what is not here. ${missing} ***`);
}
console.log(`\n${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
// Load whose network is gone would go on for ever.
process.exit(tally.failed === 0 ? 0 : 1);

async function findWhatIsMissing(): Promise<string | undefined> {
  if (process.platform !== "linux") return "They find processes in /proc of Linux.";
  try {
    const found = await findCometBinary({ path: process.env.PATH ?? "" }).catch(() => undefined);
    const { file, version } = found ?? (await installCometBinary({ log: print }));
    print(`CometBFT ${version}: ${file}`);
    return undefined;
  } catch (error) {
    const isMissing = error instanceof LhgError && /^engine\.go-(?:missing|version)$/.test(error.code);
    if (isMissing) return `${error.field} ${error.message}.`;
    throw error;
  }
}

/** What a stage that failed leaves is nothing to go on with: those after it are skipped. */
async function tellAll(): Promise<void> {
  const wanted = STAGES.filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  const last = STAGES.at(-1)!;
  const chosen = wanted.includes(last) ? wanted : [...wanted, last];
  const story = await openStory({
    kills: values.quick ? QUICK_KILLS : Number(values.kills),
    seed: Number(values.seed),
    patience: Number(values.patience),
    say: values.verbose ? (line) => print(`  ${line}`) : () => {},
  });
  try {
    for (const { name, run } of chosen) {
      if (tally.failed > 0) {
        tally.skipped++;
        continue;
      }
      try {
        print(`${name}: ${await run(story)}`);
        tally.passed++;
      } catch (error) {
        tally.failed++;
        print(`FAILED ${name}: ${error instanceof Error ? error.stack : String(error)}`);
        print(`logs of the nodes are kept in ${await keepLogs(story)}`);
      }
    }
  } finally {
    await story.network.close();
  }
}
