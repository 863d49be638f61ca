/** Statements under the names that blocks give them. */
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { hashLeaf } from "@lhg/protocol/core/merkle/log";
import { submission } from "@lhg/protocol/core/statement/submission";

export interface LeafHashed {
  readonly leafHash: Uint8Array;
  /** Encoded submission. */
  readonly bytes: Uint8Array;
}

/** A submission by the leaf hash of its statement; undefined where it is malformed. Its signature is unchecked. */
export function nameSubmission(hasher: Pick<Hasher, "sha256">, bytes: Uint8Array): LeafHashed | undefined {
  try {
    return { bytes, leafHash: hashLeaf(hasher, decode(submission, bytes).statement) };
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}
