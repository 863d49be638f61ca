/**
 * `npm run model`: Spin searches every state of docs/spec/view-change.pml within its bounds and finds nothing; with each rule broken on
 * purpose it finds a fork. Needs Debian's `spin` and `gcc` (which Spin also preprocesses with); without them everything is skipped.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./run-test-files.ts";
import { formatTally, type Tally } from "./tally.ts";

interface Search {
  readonly title: string;
  readonly macros: readonly string[];
  /** Whether a counterexample must be found, or none in the whole space. */
  readonly expects: "nothing" | "violation";
}

const MODEL = "view-change.pml";
const BOUNDS = ["VIEWS=4", "VALUES=3"];
const SMALL = ["VIEWS=3", "VALUES=2"];
/** A 32 MiB-entry hash table saves a third of the time; 12.5 million states take 1.1 GB with it. */
const VERIFIER = ["-m200", "-w25"];
const COMPILE = ["-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048"];
const TIMEOUT_MS = 600_000;

const SEARCHES: readonly Search[] = [
  { title: "agreement, four views, three blocks", macros: BOUNDS, expects: "nothing" },
  {
    title: "no block outlives its view (or the model is empty)",
    macros: [...BOUNDS, "WITNESS"],
    expects: "violation",
  },
  { title: "a quorum of M - 1", macros: [...SMALL, "QUORUM_MINUS_ONE"], expects: "violation" },
  { title: "highest certificate ignored", macros: [...SMALL, "IGNORE_HIGHEST"], expects: "violation" },
  { title: "prepared fields unsigned", macros: [...SMALL, "UNSIGNED_PREPARED"], expects: "violation" },
  {
    title: "commits counted across views: not in three views",
    macros: [...SMALL, "COMMITS_ACROSS_VIEWS", "AGREEMENT_ONLY"],
    expects: "nothing",
  },
  {
    title: "commits counted across views: in four",
    macros: ["VIEWS=4", "VALUES=2", "COMMITS_ACROSS_VIEWS", "AGREEMENT_ONLY"],
    expects: "violation",
  },
];

function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

function run(folder: string, program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  const output = `${stdout ?? ""}${stderr ?? ""}`;
  if (error !== undefined || status !== 0)
    throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}\n${output}`);
  return output;
}

/** What the search said; throws where it says less than it was to. */
function search(folder: string, { macros, expects }: Search): string {
  const defines = macros.map((macro) => `-D${macro}`);
  copyFileSync(join(ROOT, "docs", "spec", MODEL), join(folder, MODEL));
  run(folder, "spin", ["-a", ...defines, MODEL]);
  run(folder, "gcc", [...COMPILE, "-o", "pan", "pan.c"]);
  const output = run(folder, "./pan", VERIFIER);
  const errors = /errors: (\d+)/.exec(output)?.[1];
  const states = /(\d+) states, stored/.exec(output)?.[1] ?? "no";
  if (expects === "violation") {
    if (errors !== "1" || !/assertion violated/.test(output))
      throw new Error(`no assertion is violated\n${output}`);
    return `${states} states until the counterexample`;
  }
  if (errors !== "0")
    throw new Error(`${output}\n${run(folder, "spin", ["-t", "-B", "-T", ...defines, MODEL])}`);
  // Each of these would make "no error" mean less than the whole space.
  const isWhole = output.includes("Full statespace search");
  if (
    !isWhole ||
    /search depth too small|not completed|out of memory|hash-compact|bit statespace/i.test(output)
  )
    throw new Error(`the search is not complete\n${output}`);
  return `${states} states, all of them`;
}

function check(entry: Search): boolean {
  const folder = mkdtempSync(join(tmpdir(), "lhg-model-"));
  const startMs = performance.now();
  let verdict = "passed";
  let told: string;
  try {
    told = search(folder, entry);
  } catch (error) {
    verdict = "FAILED";
    told = (error as Error).message;
  } finally {
    rmSync(folder, { recursive: true });
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const kind = entry.expects === "nothing" ? "holds" : "is refuted";
  console.log(`${verdict}  ${kind.padEnd(10)}  ${entry.title}: ${told} (${seconds} s)`);
  return verdict === "passed";
}

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
const missing = ["spin", "gcc"].filter((program) => !isInstalled(program));
if (missing.length > 0) {
  console.log(
    `SKIPPED: the model is not checked, as ${missing.join(" and ")} cannot be found (Debian: apt install spin gcc libc6-dev)`,
  );
  tally.skipped = SEARCHES.length;
} else
  for (const entry of SEARCHES) {
    if (check(entry)) tally.passed++;
    else tally.failed++;
  }
console.log(`\n${formatTally(tally)}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
