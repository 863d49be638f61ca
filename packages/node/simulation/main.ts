/**
 * `npm run sim`: `--seeds N [--seed S] [--nodes 4|7|10] [--json] [--jobs K] [--mutate name]` runs N seeds from S on and prints the story of the
 * first that fails; `--twins V` and `--exhaustive [--views V] [--crashes C]` search four validators systematically. Exits 1 on a violation.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import { searchAll } from "./exhaustive.ts";
import { runSeed } from "./run.ts";
import { searchTwins } from "./twins.ts";

const STORY_LINES = 250;
const PROGRESS_EVERY = 2000;

interface Summary {
  readonly seeds: number;
  readonly validators: number;
  readonly highestView: number;
  /** The longest that four blocks took after healing, in virtual time. */
  readonly slowestMs: number;
  /** The fewest views that a decision after healing was below the last one allowed. */
  readonly sparedViews: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly failed: { readonly seed: number; readonly violation: string } | null;
}

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    nodes: { type: "string", default: "4" },
    jobs: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    mutate: { type: "string" },
    twins: { type: "string" },
    exhaustive: { type: "boolean", default: false },
    views: { type: "string", default: "2" },
    crashes: { type: "string", default: "1" },
  },
});
const mutations = values.mutate === undefined ? [] : [values.mutate as Mutation];

function runSeeds(first: number, count: number, validators: number): Summary {
  const startedMs = performance.now();
  let highestView = 0;
  let slowestMs = 0;
  let sparedViews = Number.MAX_SAFE_INTEGER;
  let failed: Summary["failed"] = null;
  let seeds = 0;
  while (seeds < count && failed === null) {
    const seed = first + seeds++;
    const report = runSeed({ seed, validators, mutations });
    highestView = Math.max(highestView, report.highestView);
    slowestMs = Math.max(slowestMs, report.healedAfterMs);
    sparedViews = Math.min(sparedViews, report.sparedViews);
    if (report.violation !== undefined) failed = { seed, violation: report.violation };
    if (seeds % PROGRESS_EVERY === 0)
      console.error(`${seeds} of ${count} seeds, ${Math.round((performance.now() - startedMs) / 1000)} s`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage();
  const cpuSeconds = (user + system) / 1e6;
  return { seeds, validators, highestView, slowestMs, sparedViews, seconds, cpuSeconds, failed };
}

/** Splits the seeds among processes of this program. */
async function runJobs(first: number, count: number, validators: number, jobs: number): Promise<Summary> {
  if (jobs <= 1) return runSeeds(first, count, validators);
  const share = Math.ceil(count / jobs);
  const parts = Array.from({ length: Math.ceil(count / share) }, (_, i) =>
    runJob(first + i * share, Math.min(share, count - i * share), validators),
  );
  const all = await Promise.all(parts);
  return {
    seeds: all.reduce((sum, part) => sum + part.seeds, 0),
    validators,
    highestView: Math.max(...all.map((part) => part.highestView)),
    slowestMs: Math.max(...all.map((part) => part.slowestMs)),
    sparedViews: Math.min(...all.map((part) => part.sparedViews)),
    seconds: Math.max(...all.map((part) => part.seconds)),
    cpuSeconds: all.reduce((sum, part) => sum + part.cpuSeconds, 0),
    failed: all.find((part) => part.failed !== null)?.failed ?? null,
  };
}

function runJob(first: number, count: number, validators: number): Promise<Summary> {
  const args = ["--seed", first, "--seeds", count, "--nodes", validators].map(String);
  const more = values.mutate === undefined ? [] : ["--mutate", values.mutate];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args, "--json", ...more], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(JSON.parse(printed) as Summary));
  });
}

function printSummary(summary: Summary): void {
  if (summary.failed !== null) process.exitCode = 1;
  if (values.json) {
    console.log(JSON.stringify(summary));
    return;
  }
  const { seeds, validators, highestView, slowestMs, sparedViews, seconds, cpuSeconds, failed } = summary;
  if (failed !== null) {
    const { story } = runSeed({ seed: failed.seed, validators, mutations, story: true });
    for (const line of [...story.slice(0, 1), ...story.slice(1).slice(-STORY_LINES)]) console.log(line);
    console.log(`seed ${failed.seed} of ${validators} validators: ${failed.violation}`);
  }
  const progress =
    failed === null
      ? `no violation, four blocks within ${slowestMs} ms of virtual time after healing, ${sparedViews} views below the bound at least`
      : "VIOLATION";
  console.log(
    `${seeds} seeds from ${values.seed}, ${validators} validators: ${progress}, highest view ${highestView}, ` +
      `${seconds.toFixed(1)} s, ${(seeds / cpuSeconds).toFixed(0)} seeds/s of CPU time`,
  );
}

function runTwins(views: number): void {
  const startedMs = performance.now();
  const { scenarios, violation } = searchTwins(views, mutations);
  if (violation !== undefined) process.exitCode = 1;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `${scenarios} scenarios of twins over ${views} views: ${violation ?? "no violation"}, ${seconds} s`,
  );
}

function runExhaustive(views: number, crashes: number): void {
  const bounds = [-1, 0, 3, 2, 1].flatMap((traitor) =>
    Array.from({ length: crashes + 1 }, (_, n) => ({ views, traitor, crashes: n })),
  );
  for (const bound of bounds) {
    const startedMs = performance.now();
    const { states, localStates, steps, isComplete, violation, story } = searchAll({ ...bound, mutations });
    for (const line of story) console.log(line);
    if (violation !== undefined) process.exitCode = 1;
    const who = `${bound.traitor < 0 ? "no traitor" : `traitor ${bound.traitor}`}, ${bound.crashes} crashes`;
    console.log(
      `${views} views, ${who}: ${violation ?? (isComplete ? "no violation" : "unfinished")}, ${states} global states, ` +
        `${localStates} local ones, ${steps} steps, ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
    );
  }
}

if (values.twins !== undefined) runTwins(Number(values.twins));
else if (values.exhaustive) runExhaustive(Number(values.views), Number(values.crashes));
else
  printSummary(
    await runJobs(Number(values.seed), Number(values.seeds), Number(values.nodes), Number(values.jobs)),
  );
