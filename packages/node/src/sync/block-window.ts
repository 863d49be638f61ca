/** Blocks ahead of execution: which are held, which are asked for, and that both together stay within a bound of bytes and heights. */
import { assertInvariant } from "@lhg/protocol/core/errors";
import { WIRE_BLOCK_BYTES_MAX } from "../blocks/wire-block.ts";
import type { PeerId } from "../p2p/network.ts";
import {
  ANSWER_BYTES_MAX,
  ANSWER_ENVELOPE_BYTES,
  BLOCKS_PER_ANSWER_MAX,
  type BlockQuestion,
  type ReceivedBlock,
} from "./block-messages.ts";

/** Answers held and answers asked for, together. */
export const WINDOW_BYTES_MAX = 64 << 20;
const WINDOW_HEIGHTS_MAX = 1024;
/** The same heights asked of so many peers at a time, each when those before let it become overdue. */
const ASKS_PER_HEIGHT_MAX = 3;

export interface HeldBlock<P> extends ReceivedBlock {
  readonly giver: PeerId;
  /** Decoding and verifying, once begun. */
  preparation: P | undefined;
  readonly answer: { readonly sizeBytes: number; blocks: number };
}

export interface Ask extends BlockQuestion {
  readonly peer: PeerId;
  isOverdue: boolean;
  /** Nobody cares for its answer any more. */
  isDropped: boolean;
}

export interface BlockWindow<P> {
  readonly usedBytes: number;
  /** What this peer is best asked for now; it counts as asked, and takes its bytes, until `endAsk`. */
  beginAsk(
    peer: PeerId,
    serves: { readonly first: number; readonly last: number },
    bytesMax: number,
    next: number,
  ): Ask | undefined;
  endAsk(ask: Ask): void;
  /** Holds the blocks that nobody gave before. */
  hold(giver: PeerId, blocks: readonly ReceivedBlock[], answerBytes: number, next: number): void;
  /** A peer says that this block alone is larger than what it was asked for. */
  noteOversize(ask: Ask, sizeBytes: number): void;
  /** Who called this block larger than it is, now that its true size is known. */
  findOversizeLiar(height: number, sizeBytes: number): PeerId | undefined;
  get(height: number): HeldBlock<P> | undefined;
  dropBelow(height: number): void;
  drop(height: number): void;
  dropGiver(peer: PeerId): void;
}

export function createBlockWindow<P>(): BlockWindow<P> {
  const held = new Map<number, HeldBlock<P>>();
  const asks = new Set<Ask>();
  const oversize = new Map<
    number,
    { readonly peer: PeerId; readonly sizeBytes: number; readonly limit: number }
  >();
  let usedBytes = 0;
  let floor = 0;

  function drop(height: number): void {
    const block = held.get(height);
    if (block === undefined) return;
    held.delete(height);
    block.answer.blocks -= 1;
    if (block.answer.blocks === 0) usedBytes -= block.answer.sizeBytes;
  }

  /** The height that comes next must never wait for room: what was fetched farthest ahead makes way. */
  function makeRoom(next: number, wantedBytes: number): void {
    const ahead = [...held.keys()].filter((height) => height > next).sort((a, b) => b - a);
    for (const height of ahead) {
      if (usedBytes + wantedBytes <= WINDOW_BYTES_MAX) return;
      drop(height);
    }
  }

  function isWanted(height: number, peer: PeerId): boolean {
    if (held.has(height)) return false;
    let count = 0;
    for (const ask of asks) {
      if (ask.isDropped || height < ask.from || height >= ask.from + ask.count) continue;
      if (!ask.isOverdue || ask.peer === peer) return false;
      count += 1;
    }
    return count < ASKS_PER_HEIGHT_MAX && (count === 0 || !oversize.has(height));
  }

  /** Somebody said that an answer of this size does not hold the block. */
  function isTooLarge(height: number, bytesMax: number): boolean {
    return (oversize.get(height)?.limit ?? 0) >= bytesMax;
  }

  function begin(ask: Omit<Ask, "isOverdue" | "isDropped">): Ask {
    const begun: Ask = { ...ask, isOverdue: false, isDropped: false };
    asks.add(begun);
    usedBytes += begun.bytesMax + ANSWER_ENVELOPE_BYTES;
    return begun;
  }

  return {
    get usedBytes() {
      return usedBytes;
    },
    beginAsk(peer, { first, last }, bytesMax, next) {
      const end = Math.min(last, next + WINDOW_HEIGHTS_MAX - 1);
      const isAskable = (height: number): boolean =>
        isWanted(height, peer) && (height === next || !isTooLarge(height, bytesMax));
      let from = Math.max(first, next);
      while (from <= end && !isAskable(from)) from += 1;
      if (from > end) return undefined;
      if (isTooLarge(from, bytesMax)) {
        const { sizeBytes } = oversize.get(from)!;
        makeRoom(next, sizeBytes);
        return begin({ peer, from, count: 1, bytesMax: sizeBytes });
      }
      if (from === next) makeRoom(next, bytesMax);
      else if (usedBytes + bytesMax + ANSWER_BYTES_MAX > WINDOW_BYTES_MAX) return undefined;
      let count = 1;
      while (count < BLOCKS_PER_ANSWER_MAX && from + count <= end && isAskable(from + count)) count += 1;
      return begin({ peer, from, count, bytesMax });
    },
    endAsk(ask) {
      assertInvariant(asks.delete(ask), "an ask ends once");
      usedBytes -= ask.bytesMax + ANSWER_ENVELOPE_BYTES;
    },
    hold(giver, blocks, answerBytes, next) {
      const fresh = blocks.filter(({ header }) => header.height >= next && !held.has(header.height));
      if (fresh.length === 0) return;
      const answer = { sizeBytes: answerBytes, blocks: fresh.length };
      usedBytes += answerBytes;
      for (const block of fresh)
        held.set(block.header.height, { ...block, giver, answer, preparation: undefined });
    },
    noteOversize({ peer, from, bytesMax }, sizeBytes) {
      assertInvariant(sizeBytes <= WIRE_BLOCK_BYTES_MAX, "no block is larger than the codec allows");
      if (!held.has(from) && !isTooLarge(from, bytesMax))
        oversize.set(from, { peer, sizeBytes, limit: bytesMax });
    },
    findOversizeLiar(height, sizeBytes) {
      const said = oversize.get(height);
      return said !== undefined && sizeBytes <= said.limit ? said.peer : undefined;
    },
    get: (height) => held.get(height),
    dropBelow(height) {
      if (height === floor) return;
      floor = height;
      for (const below of [...held.keys()]) if (below < height) drop(below);
      for (const below of [...oversize.keys()]) if (below < height) oversize.delete(below);
    },
    drop,
    dropGiver(peer) {
      for (const [height, { giver }] of [...held]) if (giver === peer) drop(height);
      for (const [height, said] of [...oversize]) if (said.peer === peer) oversize.delete(height);
      for (const ask of asks) if (ask.peer === peer) ask.isDropped = true;
    },
  };
}
