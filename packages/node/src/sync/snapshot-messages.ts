/** Questions and answers of state sync. README.md has them byte by byte. */
import { digest } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { array, bytes, decode, encode, type Infer, record, uint } from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";

export const QUESTION_SNAPSHOTS = "snapshots";
export const QUESTION_PROOF = "snapshot-proof";
export const QUESTION_CHUNK = "snapshot-chunk";

/** Offers of one peer, its newest. */
export const SNAPSHOTS_PER_ANSWER_MAX = 4;
export const CHUNK_BYTES_MAX = 4 << 20;
export const PROOF_BYTES_MAX = 64 << 20;
const CHUNKS_MAX = 30_000;
const METADATA_BYTES_MAX = 1 << 20;
export const SNAPSHOTS_BYTES_MAX = SNAPSHOTS_PER_ANSWER_MAX * (METADATA_BYTES_MAX + 128);
export const SNAPSHOT_QUESTION_BYTES_MAX = 64;

/** The state after block `height`. The fields are those of CometBFT's state sync, and the size of all chunks. */
const snapshotInfo = record(undefined, {
  height: uint(),
  format: uint(0xffff_ffff),
  chunks: uint(CHUNKS_MAX),
  hash: digest,
  metadata: bytes({ max: METADATA_BYTES_MAX }),
  sizeBytes: uint(),
});
export type SnapshotInfo = Infer<typeof snapshotInfo>;

const snapshotsAnswer = record(1, {
  snapshots: array(snapshotInfo, { max: SNAPSHOTS_PER_ANSWER_MAX }),
});

const proofQuestion = record(1, { height: uint() });

const chunkQuestion = record(1, { height: uint(), format: uint(0xffff_ffff), index: uint(CHUNKS_MAX - 1) });
export type ChunkQuestion = Infer<typeof chunkQuestion>;

export function encodeSnapshots(snapshots: readonly SnapshotInfo[]): Uint8Array {
  return encode(snapshotsAnswer, { snapshots }, "answer");
}

/** Throws an `LhgError` that names the field. */
export function decodeSnapshots(encoded: Uint8Array): readonly SnapshotInfo[] {
  const { snapshots } = decode(snapshotsAnswer, encoded, "answer");
  for (const [i, { chunks }] of snapshots.entries())
    if (chunks === 0) throw new LhgError("sync.range", "must be at least 1", `answer.snapshots[${i}].chunks`);
  return snapshots;
}

/** What tells one offer from every other: all of it, not only the hash that it names. */
export function identifyOffer(hasher: Pick<Hasher, "sha256">, info: SnapshotInfo): string {
  return toHex(hasher.sha256(encode(snapshotInfo, info, "snapshot")));
}

export function encodeProofQuestion(height: number): Uint8Array {
  return encode(proofQuestion, { height }, "question");
}

export function decodeProofQuestion(encoded: Uint8Array): number {
  return decode(proofQuestion, encoded, "question").height;
}

export function encodeChunkQuestion(question: ChunkQuestion): Uint8Array {
  return encode(chunkQuestion, question, "question");
}

export function decodeChunkQuestion(encoded: Uint8Array): ChunkQuestion {
  return decode(chunkQuestion, encoded, "question");
}
