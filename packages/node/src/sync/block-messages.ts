/** Questions and answers of block sync. README.md has them byte by byte. */
import { type Header, hashHeader, header } from "@lhg/protocol/core/block/header";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { CborReader } from "@lhg/protocol/core/codec/cbor-reader";
import {
  array,
  byteView,
  decode,
  encode,
  type Infer,
  record,
  uint,
} from "@lhg/protocol/core/codec/definition";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { WIRE_BLOCK_BYTES_MAX } from "../blocks/wire-block.ts";

export const QUESTION_STATUS = "status";
export const QUESTION_BLOCK = "block";

export const BLOCKS_PER_ANSWER_MAX = 64;
/** Blocks of one answer together, unless the one block asked for is larger. */
export const ANSWER_BYTES_MAX = 8 << 20;
/** Heads of the CBOR around up to 64 blocks. */
export const ANSWER_ENVELOPE_BYTES = 1 << 10;
export const QUESTION_BYTES_MAX = 64;
export const STATUS_BYTES_MAX = 64;

/** What a peer says it can serve: `first` to `last`, nothing where `last` is lower, and the time of its newest block. */
const status = record(1, { first: uint(), last: uint(), timeMs: uint() });
export type Status = Infer<typeof status>;

const blockQuestion = record(1, {
  from: uint(),
  count: uint(BLOCKS_PER_ANSWER_MAX),
  /** Encoded blocks of the answer, together. */
  bytesMax: uint(WIRE_BLOCK_BYTES_MAX),
});
export type BlockQuestion = Infer<typeof blockQuestion>;

const blockAnswer = record(1, {
  /** Encoded wire blocks of ascending heights, from the first one asked for. */
  blocks: array(byteView({ min: 1, max: WIRE_BLOCK_BYTES_MAX }), { max: BLOCKS_PER_ANSWER_MAX }),
  /** The size of the first block where it alone exceeds `bytesMax`, else 0. */
  oversizeBytes: uint(WIRE_BLOCK_BYTES_MAX),
});
export type BlockAnswer = Infer<typeof blockAnswer>;

export function encodeStatus(value: Status): Uint8Array {
  return encode(status, value, "status");
}

/** Throws an `LhgError` that names the field. */
export function decodeStatus(encoded: Uint8Array): Status {
  return decode(status, encoded, "status");
}

export function encodeBlockQuestion(question: BlockQuestion): Uint8Array {
  return encode(blockQuestion, question, "question");
}

export function decodeBlockQuestion(encoded: Uint8Array): BlockQuestion {
  const read = decode(blockQuestion, encoded, "question");
  if (read.count === 0) throw new LhgError("sync.range", "must be at least 1", "question.count");
  if (!Number.isSafeInteger(read.from + read.count))
    throw new LhgError("sync.range", "must be a safe integer with the count", "question.from");
  return read;
}

export function encodeBlockAnswer(answer: BlockAnswer): Uint8Array {
  return encode(blockAnswer, answer, "answer");
}

/** A block as it came: its header is read, nothing else. */
export interface ReceivedBlock {
  /** A view into the answer. */
  readonly encoded: Uint8Array;
  readonly header: Header;
  readonly hash: Uint8Array;
}

/** The header of an encoded wire block; what follows it is not looked at. */
function readWireHeader(encoded: Uint8Array, field: string): Header {
  const reader = new CborReader(encoded);
  reader.path.push(field);
  if (reader.readArrayHeader() !== 6) reader.fail("value.count", "must have 6 elements");
  if (reader.readUint() !== 1) reader.fail("value.version", "must be version 1");
  return header.read(reader);
}

export interface OpenedAnswer {
  readonly blocks: readonly ReceivedBlock[];
  readonly oversizeBytes: number;
}

/**
 * Opens the answer to `question`: at most so many blocks, of the heights asked for, each the parent of the next one. Throws an `LhgError` for
 * what no honest peer answers.
 */
export function openBlockAnswer(
  hasher: Pick<Hasher, "sha256">,
  question: BlockQuestion,
  encoded: Uint8Array,
): OpenedAnswer {
  const { blocks: received, oversizeBytes } = decode(blockAnswer, encoded, "answer");
  if (received.length > question.count)
    throw new LhgError("sync.range", `must be at most ${question.count}`, "answer.blocks");
  if (oversizeBytes > 0 && (received.length > 0 || oversizeBytes <= question.bytesMax))
    throw new LhgError(
      "sync.range",
      "must stand alone, for a block that is too large",
      "answer.oversizeBytes",
    );
  const blocks: ReceivedBlock[] = [];
  let sizeBytes = 0;
  for (const [i, bytes] of received.entries()) {
    const field = `answer.blocks[${i}]`;
    const read = readWireHeader(bytes, field);
    const before = blocks.at(-1);
    if (read.height !== question.from + i)
      throw new LhgError("sync.height", `must be of height ${question.from + i}`, field);
    if (before !== undefined && !equalBytes(read.parent, before.hash))
      throw new LhgError("sync.parent", "must follow the block before", field);
    blocks.push({ encoded: bytes, header: read, hash: hashHeader(hasher, read) });
    sizeBytes += bytes.length;
  }
  if (sizeBytes > question.bytesMax)
    throw new LhgError("sync.range", `must be at most ${question.bytesMax} bytes`, "answer.blocks");
  return { blocks, oversizeBytes };
}
