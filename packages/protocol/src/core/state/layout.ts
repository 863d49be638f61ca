/** The bytes under which the state stands in a key-value store. */
import { byteString, concatBytes } from "../bytes.ts";
import { array, bytes, decode, encode, record, uint } from "../codec/definition.ts";
import { assertInvariant } from "../errors.ts";
import type { TrieRoot } from "../merkle/trie.ts";
import type { Cell } from "./overlay.ts";

/** First bytes of store keys; never reused. 0x10 and above belong to the node. */
export const SPACE_LATEST = 0x01;
export const SPACE_ARCHIVE = 0x02;
export const SPACE_PAGES = 0x03;
export const SPACE_DERIVED = 0x04;
export const SPACE_ROOTS = 0x05;
export const SPACE_GARBAGE = 0x06;

export interface Versioned extends Cell {
  readonly version: number;
  /** Version of the value before; equal to `version` when there was none. */
  readonly previous: number;
}

const VERSIONED_HEAD_BYTES = 17;

export function encodeVersioned({ version, previous, value }: Versioned): Uint8Array {
  const out = new Uint8Array(VERSIONED_HEAD_BYTES + (value?.length ?? 0));
  const view = new DataView(out.buffer);
  out[0] = value === undefined ? 0 : 1;
  view.setBigUint64(1, BigInt(version));
  view.setBigUint64(9, BigInt(previous));
  if (value !== undefined) out.set(value, VERSIONED_HEAD_BYTES);
  return out;
}

export function decodeVersioned(bytes: Uint8Array): Versioned {
  assertInvariant(bytes.length >= VERSIONED_HEAD_BYTES, "stored value is too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const value = bytes[0] === 0 ? undefined : bytes.subarray(VERSIONED_HEAD_BYTES);
  return { version: Number(view.getBigUint64(1)), previous: Number(view.getBigUint64(9)), value };
}

export function versionBytes(version: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(version));
  return out;
}

export function spaceKey(space: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(space), ...parts);
}

export const ROOT_KEY = new Uint8Array(0);

export function encodeRoot(root: TrieRoot): Uint8Array {
  return concatBytes(root.hash, versionBytes(root.version));
}

export function decodeRoot(bytes: Uint8Array): TrieRoot {
  assertInvariant(bytes.length === 40, "stored trie root has a wrong length");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { hash: bytes.slice(0, 32), version: Number(view.getBigUint64(32)) };
}

/** A value that a version overwrote. One record a version holds them all: half the writes of one a value. */
export interface Archived {
  readonly space: number;
  readonly partitionId: Uint8Array;
  readonly key: Uint8Array;
  readonly before: Versioned;
}
export type Archive = ReadonlyMap<string, Archived>;

/** Partition ids and keys are CBOR, which ends itself: no two pairs make one name. */
export function archiveName(space: number, partitionId: Uint8Array, key: Uint8Array): string {
  return String.fromCharCode(space) + byteString(partitionId) + byteString(key);
}

const archiveRecord = array(
  record(undefined, {
    space: uint(0xff),
    partitionId: bytes({ max: 64 }),
    key: bytes({ max: 1 << 16 }),
    before: bytes({ max: 1 << 24 }),
  }),
  { max: 1 << 24 },
);

export function encodeArchive(archive: Archive): Uint8Array {
  return encode(
    archiveRecord,
    [...archive.values()].map((entry) => ({ ...entry, before: encodeVersioned(entry.before) })),
  );
}

export function decodeArchive(encoded: Uint8Array): Archive {
  return new Map(
    decode(archiveRecord, encoded, "archive").map(({ space, partitionId, key, before }) => [
      archiveName(space, partitionId, key),
      { space, partitionId, key, before: decodeVersioned(before) },
    ]),
  );
}
