/** What senders are told, and how a verified statement enters the mempool. */
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type { Refusal, SubmitResult } from "../api/service.ts";
import type { MempoolEntry } from "../mempool/mempool.ts";
import type { StatementSummary, VerifyVerdict } from "../threads/verify-worker.ts";

export interface Verified {
  /** Its place among the submissions. */
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly summary: StatementSummary;
  readonly isOwn: boolean;
  readonly isReady: boolean;
  /** Why it is not ready. */
  readonly obstacle: Refusal | undefined;
}

export const TOO_EARLY: Refusal = {
  code: "statement.early",
  field: "statement",
  message: "what it follows is not there yet",
};
export const REPLACED: Refusal = {
  code: "mempool.replaced",
  field: "statement",
  message: "another statement took its place",
};
export const EXPIRED: Refusal = {
  code: "statement.expired",
  field: "statement",
  message: "expired while it waited",
};

export function pickRefusal({ code, field, message }: Refusal): Refusal {
  return { code, field, message };
}

export function entryOf({ bytes, summary, isOwn }: Verified, position: number): MempoolEntry {
  const { id, leafHash, account, stream, sequence, gasPrice, expiryMs } = summary;
  return {
    id,
    leafHash,
    bytes,
    account,
    stream,
    sequence,
    gasPrice,
    expiryMs,
    position,
    addedMs: performance.now(),
    isOwn,
  };
}

/** A statement that stands twice in one call has the result of its first place. */
export function findTwin(
  verdicts: readonly VerifyVerdict[],
  results: readonly (SubmitResult | undefined)[],
  at: number,
): SubmitResult {
  const own = verdicts[at] as VerifyVerdict & { ok: true };
  const { id } = own.summary;
  const first = verdicts.findIndex((other) => other.ok && equalBytes(other.summary.id, id));
  return (
    results[first] ?? { id: toHex(id), state: "not-yet", code: "internal", field: "", message: "try again" }
  );
}
