import { Worker } from "node:worker_threads";
import { connectCalls, type Remote } from "./rpc.ts";
import type { VerifyMethods, VerifyVerdict } from "./verify-worker.ts";

/** Statements a thread is given at once: enough to pay the hand-over, few enough to spread. */
const BATCH = 256;

export interface VerifierPool {
  /** Decodes and verifies submissions, spread over the threads; verdicts in the order given. */
  verify(submissions: readonly Uint8Array[]): Promise<VerifyVerdict[]>;
  close(): Promise<void>;
}

/** Starts `threads` verifiers. `onFatal` hears when one dies. */
export function startVerifierPool(threads: number, onFatal: (error: Error) => void): VerifierPool {
  const workers = Array.from({ length: threads }, () => startVerifier(onFatal));
  let next = 0;
  return {
    async verify(submissions) {
      const batches: Promise<VerifyVerdict[]>[] = [];
      for (let at = 0; at < submissions.length; at += BATCH)
        batches.push(workers[next++ % threads]!.remote.verify(submissions.slice(at, at + BATCH)));
      return (await Promise.all(batches)).flat();
    },
    async close() {
      await Promise.all(workers.map((entry) => entry.stop()));
    },
  };
}

function startVerifier(onFatal: (error: Error) => void): {
  remote: Remote<VerifyMethods>;
  stop: () => Promise<unknown>;
} {
  const worker = new Worker(new URL("./verify-worker.ts", import.meta.url), {
    name: "lhg-verify",
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  const { remote, fail } = connectCalls<VerifyMethods>(worker);
  let isStopping = false;
  worker.on("error", (error) => {
    fail(error as Error);
    onFatal(error as Error);
  });
  worker.on("exit", (code) => {
    fail(new Error(`the verify thread ended with ${code}`));
    if (!isStopping) onFatal(new Error(`the verify thread ended with ${code}`));
  });
  return {
    remote,
    stop: () => {
      isStopping = true;
      return worker.terminate();
    },
  };
}
