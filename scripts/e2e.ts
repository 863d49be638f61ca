/** `npm run e2e`: end-to-end tests, whole nodes over real sockets, one file after the other. */
import { findFiles, runTestFiles } from "./run-test-files.ts";
import { formatTally } from "./tally.ts";

const wanted = process.argv.slice(2);
const tally = await runTestFiles({
  title: "end to end",
  files: findFiles(["packages/*/e2e/**/*.e2e.ts", "e2e/**/*.e2e.ts"]).filter(
    (file) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
  ),
  concurrency: 1,
  timeoutMs: 300_000,
});
console.log(`\n${formatTally(tally)}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
