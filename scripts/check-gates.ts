/**
 * `npm run check:gates`: a gate nobody has seen red is no gate. Copies the repository, plants one violation
 * at a time and expects its gate to fail and to name the culprit.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DEFAULT_VECTORS } from "./conformance/suite.ts";
import { VECTORS_COPY, type Violation, vectorViolations, violations } from "./planted-violations.ts";
import { ROOT } from "./run-test-files.ts";
import { listFiles } from "./source-files.ts";
import { formatTally, type Tally } from "./tally.ts";

const GATE_TIMEOUT_MS = 60_000;

interface Outcome {
  readonly red: boolean;
  readonly output: string;
}

function copyRepository(copy: string): void {
  for (const path of listFiles()) cpSync(join(ROOT, path), join(copy, path));
  // Linked name by name: the workspaces among them must lead into the copy.
  linkModules(join(ROOT, "node_modules"), join(copy, "node_modules"));
  for (const folder of readdirSync(join(ROOT, "packages"))) {
    const nested = join("packages", folder, "node_modules");
    if (existsSync(join(ROOT, nested))) symlinkSync(join(ROOT, nested), join(copy, nested));
  }
  const git = spawnSync("git", ["init", "--quiet"], { cwd: copy });
  if (git.status !== 0) throw new Error(`git init: ${git.stderr}`);
}

function linkModules(from: string, to: string): void {
  mkdirSync(join(to, "@lhg"), { recursive: true });
  for (const name of readdirSync(from)) if (name !== "@lhg") symlinkSync(join(from, name), join(to, name));
  for (const name of readdirSync(join(from, "@lhg")))
    symlinkSync(readlinkSync(join(from, "@lhg", name)), join(to, "@lhg", name));
}

function runGate(copy: string, gate: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, gate, {
    cwd: copy,
    encoding: "utf8",
    timeout: GATE_TIMEOUT_MS,
  });
  return { red: status !== 0, output: `${stdout}${stderr}` };
}

/** Plants, runs the gate, and puts everything back. */
function tryViolation(copy: string, { gate, plant }: Violation): Outcome {
  const before = Object.keys(plant).map((path) => {
    const file = join(copy, path);
    return { path, file, text: existsSync(file) ? readFileSync(file, "utf8") : undefined };
  });
  try {
    for (const { path, file, text } of before) {
      const change = plant[path]!;
      const planted = typeof change === "string" ? change : change(text ?? "");
      if (planted === text) throw new Error(`the violation of ${path} changes nothing`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, planted);
    }
    return runGate(copy, gate);
  } finally {
    for (const { file, text } of before)
      if (text === undefined) rmSync(file);
      else writeFileSync(file, text);
  }
}

function judge(violation: Violation, clean: Outcome, planted: Outcome): string {
  if (violation.expect.test(clean.output)) return "the gate says the same without the violation";
  if (!planted.red) return "the gate stays green";
  return violation.expect.test(planted.output) ? "" : `the gate is red without saying ${violation.expect}`;
}

function checkGates(copy: string, tally: Tally): void {
  const tried = [...violations];
  if (existsSync(DEFAULT_VECTORS)) {
    cpSync(DEFAULT_VECTORS, join(copy, VECTORS_COPY), { recursive: true });
    tried.push(...vectorViolations);
  } else {
    tally.skipped += vectorViolations.length;
    console.log(`skipped ${vectorViolations.length} violations of outside cases: no ${DEFAULT_VECTORS}`);
  }
  const cleanRuns = new Map<string, Outcome>();
  for (const violation of tried) {
    const key = violation.gate.join(" ");
    const clean = cleanRuns.get(key) ?? runGate(copy, violation.gate);
    cleanRuns.set(key, clean);
    const planted = tryViolation(copy, violation);
    const miss = judge(violation, clean, planted);
    console.log(`${miss === "" ? "red as it must" : "UNSEEN"}  ${violation.name}${miss && `: ${miss}`}`);
    if (miss === "") tally.passed++;
    else {
      tally.failed++;
      console.log(planted.output.slice(-2000).replaceAll(/^/gm, "    "));
    }
  }
}

const copy = mkdtempSync(join(tmpdir(), "lhg-gates-"));
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
try {
  copyRepository(copy);
  checkGates(copy, tally);
} finally {
  rmSync(copy, { recursive: true });
}
console.log(`\n${formatTally(tally)}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
