/** A decided block as one node gives it to another: all that is executed, and the certificate that makes it final. */
import { hashHeader, header } from "@lhg/protocol/core/block/header";
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
import {
  EVIDENCE_BYTES_MAX,
  EVIDENCE_PER_BLOCK_MAX,
  matchesHeader,
  type OpenedProposal,
  STATEMENTS_MAX,
} from "./proposal.ts";

export const wireBlock = record(1, {
  header,
  /** Encoded submissions in the order of the block. */
  statements: array(bytes({ min: 1, max: 64 << 20 }), { max: STATEMENTS_MAX }),
  lastCertificate: nullable(bytes({ max: 64 << 10 })),
  evidence: array(bytes({ max: EVIDENCE_BYTES_MAX }), { max: EVIDENCE_PER_BLOCK_MAX }),
  certificate: bytes({ min: 1, max: 64 << 10 }),
});
export type WireBlock = Infer<typeof wireBlock>;

/** Above any block: parameters allow 64 MiB of statements at most. */
export const WIRE_BLOCK_BYTES_MAX = 72 << 20;

export function encodeWireBlock(block: WireBlock): Uint8Array {
  return encode(wireBlock, block, "block");
}

/** Throws an `LhgError` that names the field. */
export function decodeWireBlock(encoded: Uint8Array): WireBlock {
  return decode(wireBlock, encoded, "block");
}

/** The proposal that a block was decided as; undefined when its statements or certificate are not those its header commits to. */
export function proposalOf(
  hasher: Hasher,
  { header: made, lastCertificate, evidence }: WireBlock,
  statements: readonly { readonly leafHash: Uint8Array }[],
): OpenedProposal | undefined {
  const proposal = {
    header: made,
    statements: statements.map((entry) => entry.leafHash),
    lastCertificate,
    evidence,
  };
  return matchesHeader(hasher, proposal) ? { ...proposal, blockHash: hashHeader(hasher, made) } : undefined;
}
