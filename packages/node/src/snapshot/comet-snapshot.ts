/** What a snapshot of a chain under CometBFT says of itself, and how that is led back to genesis. */
import { digest } from "@lhg/protocol/core/account";
import { decodeCometHeader, hashCometHeader, timeMsOf } from "@lhg/protocol/core/block/comet-header";
import { hashValidators, sortValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { array, bytes, decode, encode, type Infer, record, uint } from "@lhg/protocol/core/codec/definition";
import type { Crypto, Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import {
  ENGINE_COMETBFT,
  type LightHeader,
  readLightHeader,
  verifyHeader,
} from "@lhg/protocol/core/proof/anchor";
import { settleCometTime } from "../blocks/comet-time.ts";
import { CHUNK_BYTES_MAX } from "./chunk-format.ts";
import { CHUNKS_MAX, checkInfo, type SnapshotInfo } from "./snapshot.ts";
import { isTransition, trustPath } from "./trust.ts";

/** `SnapshotInfo.format` where `metadata` is `cometSnapshotMetadata`; the chunks are those of format 1. */
export const COMET_SNAPSHOT_FORMAT = 2;
/** CometBFT's message for an offer has 4 MB. */
export const COMET_METADATA_BYTES_MAX = 3 << 20;

/** The same on every node: all commits in it are those that the headers after them name. */
export const cometSnapshotMetadata = record(2, {
  /** CometBFT's header of the snapshot's block. */
  header: bytes({ min: 1, max: 4096 }),
  /** Root of the block's outcomes: the one thing here that no header commits to. It stands in the ledger's own record of the next block. */
  resultsHash: digest,
  /** From genesis, over every header that changed the validators, to the certified header of the next block. */
  trust: trustPath,
  sizeBytes: uint(CHUNKS_MAX * CHUNK_BYTES_MAX),
  /** SHA-256 of every chunk. */
  chunks: array(digest, { min: 1, max: CHUNKS_MAX }),
});
export type CometSnapshotMetadata = Infer<typeof cometSnapshotMetadata>;

/** As CometBFT hands an offer over: the size stands in the metadata. */
export type CometOffer = Omit<SnapshotInfo, "sizeBytes">;

/** Throws `snapshot.oversize` where the way from genesis has grown too long for an offer. */
export function describeCometSnapshot(
  hasher: Pick<Hasher, "sha256">,
  value: CometSnapshotMetadata,
): SnapshotInfo {
  const metadata = encode(cometSnapshotMetadata, value, "metadata");
  if (metadata.length > COMET_METADATA_BYTES_MAX)
    throw new LhgError("snapshot.oversize", `must be at most ${COMET_METADATA_BYTES_MAX} bytes`, "metadata");
  return {
    height: readLightHeader({ engine: ENGINE_COMETBFT, header: value.header }).height,
    format: COMET_SNAPSHOT_FORMAT,
    chunks: value.chunks.length,
    hash: hasher.sha256(metadata),
    metadata,
    sizeBytes: value.sizeBytes,
  };
}

/** Reads what somebody offers, without a look at signatures. Throws `snapshot.format` and `snapshot.info`. */
export function openCometOffer(hasher: Pick<Hasher, "sha256">, offer: CometOffer): CometSnapshotMetadata {
  if (offer.format !== COMET_SNAPSHOT_FORMAT)
    throw new LhgError(
      "snapshot.format",
      `is ${offer.format}; this node reads ${COMET_SNAPSHOT_FORMAT}`,
      "format",
    );
  if (offer.metadata.length > COMET_METADATA_BYTES_MAX)
    throw new LhgError("snapshot.info", `must be at most ${COMET_METADATA_BYTES_MAX} bytes`, "metadata");
  let opened: CometSnapshotMetadata;
  let described: SnapshotInfo;
  try {
    opened = decode(cometSnapshotMetadata, offer.metadata, "metadata");
    described = describeCometSnapshot(hasher, opened);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw new LhgError("snapshot.info", `is no metadata: ${error.message}`, "metadata");
  }
  checkInfo({ ...offer, sizeBytes: opened.sizeBytes }, described);
  return opened;
}

/** The block of a snapshot, and what its validators say of the state after it. */
export interface ProvenBlock {
  readonly height: number;
  /** The ledger's. */
  readonly timeMs: number;
  /** Of CometBFT's header. */
  readonly blockHash: Uint8Array;
  /** Of the next block: `appHash` is that of the state after this one. */
  readonly next: LightHeader;
}

/**
 * Verifies the way from genesis to the header after the snapshot's block, and that this one follows the snapshot's. Every change of
 * validators must be on it: who begins with the snapshot makes receipts of it. Throws `snapshot.chain`, `snapshot.path`,
 * `snapshot.header`, and what `verifyHeader` throws: `header.*`, `certificate.*`, `comet.*`.
 */
export function proveCometBlock(
  crypto: Crypto,
  genesis: Genesis,
  { header: encoded, trust }: Pick<CometSnapshotMetadata, "header" | "trust">,
): ProvenBlock {
  const fails = (code: string, message: string, field: string): never => {
    throw new LhgError(code, message, `metadata.${field}`);
  };
  const chainId = computeChainId(crypto, genesis);
  const header = decodeCometHeader(encoded, "metadata.header");
  if (header.chainId !== chainId) fails("snapshot.chain", "is of another chain", "header");
  const all = [...trust.transitions, trust.header];
  if (all.some(({ engine }) => engine !== ENGINE_COMETBFT))
    fails("header.engine", "must be of CometBFT", "trust");
  const validatorsHash = hashValidators(crypto, sortValidators(crypto, genesis.validators));
  let signers = validatorsHash;
  for (const [i, each] of all.entries()) {
    const named = readLightHeader(each);
    const isLast = i === trust.transitions.length;
    if (!equalBytes(named.validatorsHash, signers) || (!isLast && !isTransition(each)))
      fails(
        "snapshot.path",
        "does not follow from the header before it",
        isLast ? "trust.header" : `trust.transitions[${i}]`,
      );
    signers = named.nextValidatorsHash;
  }
  const next = decodeCometHeader(trust.header.header, "metadata.trust.header");
  const blockHash = hashCometHeader(crypto, header);
  if (next.height !== header.height + 1n || !equalBytes(next.lastBlockId.hash, blockHash))
    fails("snapshot.header", "is not the block before the certified header", "header");
  const verified = verifyHeader(crypto, { chainId, validatorsHash }, trust);
  const height = Number(header.height);
  const timeMs = settleCometTime(genesis.timeMs, height, timeMsOf(header));
  return { height, timeMs, blockHash, next: verified.header };
}
