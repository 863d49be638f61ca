/** Waiting: for time to pass, and for a node that is away. Both end at once when the world ends. */
import { setTimeout as delay } from "node:timers/promises";
import { LhgError } from "@lhg/protocol/core/errors";

const PASSING: ReadonlySet<string> = new Set([
  "client.unreachable",
  "client.timeout",
  "body.busy",
  "mempool.full",
  "node.busy",
  "node.stopping",
  "rate.limited",
  "request.timeout",
]);

/** The node is away or busy: the same again later can succeed. */
export function isPassing(error: unknown): boolean {
  return error instanceof LhgError && (PASSING.has(error.code) || error.code.startsWith("inbox."));
}

/** Throws an AbortError where the signal ends it. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}

const RETRY_MS = 1_000;

/** Does work until the node was there for it; any other error is the caller's. */
export async function persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await pause(RETRY_MS, signal);
    }
  }
}
