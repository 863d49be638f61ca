/** Gives others the snapshots of this node. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Network } from "../p2p/network.ts";
import {
  decodeChunkQuestion,
  decodeProofQuestion,
  encodeSnapshots,
  QUESTION_CHUNK,
  QUESTION_PROOF,
  QUESTION_SNAPSHOTS,
  SNAPSHOT_QUESTION_BYTES_MAX,
  SNAPSHOTS_PER_ANSWER_MAX,
  type SnapshotInfo,
} from "./snapshot-messages.ts";
import { createTurns } from "./turns.ts";

export interface SnapshotServerParts {
  readonly network: Pick<Network, "serve">;
  /** The one format of all of them. */
  readonly format: number;
  readonly listSnapshots: () => Promise<readonly SnapshotInfo[]>;
  /** Throws an `LhgError` where there is no such chunk. */
  readonly readChunk: (height: number, index: number) => Promise<Uint8Array>;
  /** What leads from genesis to the certified header that the snapshot is checked against. */
  readonly proofFor: (height: number) => Promise<Uint8Array>;
}

const requestBytesMax = SNAPSHOT_QUESTION_BYTES_MAX;
const LISTS_PER_SECOND = 2;
const PROOFS_PER_SECOND = 2;
const CHUNKS_PER_SECOND = 20;

/** Serves until the returned function is called; then every question is refused. */
export function serveSnapshots(parts: SnapshotServerParts): () => void {
  const { network } = parts;
  const turns = createTurns();
  let isStopped = false;

  function serve(
    question: string,
    perSecond: number,
    answer: (body: Uint8Array) => Promise<Uint8Array>,
  ): void {
    network.serve(question, { requestBytesMax, perSecond }, async (body, from) => {
      if (isStopped) throw new LhgError("sync.stopped", "this node stops");
      return turns.take(from, () => answer(body));
    });
  }

  serve(QUESTION_SNAPSHOTS, LISTS_PER_SECOND, async () => {
    const snapshots = [...(await parts.listSnapshots())].sort((a, b) => b.height - a.height);
    return encodeSnapshots(snapshots.slice(0, SNAPSHOTS_PER_ANSWER_MAX));
  });
  serve(QUESTION_PROOF, PROOFS_PER_SECOND, async (body) => parts.proofFor(decodeProofQuestion(body)));
  serve(QUESTION_CHUNK, CHUNKS_PER_SECOND, async (body) => {
    const { height, format, index } = decodeChunkQuestion(body);
    if (format !== parts.format) throw new LhgError("sync.format", "is not served here", "question.format");
    return parts.readChunk(height, index);
  });
  return () => {
    isStopped = true;
  };
}
