/**
 * `npm run bench [-- names...] [--quick | --full] [--json FILE]`: what this machine can do, then what the ledger
 * makes of it. README.md says what the figures mean.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { calibrate, calibrationFigures } from "./calibration.ts";
import { captures } from "./captures.ts";
import { collections } from "./collections.ts";
import { comet } from "./comet.ts";
import { pages } from "./console.ts";
import {
  type BenchContext,
  type Figure,
  formatTable,
  isMet,
  type Part,
  type RunSize,
  ratioOf,
} from "./figures.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { mqtt } from "./mqtt.ts";
import { network } from "./network.ts";
import { receipts } from "./receipts.ts";
import { snapshots } from "./snapshot.ts";
import { state } from "./state.ts";
import { traces } from "./trace.ts";
import { transfers } from "./transfers.ts";
import { trie } from "./trie.ts";

const PARTS: readonly Part[] = [
  transfers,
  collections,
  mqtt,
  captures,
  latency,
  network,
  comet,
  traces,
  receipts,
  trie,
  state,
  snapshots,
  idle,
  pages,
];
const OUT = fileURLToPath(new URL("out/", import.meta.url));
const ROOT = dirname(dirname(OUT));

const HELP = `npm run bench [-- names...] [--quick | --full] [--json FILE]

Parts: ${PARTS.map(({ name }) => name).join(", ")}; all of them by default.
--quick  small sizes, in less than a minute: shows that everything runs
--full   the sizes of the aims: a million events, ten idle minutes; takes half an hour
--json   where the figures go besides bench/out/latest.json`;

interface Failure {
  readonly part: string;
  readonly message: string;
}

process.exitCode = await runBench(process.argv.slice(2));

async function runBench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const unknown = positionals.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined || (values.quick && values.full)) {
    console.error(unknown === undefined ? HELP : `There is no part "${unknown}".\n\n${HELP}`);
    return 2;
  }
  const size: RunSize = values.quick ? "quick" : values.full ? "full" : "default";
  const chosen = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return measureParts(chosen, size, values.json === undefined ? [] : [values.json]);
}

async function measureParts(
  parts: readonly Part[],
  size: RunSize,
  files: readonly string[],
): Promise<number> {
  mkdirSync(OUT, { recursive: true });
  const directory = mkdtempSync(join(OUT, "data-"));
  const removeData = () => rmSync(directory, { recursive: true, force: true });
  process.once("SIGINT", () => {
    removeData();
    process.exit(130);
  });
  try {
    const makeDirectory = () => mkdtempSync(join(directory, "part-"));
    const calibration = await calibrate(makeDirectory);
    console.log(`${formatTable(calibrationFigures(calibration))}\n`);
    const context: BenchContext = {
      size,
      cores: availableParallelism(),
      calibration,
      makeDirectory,
      rates: new Map(),
      say: (text) => console.error(`  ${text}`),
    };
    const { figures, failures } = await runParts(context, parts);
    const report = { ...describeRun(size), calibration, figures: figures.map(toRecord), failures };
    for (const file of [join(OUT, "latest.json"), ...files])
      writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`\n${formatTable(figures)}`);
    for (const { part, message } of failures) console.log(`not measured: ${part}: ${message}`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    removeData();
  }
}

/** A part that fails says why, and the others run. */
async function runParts(
  context: BenchContext,
  parts: readonly Part[],
): Promise<{ readonly figures: Figure[]; readonly failures: Failure[] }> {
  const figures: Figure[] = [];
  const failures: Failure[] = [];
  for (const part of parts) {
    console.error(`${part.name}:`);
    try {
      for (const figure of await part.run(context))
        figures.push(context.size === "quick" ? { ...figure, isOtherSize: true } : figure);
    } catch (error) {
      console.error(error);
      const message = error instanceof Error ? error.message : String(error);
      failures.push({ part: part.name, message: message.replaceAll(ROOT, ".") });
    }
  }
  return { figures, failures };
}

/** Facts that figures depend on; nothing that names the machine. */
function describeRun(size: RunSize) {
  return {
    version: 1,
    date: new Date().toISOString(),
    size,
    machine: {
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? "unknown",
      memoryBytes: totalmem(),
      platform: platform(),
      arch: arch(),
      node: process.version,
    },
  };
}

function toRecord(figure: Figure) {
  return { ...figure, ratio: ratioOf(figure), isMet: isMet(figure) };
}
