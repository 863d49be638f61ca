/** Reads what is posted: one statement, one submission, or an array of them. */
import { CborReader } from "@lhg/protocol/core/codec/cbor-reader";
import { array, decode, encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission, wrapStatement } from "@lhg/protocol/core/statement/submission";

export const COSE = "application/cose";

const MAJOR_BYTES = 2;

export interface PostedSubmissions {
  /** Encoded, in order. */
  readonly submissions: readonly Uint8Array[];
  readonly isBatch: boolean;
}

/** Throws `cbor.*`, `value.*` naming the element. Whether the statements themselves are any is told per statement. */
export function readSubmissions(
  contentType: string,
  body: Uint8Array | undefined,
  batchStatementsMax: number,
): PostedSubmissions {
  if (body === undefined || body.length === 0)
    throw new LhgError("body.empty", "must be a statement", "body");
  if (contentType.startsWith(COSE))
    return {
      submissions: [wrapStatement(body)],
      isBatch: false,
    };
  const reader = new CborReader(body);
  reader.path.push("body");
  const count = reader.readArrayHeader();
  // A submission begins with the statement's byte string, a batch with an array.
  if (count > 0 && reader.peekMajor() === MAJOR_BYTES) return { submissions: [body], isBatch: false };
  const batch = decode(array(submission, { min: 1, max: batchStatementsMax }), body, "body");
  return { submissions: batch.map((entry) => encode(submission, entry)), isBatch: true };
}
