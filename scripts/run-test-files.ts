/** Runs test files, each in a process of its own, and tells what happened. */
import { spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tally } from "./tally.ts";
import { addTallies } from "./tally.ts";
import type { TestLine } from "./test-reporter.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const REPORTER = new URL("./test-reporter.ts", import.meta.url).href;

// Test processes lead groups of their own, so an interrupt reaches them only through `exit`.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

export interface TestRun {
  readonly title: string;
  /** Relative to the root of the repository. */
  readonly files: readonly string[];
  readonly concurrency: number;
  /** A file that takes longer is killed and counts as failed. */
  readonly timeoutMs: number;
  readonly nodeFlags?: readonly string[];
}

interface FileResult extends Tally {
  readonly file: string;
  readonly durationMs: number;
  /** Ready to print, one per failure. */
  readonly problems: readonly string[];
  readonly skips: readonly string[];
}

/** Files of the repository that match, sorted, the same on every machine. */
export function findFiles(patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: ROOT, exclude: ["**/node_modules/**"] }).sort();
}

/** Runs all files, prints failures in full, skips with their reasons and one line per folder. */
export async function runTestFiles(run: TestRun): Promise<Tally> {
  console.log(`\n${run.title}: ${run.files.length} files`);
  const reports = await mkdtemp(join(tmpdir(), "lhg-tests-"));
  const results: FileResult[] = [];
  const queue = run.files.map((file, index) => ({ file, report: join(reports, `${index}.jsonl`) }));
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const result = await runFile(run, next.file, next.report);
      for (const problem of result.problems) console.log(`\n  FAILED ${problem}\n`);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: run.concurrency }, work));
  await rm(reports, { recursive: true });
  printFolders(results);
  for (const result of results) for (const skip of result.skips) console.log(`  skipped ${skip}`);
  return addTallies(results);
}

function printFolders(results: readonly FileResult[]): void {
  const folders = Map.groupBy(results, (result) => dirname(result.file));
  for (const [folder, members] of [...folders].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { passed, failed } = addTallies(members);
    const seconds = members.reduce((sum, member) => sum + member.durationMs, 0) / 1000;
    const verdict = failed === 0 ? "" : `  ${failed} FAILED`;
    console.log(
      `  ${folder.padEnd(44)} ${`${passed} passed`.padStart(12)} ${seconds.toFixed(1)} s${verdict}`,
    );
  }
}

async function runFile(run: TestRun, file: string, report: string): Promise<FileResult> {
  const startMs = performance.now();
  const { output, trouble } = await runProcess(run, file, report);
  const lines = await readReport(report);
  const problems: string[] = [];
  const skips: string[] = [];
  let passed = 0;
  for (const { name, suite, failed, skipped, problem, line } of lines) {
    const place = `${file}:${line}  ${name}`;
    if (failed && problem !== "") problems.push(`${place}\n${indent(problem)}`);
    else if (skipped !== "") skips.push(`${place}: ${skipped}`);
    else if (!failed && !suite) passed++;
  }
  if (trouble !== "" && problems.length === 0) problems.push(`${file}: ${trouble}`);
  if (lines.length === 0 && problems.length === 0) problems.push(`${file}: holds no test`);
  if (problems.length > 0 && output !== "")
    problems[problems.length - 1] += `\n    output of ${file}:\n${indent(output)}`;
  const durationMs = performance.now() - startMs;
  return { file, durationMs, problems, skips, passed, failed: problems.length, skipped: skips.length };
}

async function readReport(report: string): Promise<TestLine[]> {
  if (!existsSync(report)) return [];
  const text = await readFile(report, "utf8");
  // A killed process may leave half a line at the end.
  const complete = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return complete.filter((line) => line !== "").map((line) => JSON.parse(line) as TestLine);
}

/** Not `node --test`, which waits for ever on a file that keeps a handle open: this one can be killed. */
function runProcess(
  run: TestRun,
  file: string,
  report: string,
): Promise<{ output: string; trouble: string }> {
  const reporting = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${report}`];
  const child = spawn(process.execPath, [...(run.nodeFlags ?? []), ...reporting, file], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const killAll = (): void => {
    // The whole process group: a test may have started processes of its own.
    const running = child.exitCode === null && child.signalCode === null;
    if (running && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  process.on("exit", killAll);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killAll();
  }, run.timeoutMs);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      process.off("exit", killAll);
      const trouble = late ? `still running after ${run.timeoutMs / 1000} s` : tellExit(code, signal);
      resolve({ output: Buffer.concat(chunks).toString().trimEnd(), trouble });
    });
  });
}

function tellExit(code: number | null, signal: string | null): string {
  if (code === 0) return "";
  return signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}
