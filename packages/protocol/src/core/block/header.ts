import { address, digest } from "../account.ts";
import { encode, type Infer, record, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";
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

/** RFC 9162 root over byte strings as leaves. */
export function computeBytesRoot(hasher: Pick<Hasher, "sha256">, items: readonly Uint8Array[]): Uint8Array {
  return logRoot(
    hasher,
    items.map((item) => hashLeaf(hasher, item)),
  );
}
