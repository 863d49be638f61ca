/** Submissions as bytes: a statement and what stands beside it. */
import { decode } from "@lhg/protocol/core/codec/definition";
import { submission, wrapStatement } from "@lhg/protocol/core/statement/submission";
import type { VerifyVerdict } from "../threads/verify-worker.ts";

/** The statement alone. */
export function withoutBody(encoded: Uint8Array): Uint8Array {
  return wrapStatement(decode(submission, encoded, "submission").statement);
}

/** Codes of what stands beside a statement (`prepareStatement`); all others are of the statement itself. */
const OF_BODY = /^(?:capture\.|statement\.body$)/;

export function isOfStatement(verdict: VerifyVerdict & { readonly ok: false }): boolean {
  return !OF_BODY.test(verdict.code);
}

/** Portions of at most about so many bytes, in order. */
export function splitBySize<T extends { readonly bytes: Uint8Array }>(
  entries: readonly T[],
  bytesMax: number,
): T[][] {
  const portions: T[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    if (sizeBytes + entry.bytes.length > bytesMax) {
      portions.push([]);
      sizeBytes = 0;
    }
    portions.at(-1)!.push(entry);
    sizeBytes += entry.bytes.length;
  }
  return portions;
}
