/** Sending what a device has kept, and what the answers mean. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { DeviceState, KeptCollection } from "./state.ts";

/**
 * Hands a submission to a node: by HTTP, MQTT, a file. Resolves when it is durable there; rejects with an LhgError
 * that bears the chain's code, or with any other error where nothing is known.
 */
export type Send = (submission: Uint8Array) => Promise<unknown>;

export interface FlushOptions {
  /** Asks whether a node knows a statement; decides what a sequence that is in use already means. */
  readonly isKnown?: (id: Uint8Array) => Promise<boolean>;
}

export interface FlushResult {
  /** Collections that became durable at the node. */
  readonly acknowledged: number;
  /** Collections that wait. */
  readonly pending: number;
  /** Why it ended before the last one: what `send` rejected with. */
  readonly problem?: unknown;
}

export interface StateHolder {
  read(): DeviceState;
  update(change: (state: DeviceState) => DeviceState): Promise<DeviceState>;
}

/** Refusals after which the chain can admit no later collection of this key in this stream. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "collection.fork",
  "collection.sequence-used",
  "device.key-rotated",
  "device.revoked",
]);

export async function flushDevice(
  holder: StateHolder,
  send: Send,
  options: FlushOptions,
): Promise<FlushResult> {
  const { attemptedSeq, acknowledgedSeq, headSeq, blocked, kept } = holder.read();
  if (acknowledgedSeq === headSeq || blocked !== null) return summarize(holder, acknowledgedSeq);
  // Saved before the first byte leaves: after a crash nothing else tells that these may have arrived.
  if (attemptedSeq < headSeq) await holder.update((state) => ({ ...state, attemptedSeq: headSeq }));
  let reached = acknowledgedSeq;
  let problem: unknown;
  try {
    for (const entry of kept.filter(({ seq }) => seq > acknowledgedSeq)) {
      await sendOne(entry, send, entry.seq <= attemptedSeq, options);
      reached = entry.seq;
    }
  } catch (error) {
    problem = error;
  }
  const refused = problem instanceof LhgError && FINAL_CODES.has(problem.code) ? problem.code : null;
  if (reached > acknowledgedSeq || refused !== null)
    await holder.update((state) => ({ ...state, acknowledgedSeq: reached, blocked: refused }));
  return { ...summarize(holder, acknowledgedSeq), ...(problem === undefined ? {} : { problem }) };
}

/** A used sequence is this very collection if it may have been sent before; else another holds its place. */
async function sendOne(
  { id, bytes }: KeptCollection,
  send: Send,
  isRetry: boolean,
  { isKnown = async () => isRetry }: FlushOptions,
): Promise<void> {
  try {
    await send(bytes);
  } catch (error) {
    if (!(error instanceof LhgError) || error.code !== "collection.sequence-used") throw error;
    if (!(await isKnown(id))) throw error;
  }
}

function summarize(holder: StateHolder, before: number): FlushResult {
  const { acknowledgedSeq, headSeq, blocked } = holder.read();
  const result = { acknowledged: acknowledgedSeq - before, pending: headSeq - acknowledgedSeq };
  if (blocked === null || result.pending === 0) return result;
  return {
    ...result,
    problem: new LhgError("device.blocked", `the chain refused the stream: ${blocked}`, "stream"),
  };
}
