/** Feeds one target until its time or its inputs are over. A failure is what a target throws, a slow input, or memory that stays. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRandom } from "../../packages/node/src/store/memory-store.ts";
import { toHex } from "../../packages/protocol/src/core/bytes.ts";
import { LhgError } from "../../packages/protocol/src/core/errors.ts";
import type { Target } from "./targets.ts";

export interface FuzzFailure {
  readonly target: string;
  /** `--seed` and `--target` with it draw the same inputs again. */
  readonly seed: number;
  /** Hex; empty for a failure of no single input. */
  readonly input: string;
  readonly message: string;
}

export interface FuzzReport {
  readonly target: string;
  readonly inputs: number;
  /** Inputs that were not refused with an LhgError. */
  readonly accepted: number;
  /** What those are. */
  readonly acceptedAs: string;
  readonly failures: readonly FuzzFailure[];
}

export interface FuzzOptions {
  readonly seed: number;
  readonly budgetMs: number;
  /** Stops after so many inputs even if there is time left. */
  readonly inputsMax?: number;
  /** An input may take so long, by processor time. */
  readonly inputMsMax?: number;
  /** What may stay in memory after the last input. */
  readonly heapGrowthBytesMax?: number;
  /** Hears of every input before it runs, so that a watcher can name the one that never ends. */
  readonly onInput?: (input: Uint8Array) => void;
}

const INPUT_MS_MAX = 1_000;
const FAILURES_MAX = 5;
const STACK_FRAMES = 20;
const HEAP_GROWTH_BYTES_MAX = 150 << 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

/** Milliseconds of this thread's processor time: on a busy machine the clock blames whoever was interrupted. */
async function measureAgain(target: Target, input: Uint8Array): Promise<number> {
  const before = process.threadCpuUsage();
  try {
    await target.run(input);
  } catch (error) {
    // What it is worth was said the first time.
    if (!(error instanceof Error)) throw error;
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** What went wrong, with its stack: the input runs once more with stacks on. */
async function tellFailure(target: Target, input: Uint8Array, thrown: unknown): Promise<string> {
  Error.stackTraceLimit = STACK_FRAMES;
  try {
    await target.run(input);
  } catch (error) {
    if (error instanceof Error && !(error instanceof LhgError)) return `${error.stack}`;
  } finally {
    Error.stackTraceLimit = 0;
  }
  // It needed what came before.
  return String(thrown);
}

export async function fuzzTarget(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const { stackTraceLimit } = Error;
  // Most inputs are refused by an error; its stack took half of the time.
  Error.stackTraceLimit = 0;
  try {
    return await feedTarget(target, options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function feedTarget(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, budgetMs, inputsMax = Infinity, inputMsMax = INPUT_MS_MAX, onInput = () => {} } = options;
  const { heapGrowthBytesMax = HEAP_GROWTH_BYTES_MAX } = options;
  const random = createRandom(seed);
  const failures: FuzzFailure[] = [];
  const fail = (input: Uint8Array, message: string): void => {
    failures.push({ target: target.name, seed, input: toHex(input), message });
  };
  let inputs = 0;
  let accepted = 0;
  const heapBefore = heapBytes();
  const endMs = performance.now() + budgetMs;
  while (inputs < inputsMax && performance.now() < endMs && failures.length < FAILURES_MAX) {
    const input = target.draw(random);
    onInput(input);
    const startMs = performance.now();
    try {
      const fed = (await target.run(input)) ?? 1;
      inputs += fed;
      accepted += fed;
    } catch (error) {
      inputs++;
      if (!(error instanceof LhgError)) fail(input, await tellFailure(target, input, error));
    }
    if (performance.now() - startMs <= inputMsMax) continue;
    const tookMs = await measureAgain(target, input);
    if (tookMs > inputMsMax) fail(input, `took ${Math.round(tookMs)} ms`);
  }
  const grown = heapBytes() - heapBefore;
  if (grown > heapGrowthBytesMax) fail(new Uint8Array(0), `left ${grown >> 20} MiB behind`);
  return { target: target.name, inputs, accepted, acceptedAs: target.acceptedAs ?? "accepted", failures };
}
