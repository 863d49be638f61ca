import { byteString, decodeUtf8 } from "../bytes.ts";
import { LhgError } from "../errors.ts";
import {
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_NEGATIVE,
  MAJOR_SIMPLE,
  MAJOR_TAG,
  MAJOR_TEXT,
  MAJOR_UINT,
  SHORT_TEXT,
} from "./cbor-writer.ts";
import { formatPath, type Path } from "./path.ts";

/**
 * Reads deterministic CBOR (RFC 8949 section 4.2.1) and refuses every other encoding: longer heads than
 * needed (`cbor.non-minimal`), indefinite lengths (`cbor.indefinite`), floats (`cbor.float`), other simple
 * values (`cbor.simple`), malformed UTF-8 (`cbor.utf8`), truncation (`cbor.truncated`) and reserved heads
 * (`cbor.malformed`). Byte strings are views into the input.
 */
export class CborReader {
  readonly path: Path = [];
  readonly bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  fail(code: string, message: string): never {
    throw new LhgError(code, message, formatPath(this.path));
  }

  /** Demands that the whole input was read. */
  finish(): void {
    if (this.offset !== this.bytes.length) this.fail("cbor.trailing", "bytes follow the value");
  }

  peekMajor(): number {
    if (this.offset >= this.bytes.length) this.fail("cbor.truncated", "input ends early");
    return this.bytes[this.offset]! >> 5;
  }

  isNull(): boolean {
    return this.bytes[this.offset] === 0xf6;
  }

  private need(count: number): number {
    const at = this.offset;
    if (count > this.bytes.length - at) this.fail("cbor.truncated", "input ends early");
    this.offset = at + count;
    return at;
  }

  private get32(at: number): number {
    const b = this.bytes;
    return b[at]! * 0x1000000 + ((b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!);
  }

  /** The argument of a head of this major type: a number when it is a safe integer, else a bigint. */
  private argument(major: number, what: string): number | bigint {
    const at = this.need(1);
    const initial = this.bytes[at]!;
    if (initial >> 5 !== major) {
      this.offset = at;
      this.failType(initial, what);
    }
    const info = initial & 31;
    if (info < 24) return info;
    if (info === 24) {
      const value = this.bytes[this.need(1)]!;
      return value >= 24 ? value : this.failMinimal();
    }
    if (info === 25) {
      const start = this.need(2);
      const value = (this.bytes[start]! << 8) | this.bytes[start + 1]!;
      return value >= 0x100 ? value : this.failMinimal();
    }
    if (info === 26) {
      const value = this.get32(this.need(4));
      return value >= 0x10000 ? value : this.failMinimal();
    }
    if (info === 27) {
      const start = this.need(8);
      const high = this.get32(start);
      if (high === 0) this.failMinimal();
      const low = this.get32(start + 4);
      return high < 0x200000 ? high * 0x100000000 + low : (BigInt(high) << 32n) | BigInt(low);
    }
    if (info === 31) this.fail("cbor.indefinite", "indefinite lengths are not deterministic");
    return this.fail("cbor.malformed", "reserved additional information");
  }

  private failMinimal(): never {
    return this.fail("cbor.non-minimal", "number is not in its shortest form");
  }

  private failType(initial: number, what: string): never {
    if (initial >> 5 === MAJOR_SIMPLE) {
      if (initial >= 0xf9 && initial <= 0xfb) this.fail("cbor.float", "floats are not allowed");
      if (initial === 0xff) this.fail("cbor.indefinite", "break outside of an indefinite length");
      if (initial < 0xf4 || initial > 0xf6) this.fail("cbor.simple", "this simple value is not allowed");
    }
    return this.fail("cbor.type", `must be ${what}`);
  }

  private length(major: number, what: string): number {
    const count = this.argument(major, what);
    // A length can't exceed the input, so nothing is ever allocated on a claim.
    if (typeof count === "bigint" || count > this.bytes.length)
      this.fail("cbor.truncated", "input ends early");
    return count as number;
  }

  /** Unsigned, at most 2^53 - 1. */
  readUint(): number {
    const value = this.argument(MAJOR_UINT, "an unsigned integer");
    return typeof value === "number" ? value : this.fail("cbor.range", "must be at most 2^53 - 1");
  }

  /** Unsigned, at most 2^64 - 1. */
  readUint64(): bigint {
    return BigInt(this.argument(MAJOR_UINT, "an unsigned integer"));
  }

  /** Any CBOR integer, within [-2^64, 2^64). */
  readBigInt(): bigint {
    if (this.peekMajor() === MAJOR_NEGATIVE) return -1n - BigInt(this.argument(MAJOR_NEGATIVE, "an integer"));
    return BigInt(this.argument(MAJOR_UINT, "an integer"));
  }

  /** A safe integer of either sign. */
  readInt(): number {
    if (this.peekMajor() !== MAJOR_NEGATIVE) return this.readUint();
    const value = this.argument(MAJOR_NEGATIVE, "an integer");
    if (typeof value === "bigint" || value >= Number.MAX_SAFE_INTEGER)
      this.fail("cbor.range", "must be a safe integer");
    return -1 - (value as number);
  }

  readBytes(): Uint8Array {
    const length = this.length(MAJOR_BYTES, "a byte string");
    const at = this.need(length);
    return this.bytes.subarray(at, at + length);
  }

  readText(): string {
    const length = this.length(MAJOR_TEXT, "a text string");
    const at = this.need(length);
    const short = length <= SHORT_TEXT ? this.readShortAscii(at, length) : undefined;
    if (short !== undefined) return short;
    try {
      return decodeUtf8(this.bytes.subarray(at, at + length));
    } catch {
      return this.fail("cbor.utf8", "must be well-formed UTF-8");
    }
  }

  private readShortAscii(at: number, length: number): string | undefined {
    for (let i = at; i < at + length; i++) if (this.bytes[i]! >= 0x80) return undefined;
    return byteString(this.bytes.subarray(at, at + length));
  }

  readArrayHeader(): number {
    return this.length(MAJOR_ARRAY, "an array");
  }

  readMapHeader(): number {
    return this.length(MAJOR_MAP, "a map");
  }

  readTag(): number | bigint {
    return this.argument(MAJOR_TAG, "a tag");
  }

  readBool(): boolean {
    const at = this.need(1);
    const initial = this.bytes[at]!;
    if (initial === 0xf4) return false;
    if (initial === 0xf5) return true;
    return this.failType(initial, "true or false");
  }

  readNull(): void {
    const at = this.need(1);
    if (this.bytes[at] !== 0xf6) this.failType(this.bytes[at]!, "null");
  }
}
