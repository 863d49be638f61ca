/** Runs all targets in a thread, so that the main one can watch for an input that never ends. */
import { parentPort, workerData } from "node:worker_threads";
import { makeCorpus } from "./corpus.ts";
import { type FuzzReport, fuzzTarget } from "./run.ts";
import { makeTargets } from "./targets.ts";

export interface FuzzWorkerData {
  readonly seed: number;
  readonly budgetMs: number;
  /** Of each target; undefined leaves it to the time. */
  readonly inputs: number | undefined;
  /** A part of a target's name. */
  readonly wanted: string;
  /** Length and bytes of the input at work. */
  readonly input: SharedArrayBuffer;
}
export type FromFuzzWorker =
  | { readonly type: "begin"; readonly target: string }
  | { readonly type: "report"; readonly report: FuzzReport }
  | { readonly type: "end" };

/** All targets take their turn in a round; a long run makes many rounds, each with a seed of its own. */
const ROUND_MS = 60_000;
const ROUND_INPUTS = 1_000_000;

async function run(data: FuzzWorkerData): Promise<void> {
  const say = (message: FromFuzzWorker): void => parentPort!.postMessage(message);
  const length = new Int32Array(data.input, 0, 2);
  const bytes = new Uint8Array(data.input, 8);
  const onInput = (input: Uint8Array): void => {
    const shown = input.subarray(0, bytes.length);
    bytes.set(shown);
    Atomics.store(length, 0, shown.length);
    Atomics.add(length, 1, 1);
  };
  const targets = (await makeTargets(await makeCorpus())).filter(({ name }) => name.includes(data.wanted));
  if (targets.length === 0) throw new Error(`no target is called ${data.wanted}`);
  const { inputs } = data;
  const rounds = Math.ceil(inputs === undefined ? data.budgetMs / ROUND_MS : inputs / ROUND_INPUTS);
  for (let round = 0; round < rounds; round++)
    for (const target of targets) {
      say({ type: "begin", target: target.name });
      const limits =
        inputs === undefined
          ? { budgetMs: data.budgetMs / rounds / targets.length }
          : { budgetMs: Infinity, inputsMax: Math.ceil(inputs / rounds) };
      const report = await fuzzTarget(target, { seed: data.seed + round, ...limits, onInput });
      say({ type: "report", report });
    }
  say({ type: "end" });
}

if (parentPort !== null) await run(workerData as FuzzWorkerData);
