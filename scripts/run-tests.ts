/**
 * `npm test`: the tests beside the code, then the conformance suite. Arguments choose test files by a
 * part of their path (`npm test -- merkle`) and leave the conformance suite out.
 */
import { printConformance, runConformance } from "./conformance/suite.ts";
import { findFiles, runTestFiles } from "./run-test-files.ts";
import { addTallies, formatTally } from "./tally.ts";

const PROTOCOL = "packages/protocol/";
const PURE_PRELOAD = new URL("./pure-globals.ts", import.meta.url).href;

const wanted = process.argv.slice(2);
const files = findFiles(["{packages,examples,scripts,bench}/**/*.test.ts"]).filter(
  (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
);
if (files.length === 0) throw new Error(`no test file matches ${wanted.join(", ")}`);

const limits = { concurrency: 2, timeoutMs: 120_000 };
const tallies = [
  await runTestFiles({
    title: "protocol, without clock, randomness and machine",
    files: files.filter((file) => file.startsWith(PROTOCOL)),
    nodeFlags: ["--import", PURE_PRELOAD],
    ...limits,
  }),
  await runTestFiles({
    title: "everything else",
    files: files.filter((file) => !file.startsWith(PROTOCOL)),
    ...limits,
  }),
];
if (wanted.length === 0) {
  const results = await runConformance();
  printConformance(results);
  tallies.push(...results);
}
const total = addTallies(tallies);
console.log(`\n${formatTally(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
