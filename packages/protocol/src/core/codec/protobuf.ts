/**
 * Protobuf's wire format as far as CometBFT hashes and signs it, in the one form that its encoder writes: fields in ascending order,
 * each at most once but for repeated ones, zero and empty scalars left out, embedded messages always there. Field numbers are 1 to
 * 15, so that a tag is one byte.
 */
import { concatBytes, decodeUtf8 } from "../bytes.ts";
import { LhgError } from "../errors.ts";
import type { LengthBounds } from "./definition.ts";

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
type WireType = typeof VARINT | typeof FIXED64 | typeof DELIMITED;

/** 64 bits in groups of seven. */
const VARINT_BYTES_MAX = 10;
export const INT32_MAX = 0x7fff_ffffn;
export const UINT32_MAX = 0xffff_ffffn;
export const UINT64_MAX = (1n << 64n) - 1n;

const NOTHING = new Uint8Array(0);

function tagOf(number: number, type: WireType): number {
  return (number << 3) | type;
}

/** An integer within [-2^63, 2^64); a negative one takes ten bytes. */
export function encodeVarint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}

/** The length as a varint, then the bytes: a message in a stream. */
export function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(encodeVarint(BigInt(bytes.length)), bytes);
}

/** int32, int64, uint32, uint64 or an enum: nothing for zero. */
export function varintField(number: number, value: bigint): Uint8Array {
  return value === 0n ? NOTHING : concatBytes(Uint8Array.of(tagOf(number, VARINT)), encodeVarint(value));
}

/** sfixed64, little-endian: nothing for zero. */
export function sfixed64Field(number: number, value: bigint): Uint8Array {
  if (value === 0n) return NOTHING;
  const out = new Uint8Array(9);
  out[0] = tagOf(number, FIXED64);
  new DataView(out.buffer).setBigInt64(1, value, true);
  return out;
}

/** bytes, or the UTF-8 of a string: nothing where empty. */
export function bytesField(number: number, value: Uint8Array): Uint8Array {
  return value.length === 0 ? NOTHING : messageField(number, value);
}

/** An embedded message, also where it is empty. */
export function messageField(number: number, encoded: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(tagOf(number, DELIMITED)), lengthPrefixed(encoded));
}

/**
 * Reads the fields of one message in ascending order. What it accepts is what the functions above write; all else is refused with a
 * code that begins with `area`: `.truncated`, `.non-minimal` (a varint longer than needed), `.overflow` (beyond 64 bits), `.zero` (a
 * zero or empty scalar that must be left out), `.missing` (an embedded message), `.range`, `.length`, `.count`, `.utf8`, and
 * `.unexpected` (a field that is unknown, repeated, out of order or of another type).
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #area: string;
  readonly #field: string;
  #offset = 0;

  constructor(bytes: Uint8Array, area: string, field: string) {
    this.#bytes = bytes;
    this.#area = area;
    this.#field = field;
  }

  /** `name` is that of a field of this message; without one the message itself is meant. */
  fail(what: string, message: string, name = ""): never {
    const field = name === "" ? this.#field : `${this.#field}.${name}`;
    throw new LhgError(`${this.#area}.${what}`, message, field);
  }

  /** An integer of 64 bits without sign within the bounds; 0 where the field is left out. */
  readUint(number: number, name: string, { min = 0n, max }: { min?: bigint; max: bigint }): bigint {
    const value = this.#readScalar(number, name);
    if (value < min || value > max) this.fail("range", `must be ${min} to ${max}`, name);
    return value;
  }

  /** An int64; 0 where the field is left out. */
  readInt64(number: number, name: string): bigint {
    return BigInt.asIntN(64, this.#readScalar(number, name));
  }

  #readScalar(number: number, name: string): bigint {
    if (!this.#takeTag(number, VARINT)) return 0n;
    const value = this.#readVarint(name);
    return value === 0n ? this.fail("zero", "must be left out where it is 0", name) : value;
  }

  /** A copy, of a length within the bounds; empty where the field is left out. */
  readBytes(number: number, name: string, { min = 0, max }: LengthBounds): Uint8Array {
    const isThere = this.#takeTag(number, DELIMITED);
    const value = isThere ? this.#readDelimited(name) : NOTHING;
    if (isThere && value.length === 0) this.fail("zero", "must be left out where it is empty", name);
    if (value.length < min || value.length > max)
      this.fail("length", min === max ? `must be ${min} bytes` : `must be ${min} to ${max} bytes`, name);
    return value.slice();
  }

  readText(number: number, name: string, bounds: LengthBounds): string {
    const bytes = this.readBytes(number, name, bounds);
    try {
      return decodeUtf8(bytes);
    } catch {
      return this.fail("utf8", "must be well-formed UTF-8", name);
    }
  }

  /** A reader of an embedded message, which must be there. */
  readMessage(number: number, name: string): ProtobufReader {
    if (!this.#takeTag(number, DELIMITED)) this.fail("missing", "must be there", name);
    return new ProtobufReader(this.#readDelimited(name), this.#area, `${this.#field}.${name}`);
  }

  /** The repeated embedded messages of this number, `name[0]` on. */
  *readMessages(number: number, name: string, { min = 0, max }: LengthBounds): Generator<ProtobufReader> {
    let count = 0;
    for (; this.#isNext(number, DELIMITED); count++) {
      if (count === max) this.fail("count", `must have at most ${max} elements`, name);
      yield this.readMessage(number, `${name}[${count}]`);
    }
    if (count < min) this.fail("count", `must have at least ${min} elements`, name);
  }

  /** Demands that the whole message was read. */
  finish(): void {
    const tag = this.#bytes[this.#offset];
    if (tag !== undefined)
      this.fail("unexpected", `field ${tag >> 3} is unknown, repeated, out of order or of another type`);
  }

  #isNext(number: number, type: WireType): boolean {
    return this.#bytes[this.#offset] === tagOf(number, type);
  }

  #takeTag(number: number, type: WireType): boolean {
    if (!this.#isNext(number, type)) return false;
    this.#offset++;
    return true;
  }

  #readVarint(name: string): bigint {
    let value = 0n;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined) return this.fail("truncated", "input ends early", name);
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) this.fail("non-minimal", "number is not in its shortest form", name);
      return value <= UINT64_MAX ? value : this.fail("overflow", "must fit 64 bits", name);
    }
    return this.fail("overflow", "must fit 64 bits", name);
  }

  /** A view. A length can't exceed the input, so nothing is ever allocated on a claim. */
  #readDelimited(name: string): Uint8Array {
    const length = this.#readVarint(name);
    const start = this.#offset;
    if (length > BigInt(this.#bytes.length - start)) this.fail("truncated", "input ends early", name);
    this.#offset = start + Number(length);
    return this.#bytes.subarray(start, this.#offset);
  }
}
