import { digest } from "@lhg/protocol/core/account";
import { header } from "@lhg/protocol/core/block/header";
import { validatorSet } from "@lhg/protocol/core/block/validator-set";
import { array, bytes, type Infer, nullable, record, text, uint } from "@lhg/protocol/core/codec/definition";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { MISBEHAVIOURS_PER_BLOCK_MAX } from "./comet-misbehaviour.ts";
import { EVIDENCE_BYTES_MAX, STATEMENTS_MAX } from "./proposal.ts";

/** The newest committed block. */
export const headRecord = record(1, {
  height: uint(),
  timeMs: uint(),
  blockHash: digest,
  /** After this block. */
  appHash: digest,
  resultsHash: digest,
  /** Of the certificate that this node holds of it; others may have heard other commits. */
  certificateHash: digest,
});
export type HeadRecord = Infer<typeof headRecord>;

/** A block without its statements, which are stored one by one. */
export const blockRecord = record(1, {
  header,
  /** Validators of this height, as certified headers carry them. */
  validators: validatorSet,
  statements: uint(),
  /** Positions of the statements that were not admitted, with why. */
  skipped: array(
    record(undefined, { position: uint(), code: text({ max: 64 }), field: text({ max: 512 }) }),
    { max: STATEMENTS_MAX },
  ),
  lastCertificate: nullable(bytes({ max: 64 << 10 })),
  /** Of dBFT at most EVIDENCE_PER_BLOCK_MAX, which is less. */
  evidence: array(bytes({ max: EVIDENCE_BYTES_MAX }), { max: MISBEHAVIOURS_PER_BLOCK_MAX }),
  isWorking: uint(1),
  sizeBytes: uint(),
});
export type BlockRecord = Infer<typeof blockRecord>;

/** The engine of a chain that is not dBFT's. */
export const engineRecord = uint(ENGINE_COMETBFT);
/** The newest height of which a certificate is kept, where certificates come after their blocks. */
export const certifiedRecord = uint();

/** Heights at which the set of validators changes, ascending. */
export const transitionsRecord = array(uint(), { max: 1_000_000 });

/** Where the blocks that are kept begin, on a node that pruned older ones or began with a snapshot. */
export const keptRecord = record(1, {
  /** All blocks from this height on are kept whole. */
  firstHeight: uint(),
  /** Blocks up to this height are deleted; above it, below `firstHeight`, they are being deleted. */
  prunedHeight: uint(),
  /** The snapshot that this node began with: its height, and who signed the heights up to it that evidence may still name. */
  base: nullable(
    record(undefined, {
      height: uint(),
      validators: array(record(undefined, { fromHeight: uint(), set: validatorSet }), { min: 1, max: 3 }),
    }),
  ),
});
export type KeptRecord = Infer<typeof keptRecord>;

/** Of a node that keeps all blocks. */
export const KEEPS_ALL: KeptRecord = { firstHeight: 1, prunedHeight: 0, base: null };
