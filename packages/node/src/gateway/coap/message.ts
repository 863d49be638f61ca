/** Messages of CoAP (RFC 7252, section 3), bounded: a datagram is read in one pass, and what does not fit is refused. */
import { LhgError } from "@lhg/protocol/core/errors";

export const CONFIRMABLE = 0;
export const NON_CONFIRMABLE = 1;
export const ACKNOWLEDGEMENT = 2;
export const RESET = 3;

/** Class and detail in one byte, as on the wire: 2.05 is 0x45. */
export const CODES = {
  empty: 0x00,
  get: 0x01,
  post: 0x02,
  changed: 0x44,
  content: 0x45,
  continue: 0x5f,
  badRequest: 0x80,
  badOption: 0x82,
  notFound: 0x84,
  notAllowed: 0x85,
  notAcceptable: 0x86,
  /** RFC 7959, 2.9.2. */
  incomplete: 0x88,
  /** RFC 8132, section 3.4. */
  conflict: 0x89,
  tooLarge: 0x8d,
  unsupportedFormat: 0x8f,
  /** RFC 8132, section 3.4. */
  unprocessable: 0x96,
  internal: 0xa0,
  unavailable: 0xa3,
} as const;

export const OPTIONS = {
  uriHost: 3,
  etag: 4,
  observe: 6,
  uriPort: 7,
  uriPath: 11,
  contentFormat: 12,
  maxAge: 14,
  uriQuery: 15,
  accept: 17,
  block2: 23,
  block1: 27,
  size1: 60,
} as const;

export interface CoapOption {
  readonly number: number;
  readonly value: Uint8Array;
}

export interface CoapMessage {
  readonly type: number;
  readonly code: number;
  readonly messageId: number;
  /** 0 to 8 bytes. */
  readonly token: Uint8Array;
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

/** An Ethernet frame's worth; CoAP advises 1152. */
const DATAGRAM_BYTES_MAX = 1500;
const OPTIONS_MAX = 32;
const HEADER_BYTES = 4;
const TOKEN_BYTES_MAX = 8;
const PAYLOAD_MARKER = 0xff;
const OPTION_NUMBER_MAX = 65_535;
const EMPTY = new Uint8Array(0);

/** Throws `coap.malformed`: such a datagram is passed over, or answered with a reset by who can tell its message id. */
export function decodeMessage(bytes: Uint8Array): CoapMessage {
  if (bytes.length < HEADER_BYTES || bytes.length > DATAGRAM_BYTES_MAX) throw malformed("has no such size");
  const [first, code, high, low] = bytes as unknown as readonly [number, number, number, number];
  if (first >> 6 !== 1) throw malformed("is of no known version");
  const tokenLength = first & 15;
  if (tokenLength > TOKEN_BYTES_MAX) throw malformed("has a token of more than 8 bytes");
  const head = { type: (first >> 4) & 3, code, messageId: high * 256 + low };
  if (code === CODES.empty) {
    if (bytes.length !== HEADER_BYTES || tokenLength > 0) throw malformed("is empty and has content");
    return { ...head, token: EMPTY, options: [], payload: EMPTY };
  }
  const start = HEADER_BYTES + tokenLength;
  if (start > bytes.length) throw malformed("ends in its token");
  const token = bytes.subarray(HEADER_BYTES, start);
  return { ...head, token, ...decodeOptions(bytes, start) };
}

function decodeOptions(bytes: Uint8Array, start: number): Pick<CoapMessage, "options" | "payload"> {
  const options: CoapOption[] = [];
  let at = start;
  let number = 0;
  const readExtended = (nibble: number): number => {
    if (nibble < 13) return nibble;
    const length = nibble - 12;
    if (length > 2 || at + length > bytes.length) throw malformed("has an option that ends early");
    const value = length === 1 ? bytes[at]! + 13 : bytes[at]! * 256 + bytes[at + 1]! + 269;
    at += length;
    return value;
  };
  while (at < bytes.length) {
    const byte = bytes[at]!;
    at += 1;
    if (byte === PAYLOAD_MARKER) {
      if (at === bytes.length) throw malformed("has a marker and no payload");
      return { options, payload: bytes.subarray(at) };
    }
    number += readExtended(byte >> 4);
    const length = readExtended(byte & 15);
    if (number > OPTION_NUMBER_MAX || at + length > bytes.length)
      throw malformed("has an option that ends early");
    if (options.length === OPTIONS_MAX) throw malformed(`has more than ${OPTIONS_MAX} options`);
    options.push({ number, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return { options, payload: EMPTY };
}

export function encodeMessage(message: CoapMessage): Uint8Array {
  const { type, code, messageId, token, payload } = message;
  const bytes = [0x40 | (type << 4) | token.length, code, messageId >> 8, messageId & 255, ...token];
  let before = 0;
  for (const { number, value } of [...message.options].sort((a, b) => a.number - b.number)) {
    const [delta, deltaBytes] = encodeExtended(number - before);
    const [length, lengthBytes] = encodeExtended(value.length);
    bytes.push((delta << 4) | length, ...deltaBytes, ...lengthBytes, ...value);
    before = number;
  }
  if (payload.length > 0) bytes.push(PAYLOAD_MARKER);
  const encoded = new Uint8Array(bytes.length + payload.length);
  encoded.set(bytes);
  encoded.set(payload, bytes.length);
  return encoded;
}

function encodeExtended(value: number): readonly [nibble: number, bytes: readonly number[]] {
  if (value < 13) return [value, []];
  return value < 269 ? [13, [value - 13]] : [14, [(value - 269) >> 8, (value - 269) & 255]];
}

export function findOption(
  { options }: Pick<CoapMessage, "options">,
  number: number,
): Uint8Array | undefined {
  return options.find((option) => option.number === number)?.value;
}

/** The number in an option, which is as short as it can be; undefined where there is none. Throws `coap.option`. */
export function readUint(message: Pick<CoapMessage, "options">, number: number): number | undefined {
  const value = findOption(message, number);
  if (value === undefined) return undefined;
  if (value.length > 4)
    throw new LhgError("coap.option", "must be a number of at most 4 bytes", `option ${number}`);
  return value.reduce((sum, byte) => sum * 256 + byte, 0);
}

export function uintOption(number: number, value: number): CoapOption {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return { number, value: new Uint8Array(bytes) };
}

function malformed(text: string): LhgError {
  return new LhgError("coap.malformed", text, "datagram");
}
