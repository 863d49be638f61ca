import { address, digest } from "../account.ts";
import { array, bytes, encode, type Infer, nullable, record, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";
import { type Submission, submission } from "../statement/submission.ts";
import { chainId } from "../statement/transaction.ts";

/** The protocol version this code executes; rules are chosen by the version of the height. */
export const PROTOCOL_VERSION = 1;

/** A dBFT block header. `appHash` and `resultsHash` are those after the block before. */
export const header = record(undefined, {
  chainId,
  protocolVersion: uint(0xffff),
  height: uint(),
  timeMs: uint(),
  parent: digest,
  proposer: address,
  transactionsRoot: digest,
  appHash: digest,
  resultsHash: digest,
  lastCertificateHash: digest,
  validatorsHash: digest,
  nextValidatorsHash: digest,
  evidenceHash: digest,
});
export type Header = Infer<typeof header>;

export function hashHeader(hasher: Pick<Hasher, "sha256">, value: Header): Uint8Array {
  return hasher.sha256(encode(header, value, "header"));
}

/** A block as it is stored and handed over. The certificate is that of the block before. */
export const block = record(1, {
  header,
  statements: array(submission, { max: 100_000 }),
  lastCertificate: nullable(bytes({ max: 64 << 10 })),
  evidence: array(bytes({ max: 64 << 10 }), { max: 256 }),
});
export type Block = Infer<typeof block>;

/** RFC 9162 root over the COSE bytes; a capture's slices are bound by its own slicesRoot. */
export function computeTransactionsRoot(
  hasher: Pick<Hasher, "sha256">,
  statements: readonly Submission[],
): Uint8Array {
  return computeBytesRoot(
    hasher,
    statements.map((entry) => entry.statement),
  );
}

export function computeBytesRoot(hasher: Pick<Hasher, "sha256">, items: readonly Uint8Array[]): Uint8Array {
  return logRoot(
    hasher,
    items.map((item) => hashLeaf(hasher, item)),
  );
}
