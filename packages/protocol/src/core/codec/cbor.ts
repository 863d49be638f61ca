import { compareBytes, decodeUtf8 } from "../bytes.ts";
import { LhgError } from "../errors.ts";
import { CborReader } from "./cbor-reader.ts";
import {
  CborWriter,
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_NEGATIVE,
  MAJOR_TAG,
  MAJOR_TEXT,
  MAJOR_UINT,
} from "./cbor-writer.ts";

/** A generic CBOR value. Integers are numbers when safe, else bigints; maps keep their order. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly CborValue[]
  | CborMap
  | CborTagged
  | CborSimple;

export interface CborMap {
  readonly entries: readonly (readonly [CborValue, CborValue])[];
}
export interface CborTagged {
  readonly tag: number | bigint;
  readonly value: CborValue;
}
/** A simple value without a name of its own; only foreign CBOR has them. */
export interface CborSimple {
  readonly simple: number;
}

const MAX_DEPTH = 64;

/** Encodes deterministically; map entries are sorted. Floats, undefined and simple values are refused. */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new CborWriter();
  writeValue(writer, value, 0);
  return writer.finish();
}

function writeValue(writer: CborWriter, value: CborValue, depth: number): void {
  if (depth > MAX_DEPTH) writer.fail("cbor.depth", `must not nest deeper than ${MAX_DEPTH}`);
  if (typeof value === "number" || typeof value === "bigint") writer.writeInt(value);
  else if (typeof value === "string") writer.writeText(value);
  else if (typeof value === "boolean") writer.writeBool(value);
  else if (value === null) writer.writeNull();
  else if (value instanceof Uint8Array) writer.writeBytes(value);
  else if (value === undefined || "simple" in value)
    writer.fail("cbor.simple", "this simple value is not allowed");
  else if ("tag" in value) {
    if (typeof value.tag === "bigint") writer.fail("cbor.range", "tag numbers are at most 2^53 - 1");
    writer.writeTag(value.tag as number);
    writeValue(writer, value.value, depth + 1);
  } else if ("entries" in value && !Array.isArray(value)) writeMap(writer, value as CborMap, depth);
  else {
    const items = value as readonly CborValue[];
    writer.writeArrayHeader(items.length);
    for (const item of items) writeValue(writer, item, depth + 1);
  }
}

function writeMap(writer: CborWriter, map: CborMap, depth: number): void {
  const pairs = map.entries.map(([key, value]) => [encodeCbor(key), value] as const);
  pairs.sort((a, b) => compareBytes(a[0], b[0]));
  writer.writeMapHeader(pairs.length);
  let previous: Uint8Array | undefined;
  for (const [key, value] of pairs) {
    if (previous !== undefined && compareBytes(previous, key) === 0)
      writer.fail("cbor.duplicate-key", "map keys must differ");
    previous = key;
    writer.writeRaw(key);
    writeValue(writer, value, depth + 1);
  }
}

/** Decodes one deterministic value and refuses everything else, unsorted or repeated map keys included. */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = readValue(reader, 0);
  reader.finish();
  return value;
}

/** Reads one value where the reader stands. */
export function readValue(reader: CborReader, depth: number): CborValue {
  if (depth > MAX_DEPTH) reader.fail("cbor.depth", `must not nest deeper than ${MAX_DEPTH}`);
  switch (reader.peekMajor()) {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE: {
      const value = reader.readBigInt();
      return value >= -0x1fffffffffffffn && value <= 0x1fffffffffffffn ? Number(value) : value;
    }
    case MAJOR_BYTES:
      return reader.readBytes();
    case MAJOR_TEXT:
      return reader.readText();
    case MAJOR_ARRAY: {
      const count = reader.readArrayHeader();
      const items: CborValue[] = [];
      for (let i = 0; i < count; i++) items.push(readValue(reader, depth + 1));
      return items;
    }
    case MAJOR_MAP:
      return readMap(reader, depth);
    case MAJOR_TAG:
      return { tag: reader.readTag(), value: readValue(reader, depth + 1) };
    default:
      if (!reader.isNull()) return reader.readBool();
      reader.readNull();
      return null;
  }
}

function readMap(reader: CborReader, depth: number): CborMap {
  const count = reader.readMapHeader();
  const entries: [CborValue, CborValue][] = [];
  let previous: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const start = reader.offset;
    const key = readValue(reader, depth + 1);
    const encoded = reader.bytes.subarray(start, reader.offset);
    if (previous !== undefined) {
      const order = compareBytes(previous, encoded);
      if (order === 0) reader.fail("cbor.duplicate-key", "map keys must differ");
      if (order > 0) reader.fail("cbor.unsorted", "map keys must be in bytewise order");
    }
    previous = encoded;
    entries.push([key, readValue(reader, depth + 1)]);
  }
  return { entries };
}

/** Looks a key (integer or text) up in a decoded map. */
export function getMapValue(map: CborMap, key: number | string): CborValue {
  return map.entries.find(([candidate]) => candidate === key)?.[1];
}

/**
 * Decodes any well-formed CBOR (RFC 8949), floats and indefinite lengths included. Only for what others
 * wrote and we carry or convert; nothing that reaches the state is read with it.
 */
