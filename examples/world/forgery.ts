/** What a forger would send: a statement whose signature is not quite the vendor's. */
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { submission } from "@lhg/protocol/core/statement/submission";

/** The same submission with one bit of its signature changed; it ends the COSE_Sign1 (RFC 9052, 4.2). */
export function bendSignature(bytes: Uint8Array): Uint8Array {
  const { statement, body } = decode(submission, bytes, "submission");
  const bent = new Uint8Array(statement);
  bent[bent.length - 1]! ^= 1;
  return encode(submission, { statement: bent, body }, "submission");
}
