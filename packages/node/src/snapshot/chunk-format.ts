/**
 * Chunks of a snapshot: `[1, [item, ...]]` in deterministic CBOR. The items of all chunks, one after the other, are
 *
 *     [0, partition id]   a partition begins: first "app", whose entries are the records of all others, then each in the order of ids
 *     [1, key, value]     a pair of its map, in the order of keys
 *     [2, leaf]           of the logs whose heads stand in the pair just before: all leaves of the first, then of the second
 *     [3, hashes]         after its pairs the leaf hashes of its statements log, then of its outcomes log, 1,024 at a time
 *
 * so that whoever reads them knows before each item what must come, and holds nothing back.
 */
import { CborReader } from "@lhg/protocol/core/codec/cbor-reader";
import { CborWriter } from "@lhg/protocol/core/codec/cbor-writer";
import { LhgError } from "@lhg/protocol/core/errors";

const VERSION = 1;
const PARTITION = 0;
const PAIR = 1;
const LEAF = 2;
const HASHES = 3;

const HASH_BYTES = 32;
export const HASHES_PER_ITEM = 1_024;
/** A chunk ends before the item that would make it larger. */
const CHUNK_BYTES = 2 << 20;
/** One item alone may be larger than that, never than this. */
export const CHUNK_BYTES_MAX = 4 << 20;
const HEAD_BYTES = 8;

const PARTITION_ID_BYTES_MAX = 64;
const KEY_BYTES_MAX = 1 << 16;
const LEAF_BYTES_MAX = 1 << 16;

export type SnapshotItem =
  | { readonly kind: "partition"; readonly id: Uint8Array }
  | { readonly kind: "pair"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "leaf"; readonly leaf: Uint8Array }
  | { readonly kind: "hashes"; readonly hashes: Uint8Array };

export function encodeItem(item: SnapshotItem): Uint8Array {
  const writer = new CborWriter();
  switch (item.kind) {
    case "partition":
      writer.writeArrayHeader(2);
      writer.writeInt(PARTITION);
      writer.writeBytes(item.id);
      break;
    case "pair":
      writer.writeArrayHeader(3);
      writer.writeInt(PAIR);
      writer.writeBytes(item.key);
      writer.writeBytes(item.value);
      break;
    case "leaf":
      writer.writeArrayHeader(2);
      writer.writeInt(LEAF);
      writer.writeBytes(item.leaf);
      break;
    case "hashes":
      writer.writeArrayHeader(2);
      writer.writeInt(HASHES);
      writer.writeBytes(item.hashes);
  }
  return writer.finish();
}

export function encodeChunk(items: readonly Uint8Array[]): Uint8Array {
  const writer = new CborWriter();
  writer.writeArrayHeader(2);
  writer.writeInt(VERSION);
  writer.writeArrayHeader(items.length);
  for (const item of items) writer.writeRaw(item);
  return writer.finish();
}

/** Cuts items into chunks, everywhere at the same places. */
export class ChunkCutter {
  private readonly chunkBytes: number;
  private items: Uint8Array[] = [];
  private sizeBytes = 0;

  constructor(chunkBytes = CHUNK_BYTES) {
    this.chunkBytes = chunkBytes;
  }

  /** Takes up an encoded item; returns the chunk that ends before it, if one does. */
  add(item: Uint8Array): Uint8Array | undefined {
    const isFull = this.items.length > 0 && this.sizeBytes + item.length > this.chunkBytes - HEAD_BYTES;
    const chunk = isFull ? this.finish() : undefined;
    if (item.length > CHUNK_BYTES_MAX - HEAD_BYTES)
      throw new LhgError("snapshot.oversize", `an item of the state has ${item.length} bytes`);
    this.items.push(item);
    this.sizeBytes += item.length;
    return chunk;
  }

  /** The last chunk. */
  finish(): Uint8Array {
    const chunk = encodeChunk(this.items);
    this.items = [];
    this.sizeBytes = 0;
    return chunk;
  }
}

/** The items of a chunk, as views into it. Throws `snapshot.oversize`, `snapshot.item` and `cbor.*`. */
export function* readItems(chunk: Uint8Array): Generator<SnapshotItem, void, undefined> {
  if (chunk.length > CHUNK_BYTES_MAX)
    throw new LhgError("snapshot.oversize", `has ${chunk.length} of ${CHUNK_BYTES_MAX} bytes`, "chunk");
  const reader = new CborReader(chunk);
  reader.path.push("chunk");
  if (reader.readArrayHeader() !== 2 || reader.readInt() !== VERSION)
    throw new LhgError("snapshot.item", "is no chunk of this version", "chunk");
  const count = reader.readArrayHeader();
  reader.path.push(0);
  for (let i = 0; i < count; i++) {
    reader.path[1] = i;
    yield readItem(reader);
  }
  reader.path.pop();
  reader.finish();
}

function readItem(reader: CborReader): SnapshotItem {
  const parts = reader.readArrayHeader();
  const kind = reader.readInt();
  if (kind === PAIR && parts === 3)
    return {
      kind: "pair",
      key: readBounded(reader, 1, KEY_BYTES_MAX),
      value: readBounded(reader, 0, CHUNK_BYTES_MAX),
    };
  if (kind === LEAF && parts === 2) return { kind: "leaf", leaf: readBounded(reader, 0, LEAF_BYTES_MAX) };
  if (kind === PARTITION && parts === 2)
    return { kind: "partition", id: readBounded(reader, 1, PARTITION_ID_BYTES_MAX) };
  if (kind === HASHES && parts === 2) {
    const hashes = readBounded(reader, HASH_BYTES, HASHES_PER_ITEM * HASH_BYTES);
    if (hashes.length % HASH_BYTES === 0) return { kind: "hashes", hashes };
  }
  return reader.fail("snapshot.item", "is no item of a snapshot");
}

function readBounded(reader: CborReader, min: number, max: number): Uint8Array {
  const value = reader.readBytes();
  if (value.length < min || value.length > max)
    reader.fail("snapshot.item", `must be of ${min} to ${max} bytes`);
  return value;
}
