/** Byte-string helpers shared by every layer; no platform API beyond Uint8Array and TextEncoder. */
import { LhgError } from "./errors.ts";

/** Arguments that one call takes safely on every engine. */
const ARGUMENTS_MAX = 4096;

/**
 * One character a byte (Latin-1): the cheapest exact map key there is. Adding up characters one by one would leave
 * a rope of as many strings behind (1 KB for 40 bytes, measured).
 */
export function byteString(bytes: Uint8Array): string {
  if (bytes.length === 32) return digestString(bytes);
  if (bytes.length <= ARGUMENTS_MAX) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let out = "";
  for (let at = 0; at < bytes.length; at += ARGUMENTS_MAX)
    out += byteString(bytes.subarray(at, at + ARGUMENTS_MAX));
  return out;
}

/** Most of what is looked up is a digest. Written out it takes 60 % of the time of `apply` (measured). */
function digestString(b: Uint8Array): string {
  // biome-ignore format: eight bytes a line
  return String.fromCharCode(
    b[0]!, b[1]!, b[2]!, b[3]!, b[4]!, b[5]!, b[6]!, b[7]!,
    b[8]!, b[9]!, b[10]!, b[11]!, b[12]!, b[13]!, b[14]!, b[15]!,
    b[16]!, b[17]!, b[18]!, b[19]!, b[20]!, b[21]!, b[22]!, b[23]!,
    b[24]!, b[25]!, b[26]!, b[27]!, b[28]!, b[29]!, b[30]!, b[31]!,
  );
}

/** Lower-case ASCII digits of 0 to 15. */
const HEX_DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

export function toHex(bytes: Uint8Array): string {
  const digits = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    digits[2 * i] = HEX_DIGITS[bytes[i]! >> 4]!;
    digits[2 * i + 1] = HEX_DIGITS[bytes[i]! & 15]!;
  }
  return byteString(digits);
}

/** Decodes lower-case or upper-case hex. Throws `hex.invalid`. */
export function fromHex(text: string, field = ""): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new LhgError("hex.invalid", "must be an even number of hexadecimal digits", field);
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order by unsigned byte, shorter first: the order of CBOR map keys and of store keys. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8 and refuses malformed input with `utf8.invalid`. */
export function decodeUtf8(bytes: Uint8Array, field = ""): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new LhgError("utf8.invalid", "must be well-formed UTF-8", field);
  }
}

export const ZERO32 = new Uint8Array(32);
