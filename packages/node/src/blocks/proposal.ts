/** Proposals: a header with the leaf hashes of its statements. The hash of the header commits to all of it. */
import { digest } from "@lhg/protocol/core/account";
import { computeBytesRoot, type Header, hashHeader, header } from "@lhg/protocol/core/block/header";
import { equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import {
  array,
  bytes,
  decode,
  encode,
  type Infer,
  nullable,
  record,
} from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { logRoot } from "@lhg/protocol/core/merkle/log";

export const STATEMENTS_MAX = 25_000;
export const EVIDENCE_PER_BLOCK_MAX = 16;
export const EVIDENCE_BYTES_MAX = 8 << 10;
/** Evidence older than this is stale: nobody keeps validators' votes for longer. */
export const EVIDENCE_HEIGHTS_MAX = 64;

export const proposal = record(1, {
  header,
  /** RFC 9162 leaf hashes of the COSE bytes, in order: the transactions root is their tree's. */
  statements: array(digest, { max: STATEMENTS_MAX }),
  lastCertificate: nullable(bytes({ max: 64 << 10 })),
  evidence: array(bytes({ max: EVIDENCE_BYTES_MAX }), { max: EVIDENCE_PER_BLOCK_MAX }),
});
export type Proposal = Infer<typeof proposal>;

export function hashCertificate(hasher: Pick<Hasher, "sha256">, certificate: Uint8Array | null): Uint8Array {
  return certificate === null ? ZERO32 : hasher.sha256(certificate);
}

export interface OpenedProposal extends Proposal {
  readonly blockHash: Uint8Array;
}

/** Decodes a proposal and checks that it is exactly what its header commits to; undefined when it is not. */
export function openProposal(hasher: Hasher, encoded: Uint8Array): OpenedProposal | undefined {
  try {
    const opened = decode(proposal, encoded, "proposal");
    return matchesHeader(hasher, opened)
      ? { ...opened, blockHash: hashHeader(hasher, opened.header) }
      : undefined;
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

/** Whether statements, certificate and evidence are exactly those that the header commits to. */
export function matchesHeader(
  hasher: Hasher,
  { header: made, statements, lastCertificate, evidence }: Proposal,
): boolean {
  return (
    equalBytes(logRoot(hasher, statements), made.transactionsRoot) &&
    equalBytes(hashCertificate(hasher, lastCertificate), made.lastCertificateHash) &&
    equalBytes(computeBytesRoot(hasher, evidence), made.evidenceHash)
  );
}

/** What the next header takes from the chain so far. */
export type HeaderBase = Pick<
  Header,
  | "chainId"
  | "protocolVersion"
  | "height"
  | "parent"
  | "appHash"
  | "resultsHash"
  | "validatorsHash"
  | "nextValidatorsHash"
>;

export function makeProposal(
  hasher: Hasher,
  base: HeaderBase,
  own: {
    readonly proposer: Uint8Array;
    readonly timeMs: number;
    readonly statements: readonly Uint8Array[];
    readonly lastCertificate: Uint8Array | null;
    readonly evidence: readonly Uint8Array[];
  },
): Uint8Array {
  const { proposer, timeMs, statements, lastCertificate, evidence } = own;
  const made: Header = {
    ...base,
    timeMs,
    proposer,
    lastCertificateHash: hashCertificate(hasher, lastCertificate),
    transactionsRoot: logRoot(hasher, statements),
    evidenceHash: computeBytesRoot(hasher, evidence),
  };
  return encode(proposal, { header: made, statements, lastCertificate, evidence }, "proposal");
}

/**
 * Whether a proposed header is the one the chain so far demands. Time and statements are judged elsewhere, and so is the certificate of
 * the block before: nodes that heard different commits hold different ones, each as good as the other.
 */
export function matchesBase(candidate: Header, base: HeaderBase): boolean {
  return (
    candidate.chainId === base.chainId &&
    candidate.protocolVersion === base.protocolVersion &&
    candidate.height === base.height &&
    equalBytes(candidate.parent, base.parent) &&
    equalBytes(candidate.appHash, base.appHash) &&
    equalBytes(candidate.resultsHash, base.resultsHash) &&
    equalBytes(candidate.validatorsHash, base.validatorsHash) &&
    equalBytes(candidate.nextValidatorsHash, base.nextValidatorsHash)
  );
}
