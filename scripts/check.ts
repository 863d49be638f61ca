/** `npm run check`: every static gate, one line each; all run, whatever the others say. */
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { ROOT } from "./run-test-files.ts";
import { formatTally, type Tally } from "./tally.ts";

interface Gate {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const BIN = join(ROOT, "node_modules", ".bin");
const GATES: readonly Gate[] = [
  { name: "types", command: join(BIN, "tsc"), args: ["-p", "tsconfig.json"] },
  {
    name: "types of the protocol without a platform",
    command: join(BIN, "tsc"),
    args: ["-p", "packages/protocol/tsconfig.json"],
  },
  {
    name: "types of the console in a browser",
    command: join(BIN, "tsc"),
    args: ["-p", "packages/console/tsconfig.json"],
  },
  {
    name: "lint and format",
    command: join(BIN, "biome"),
    args: ["check", "--diagnostic-level=warn", "--error-on-warnings", "--max-diagnostics=none", "."],
  },
  {
    name: "dead code and dependencies",
    command: join(BIN, "knip"),
    args: ["--no-progress", "--no-config-hints"],
  },
  { name: "layers and house rules", command: process.execPath, args: ["--test", "scripts/tidy.test.ts"] },
];

/** The tools start `node` by name: it must be the one that runs this script. */
const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH ?? ""}`, NO_COLOR: "1" };

function runGate({ name, command, args }: Gate): boolean {
  const startMs = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: ROOT, env, encoding: "utf8" });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${status === 0 ? "passed" : "FAILED"}  ${name} (${seconds} s)`);
  if (status === 0) return true;
  console.log(`${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`.trimEnd().replaceAll(/^/gm, "    "));
  return false;
}

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
const wanted = process.argv.slice(2);
for (const gate of GATES) {
  if (wanted.length > 0 && !wanted.some((part) => gate.name.includes(part))) continue;
  if (runGate(gate)) tally.passed++;
  else tally.failed++;
}
console.log(`\n${formatTally(tally)}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
