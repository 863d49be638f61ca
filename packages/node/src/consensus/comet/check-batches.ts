/** Statements that CometBFT's mempool asks for one by one, judged by the intake in batches. */
import type { SubmitResult } from "../../api/service.ts";

/** So many wait for the batch before them at most; who asks for more waits for its turn. */
const BATCH_MAX = 1_024;

export interface CheckBatches {
  check(submission: Uint8Array): Promise<SubmitResult>;
}

/** While a batch is judged the next one gathers: alone under light load, large under heavy. */
export function createCheckBatches(
  receive: (submissions: readonly Uint8Array[]) => Promise<SubmitResult[]>,
): CheckBatches {
  let waiting: {
    readonly submission: Uint8Array;
    readonly resolve: (result: SubmitResult) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  let isJudging = false;

  async function judge(): Promise<void> {
    isJudging = true;
    // What the socket brought at once comes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MAX);
      waiting = waiting.slice(BATCH_MAX);
      try {
        const results = await receive(batch.map(({ submission }) => submission));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isJudging = false;
  }

  return {
    check: (submission) =>
      new Promise((resolve, reject) => {
        waiting.push({ submission, resolve, reject });
        if (!isJudging) void judge();
      }),
  };
}
