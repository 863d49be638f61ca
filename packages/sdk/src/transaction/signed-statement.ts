/** A statement signed and ready to travel: what every builder of the sdk returns. */
import { encode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1, type Signer, signStatement } from "@lhg/protocol/core/cose";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { submission } from "@lhg/protocol/core/statement/submission";

export interface SignedStatement {
  /** Statement id: what status, receipt and outcome are asked by. */
  readonly id: Uint8Array;
  /** The encoded submission: COSE bytes, and the slices of a capture beside them. */
  readonly bytes: Uint8Array;
}

/** Signs the payload of a statement and wraps it as a submission; `body` holds the slices of a capture. */
export function signSubmission(
  hasher: Pick<Hasher, "sha256">,
  signer: Signer,
  kind: "transaction" | "collection" | "capture",
  payload: Uint8Array,
  body: readonly Uint8Array[] | null = null,
): SignedStatement {
  const statement = signStatement(signer, kind, payload);
  return {
    id: computeStatementId(hasher, decodeSign1(statement)),
    bytes: encode(submission, { statement, body }, "submission"),
  };
}