export function decodeForeignCbor(bytes: Uint8Array): CborValue {
  const state = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
  const value = readForeign(state, 0);
  if (value === BREAK) throw new LhgError("cbor.malformed", "break outside of an indefinite length");
  if (state.offset !== bytes.length) throw new LhgError("cbor.trailing", "bytes follow the value");
  return value;
}

interface ForeignState {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;
}
const BREAK: CborSimple = { simple: 31 };

function take(state: ForeignState, count: number): number {
  const at = state.offset;
  if (count > state.bytes.length - at) throw new LhgError("cbor.truncated", "input ends early");
  state.offset = at + count;
  return at;
}

function readForeignArgument(state: ForeignState, info: number): number | bigint {
  if (info < 24) return info;
  if (info === 24) return state.bytes[take(state, 1)]!;
  if (info === 25) return state.view.getUint16(take(state, 2));
  if (info === 26) return state.view.getUint32(take(state, 4));
  if (info !== 27) throw new LhgError("cbor.malformed", "reserved additional information");
  const value = state.view.getBigUint64(take(state, 8));
  return value <= 0x1fffffffffffffn ? Number(value) : value;
}

function readForeign(state: ForeignState, depth: number): CborValue {
  if (depth > MAX_DEPTH) throw new LhgError("cbor.depth", `must not nest deeper than ${MAX_DEPTH}`);
  const initial = state.bytes[take(state, 1)]!;
  const major = initial >> 5;
  const info = initial & 31;
  if (major === 7) return readForeignSimple(state, info);
  if (info === 31) return readIndefinite(state, major, depth);
  const argument = readForeignArgument(state, info);
  if (major === MAJOR_UINT) return argument;
  if (major === MAJOR_NEGATIVE) {
    const value = -1n - BigInt(argument);
    return value >= -0x1fffffffffffffn ? Number(value) : value;
  }
  if (major === MAJOR_TAG) return { tag: argument, value: readItem(state, depth) };
  if (typeof argument === "bigint" || argument > state.bytes.length)
    throw new LhgError("cbor.truncated", "input ends early");
  if (major === MAJOR_BYTES || major === MAJOR_TEXT) {
    const at = take(state, argument);
    const chunk = state.bytes.subarray(at, at + argument);
    return major === MAJOR_BYTES ? chunk : decodeUtf8(chunk);
  }
  // Items are pushed one by one: an array made at its claimed length would let each level claim the input's.
  if (major === MAJOR_ARRAY) return readItems(state, argument, depth);
  return toMap(readItems(state, 2 * argument, depth));
}

function readItems(state: ForeignState, count: number, depth: number): CborValue[] {
  const items: CborValue[] = [];
  for (let i = 0; i < count; i++) items.push(readItem(state, depth));
  return items;
}

function toMap(items: readonly CborValue[]): CborMap {
  if (items.length % 2 !== 0) throw new LhgError("cbor.malformed", "map ends after a key");
  const entries: (readonly [CborValue, CborValue])[] = [];
  for (let i = 0; i < items.length; i += 2) entries.push([items[i], items[i + 1]]);
  return { entries };
}

function readItem(state: ForeignState, depth: number): CborValue {
  const value = readForeign(state, depth + 1);
  if (value === BREAK) throw new LhgError("cbor.malformed", "break inside of a definite length");
  return value;
}

function readIndefinite(state: ForeignState, major: number, depth: number): CborValue {
  const items: CborValue[] = [];
  for (;;) {
    const value = readForeign(state, depth + 1);
    if (value === BREAK) break;
    items.push(value);
  }
  if (major === MAJOR_ARRAY) return items;
  if (major === MAJOR_MAP) return toMap(items);
  if (major === MAJOR_TEXT && items.every((item) => typeof item === "string")) return items.join("");
  if (major === MAJOR_BYTES && items.every((item) => item instanceof Uint8Array)) {
    const length = items.reduce((sum: number, item) => sum + (item as Uint8Array).length, 0);
    const out = new Uint8Array(length);
    let offset = 0;
    for (const item of items as Uint8Array[]) {
      out.set(item, offset);
      offset += item.length;
    }
    return out;
  }
  throw new LhgError("cbor.malformed", "chunks of an indefinite string must be strings of its kind");
}

function readForeignSimple(state: ForeignState, info: number): CborValue {
  if (info === 20) return false;
  if (info === 21) return true;
  if (info === 22) return null;
  if (info === 23) return undefined;
  if (info < 20) return { simple: info };
  if (info === 24) {
    const simple = state.bytes[take(state, 1)]!;
    if (simple < 32) throw new LhgError("cbor.malformed", "simple value below 32 in two bytes");
    return { simple };
  }
  if (info === 25) return decodeHalf(state.view.getUint16(take(state, 2)));
  if (info === 26) return state.view.getFloat32(take(state, 4));
  if (info === 27) return state.view.getFloat64(take(state, 8));
  if (info === 31) return BREAK;
  throw new LhgError("cbor.malformed", "reserved additional information");
}

/** IEEE 754 binary16 (RFC 8949 appendix D). */
function decodeHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
