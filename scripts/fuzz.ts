/**
 * `npm run fuzz -- --minutes N [--seed S] [--target NAME]`: mutated inputs into everything that takes strangers' bytes. `--inputs N`
 * gives each target so many inputs instead. Prints the inputs tried; every failure with the seed and the input as hex. Exit code 1 on failure.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { toHex } from "../packages/protocol/src/core/bytes.ts";
import type { FromFuzzWorker, FuzzWorkerData } from "./fuzz/fuzz-worker.ts";
import type { FuzzFailure } from "./fuzz/run.ts";

const INPUT_BYTES_MAX = 1 << 20;
/** An input that runs for so long never ends. */
const HANG_MS = 20_000;
const PROGRESS_MS = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    inputs: { type: "string" },
    seed: { type: "string" },
    target: { type: "string", default: "" },
  },
});
const minutes = Number(values.minutes);
const inputs = values.inputs === undefined ? undefined : Number(values.inputs);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed) || !(inputs === undefined || inputs >= 1)) {
  console.error("usage: npm run fuzz -- [--minutes N | --inputs N] [--seed S] [--target NAME]");
  process.exit(2);
}

interface Total {
  inputs: number;
  accepted: number;
  acceptedAs: string;
  failed: number;
}
const totals = new Map<string, Total>();
const failures: FuzzFailure[] = [];
let current = "";
let toldMs = performance.now();

const startMs = performance.now();
console.log(
  `fuzzing ${inputs === undefined ? `for ${minutes} min` : `with ${inputs} inputs each`}, seed ${seed}`,
);
const input = new SharedArrayBuffer(8 + INPUT_BYTES_MAX);
const counters = new Int32Array(input, 0, 2);
const worker = new Worker(new URL("./fuzz/fuzz-worker.ts", import.meta.url), {
  workerData: {
    seed,
    budgetMs: minutes * 60_000,
    inputs,
    wanted: values.target,
    input,
  } satisfies FuzzWorkerData,
});
worker.on("message", (message: FromFuzzWorker) => {
  if (message.type === "begin") current = message.target;
  if (message.type === "end") finish();
  if (message.type !== "report") return;
  const { target, inputs: tried, accepted, acceptedAs, failures: found } = message.report;
  const total = totals.get(target) ?? { inputs: 0, accepted: 0, acceptedAs, failed: 0 };
  totals.set(target, {
    ...total,
    inputs: total.inputs + tried,
    accepted: total.accepted + accepted,
    failed: total.failed + found.length,
  });
  for (const failure of found) report(failure);
  if (performance.now() - toldMs < PROGRESS_MS) return;
  toldMs = performance.now();
  console.log(`  ${countInputs()} inputs so far`);
});
worker.on("error", (error) => {
  report({
    target: current,
    seed,
    input: inputAtWork(),
    message: `the thread died: ${(error as Error).stack}`,
  });
  finish();
});

let seen = -1;
setInterval(() => {
  const count = Atomics.load(counters, 1);
  if (current !== "" && count === seen) {
    report({ target: current, seed, input: inputAtWork(), message: `runs for more than ${HANG_MS} ms` });
    finish();
  }
  seen = count;
}, HANG_MS);

function inputAtWork(): string {
  return toHex(new Uint8Array(input, 8).slice(0, Atomics.load(counters, 0)));
}

function report(failure: FuzzFailure): void {
  failures.push(failure);
  console.error(
    `\nFAILED ${failure.target} (seed ${failure.seed})\n${failure.message}\ninput ${failure.input}\n`,
  );
}

function countInputs(): number {
  return [...totals.values()].reduce((sum, { inputs: tried }) => sum + tried, 0);
}

function finish(): void {
  for (const [name, total] of totals) {
    const verdict = total.failed === 0 ? "" : `  ${total.failed} FAILED`;
    console.log(
      `  ${name.padEnd(24)} ${String(total.inputs).padStart(10)} inputs ${String(total.accepted).padStart(10)} ${total.acceptedAs}${verdict}`,
    );
  }
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  console.log(
    `\n${countInputs()} inputs, ${totals.size} targets, ${seconds} s, ${failures.length} failures, seed ${seed}`,
  );
  process.exit(failures.length === 0 ? 0 : 1);
}
