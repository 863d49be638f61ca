/** What a snapshot says of itself, and its files. */
import { digest } from "@lhg/protocol/core/account";
import { header } from "@lhg/protocol/core/block/header";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { array, bytes, decode, encode, type Infer, record, uint } from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { CHUNK_BYTES_MAX } from "./chunk-format.ts";

/** `SnapshotInfo.format` where `metadata` is `snapshotMetadata`, of a chain under dBFT. */
export const SNAPSHOT_FORMAT = 1;
/** 60 GB of chunks. */
export const CHUNKS_MAX = 30_000;
const METADATA_BYTES_MAX = 1 << 20;

/** The state after block `height`. The fields are those of CometBFT's state sync, and the size of all chunks. */
export interface SnapshotInfo {
  readonly height: number;
  readonly format: number;
  readonly chunks: number;
  /** SHA-256 of the metadata, which holds the hashes of all chunks. */
  readonly hash: Uint8Array;
  readonly metadata: Uint8Array;
  readonly sizeBytes: number;
}

/** The same on every node: all of it follows from the chain up to the header after the snapshot's block. */
export const snapshotMetadata = record(1, {
  /** Of the snapshot's block: header `height + 1` names its hash as parent. */
  header,
  /** Makes that block final; the one whose hash header `height + 1` names. */
  certificate: bytes({ min: 1, max: 64 << 10 }),
  sizeBytes: uint(CHUNKS_MAX * CHUNK_BYTES_MAX),
  /** SHA-256 of every chunk. */
  chunks: array(digest, { min: 1, max: CHUNKS_MAX }),
});
export type SnapshotMetadata = Infer<typeof snapshotMetadata>;

export function describeSnapshot(hasher: Pick<Hasher, "sha256">, value: SnapshotMetadata): SnapshotInfo {
  const metadata = encode(snapshotMetadata, value, "metadata");
  return {
    height: value.header.height,
    format: SNAPSHOT_FORMAT,
    chunks: value.chunks.length,
    hash: hasher.sha256(metadata),
    metadata,
    sizeBytes: value.sizeBytes,
  };
}

/**
 * Reads what somebody offers. That it is consistent says nothing of its truth: only `restoreSnapshot` finds that out. Throws
 * `snapshot.format` and `snapshot.info`.
 */
export function openSnapshotInfo(hasher: Pick<Hasher, "sha256">, info: SnapshotInfo): SnapshotMetadata {
  if (info.format !== SNAPSHOT_FORMAT)
    throw new LhgError("snapshot.format", `is ${info.format}; this node reads ${SNAPSHOT_FORMAT}`, "format");
  if (info.metadata.length > METADATA_BYTES_MAX)
    throw new LhgError("snapshot.info", `must be at most ${METADATA_BYTES_MAX} bytes`, "metadata");
  let opened: SnapshotMetadata;
  try {
    opened = decode(snapshotMetadata, info.metadata, "metadata");
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw new LhgError("snapshot.info", `is no metadata: ${error.message}`, "metadata");
  }
  checkInfo(info, describeSnapshot(hasher, opened));
  return opened;
}

/** Throws `snapshot.info` naming what an offer says otherwise than its metadata, of which `described` was made. */
export function checkInfo(info: SnapshotInfo, described: SnapshotInfo): void {
  const fails = (field: string): never => {
    throw new LhgError("snapshot.info", "is not what the metadata says", field);
  };
  if (info.height !== described.height) fails("height");
  if (info.chunks !== described.chunks) fails("chunks");
  if (info.sizeBytes !== described.sizeBytes) fails("sizeBytes");
  if (!equalBytes(info.hash, described.hash)) fails("hash");
}

/** Throws `snapshot.chunk` naming the chunk that is not the one of the metadata. */
export function checkChunk(
  hasher: Pick<Hasher, "sha256">,
  { chunks }: Pick<SnapshotMetadata, "chunks">,
  index: number,
  chunk: Uint8Array,
): void {
  const expected = chunks[index];
  if (expected === undefined || chunk.length > CHUNK_BYTES_MAX || !equalBytes(hasher.sha256(chunk), expected))
    throw new LhgError("snapshot.chunk", "is not the chunk that the metadata names", `chunks[${index}]`);
}
