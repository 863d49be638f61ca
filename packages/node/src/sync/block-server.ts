/** Answers what other nodes ask when they catch up. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Network, PeerId } from "../p2p/network.ts";
import {
  type BlockQuestion,
  decodeBlockQuestion,
  encodeBlockAnswer,
  encodeStatus,
  QUESTION_BLOCK,
  QUESTION_BYTES_MAX,
  QUESTION_STATUS,
} from "./block-messages.ts";
import { createTurns } from "./turns.ts";

export interface BlockServerParts {
  readonly network: Pick<Network, "serve">;
  /** Encoded wire blocks of this node's store; undefined where it has none (pruned or not there). */
  readonly readBlock: (height: number) => Promise<Uint8Array | undefined>;
  /** First and newest height that this node can serve. */
  readonly serving: () => { readonly first: number; readonly last: number; readonly timeMs: number };
}

const STATUS_PER_SECOND = 10;
const BLOCKS_PER_SECOND = 20;

/** Serves until the returned function is called; then every question is refused. */
export function serveBlocks({ network, readBlock, serving }: BlockServerParts): () => void {
  const turns = createTurns();
  let isStopped = false;

  function requireRunning(): void {
    if (isStopped) throw new LhgError("sync.stopped", "this node stops");
  }

  async function answerBlocks(question: BlockQuestion): Promise<Uint8Array> {
    const { first, last } = serving();
    const blocks: Uint8Array[] = [];
    let sizeBytes = 0;
    const isServed = question.from >= first && question.from <= last;
    for (let i = 0; isServed && i < question.count && question.from + i <= last; i++) {
      const block = await readBlock(question.from + i);
      requireRunning();
      if (block === undefined) break;
      sizeBytes += block.length;
      if (sizeBytes > question.bytesMax) {
        if (i === 0) return encodeBlockAnswer({ blocks, oversizeBytes: block.length });
        break;
      }
      blocks.push(block);
    }
    return encodeBlockAnswer({ blocks, oversizeBytes: 0 });
  }

  network.serve(
    QUESTION_STATUS,
    { requestBytesMax: 0, perSecond: STATUS_PER_SECOND },
    async (): Promise<Uint8Array> => {
      requireRunning();
      const { first, last, timeMs } = serving();
      return encodeStatus({ first, last, timeMs });
    },
  );
  network.serve(
    QUESTION_BLOCK,
    { requestBytesMax: QUESTION_BYTES_MAX, perSecond: BLOCKS_PER_SECOND },
    async (body: Uint8Array, from: PeerId): Promise<Uint8Array> => {
      requireRunning();
      const question = decodeBlockQuestion(body);
      return turns.take(from, () => answerBlocks(question));
    },
  );
  return () => {
    isStopped = true;
  };
}
