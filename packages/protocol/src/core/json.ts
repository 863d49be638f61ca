/**
 * A strict JSON reader (RFC 8259, I-JSON's unique names) for bytes that decide replicated state. It keeps the byte
 * span of every value, so that a document can be cut into slices and proven piece by piece, and the text of
 * every number, so that nothing passes through a double.
 */
import { concatBytes, decodeUtf8 } from "./bytes.ts";
import { LhgError } from "./errors.ts";

interface Span {
  /** Offset of the first byte of the value. */
  readonly start: number;
  /** Offset after the last byte of the value. */
  readonly end: number;
}

export interface JsonObject extends Span {
  readonly kind: "object";
  /** In source order; names are unique. */
  readonly entries: ReadonlyMap<string, JsonNode>;
}

export interface JsonArray extends Span {
  readonly kind: "array";
  readonly items: readonly JsonNode[];
}

export interface JsonString extends Span {
  readonly kind: "string";
  /** Decoded; well-formed Unicode, no lone surrogate. */
  readonly value: string;
}

export interface JsonNumber extends Span {
  readonly kind: "number";
  /** The text as written; core/decimal.ts gives it a value. */
  readonly raw: string;
}

export interface JsonBoolean extends Span {
  readonly kind: "boolean";
  readonly value: boolean;
}

export interface JsonNull extends Span {
  readonly kind: "null";
}

export type JsonNode = JsonObject | JsonArray | JsonString | JsonNumber | JsonBoolean | JsonNull;

export const JSON_MAX_DEPTH = 64;
/** A value needs two bytes of text and about a hundred of memory: this bounds a parse at some 50 MB. */
export const JSON_MAX_VALUES = 500_000;
const MAX_NUMBER_LENGTH = 512;
const MAX_NAME_IN_PATH = 64;

/**
 * Parses one JSON text. `root` is what error paths begin with.
 * Throws `json.syntax`, `json.duplicate-key`, `json.depth`, `json.size`, `json.surrogate`, `json.bom`, `json.trailing`
 * or `utf8.invalid`.
 */
export function parseJson(bytes: Uint8Array, root = "$"): JsonNode {
  const reader: Reader = { bytes, offset: 0, values: 0, root, path: [] };
  skipWhitespace(reader);
  const node = readValue(reader);
  skipWhitespace(reader);
  if (reader.offset !== bytes.length) throw fail(reader, "json.trailing", "must end after the JSON value");
  return node;
}

/**
 * The text without members that a later one of the same name overrides, so that what is left says once what
 * lenient readers take it to say: the last one. Returns the bytes given when there is nothing to drop, and the
 * paths of what was dropped. Throws what parseJson throws.
 */
export function dropRepeatedMembers(bytes: Uint8Array): {
  readonly bytes: Uint8Array;
  readonly dropped: string[];
} {
  const repeated: RepeatedMember[] = [];
  const reader: Reader = { bytes, offset: 0, values: 0, root: "$", path: [], repeated };
  skipWhitespace(reader);
  readValue(reader);
  if (repeated.length === 0) return { bytes, dropped: [] };
  repeated.sort((a, b) => a.start - b.start);
  const parts: Uint8Array[] = [];
  const dropped: string[] = [];
  let from = 0;
  for (const { start, end, path } of repeated) {
    // Members inside of a dropped one go with it.
    if (start < from) continue;
    parts.push(bytes.subarray(from, start));
    dropped.push(path);
    from = end;
  }
  parts.push(bytes.subarray(from));
  return { bytes: concatBytes(...parts), dropped };
}

/** A member that a later one overrides: from its name to the name of the next. */
interface RepeatedMember {
  readonly start: number;
  readonly end: number;
  readonly path: string;
}

/** Parses the JSON value that begins at byte `start` exactly; the rest of the bytes is the caller's to judge. */
export function parseJsonValue(bytes: Uint8Array, start: number, root = "$"): JsonNode {
  return readValue({ bytes, offset: start, values: 0, root, path: [] });
}

/** Extends an error path by a member name: `$.a`, or `$["@context"]` where the name is no plain word. */
export function memberPath(path: string, name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) return `${path}.${name}`;
  const shown = name.length > MAX_NAME_IN_PATH ? `${name.slice(0, MAX_NAME_IN_PATH)}...` : name;
  return `${path}[${JSON.stringify(shown)}]`;
}

export function isJsonWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

interface Reader {
  readonly bytes: Uint8Array;
  readonly root: string;
  readonly path: (string | number)[];
  /** Where given, repeated members are noted here instead of refused. */
  readonly repeated?: RepeatedMember[];
  offset: number;
  values: number;
}

/** Recursive, and safe so: the depth is bounded by JSON_MAX_DEPTH. */
function readValue(reader: Reader): JsonNode {
  reader.values += 1;
  if (reader.values > JSON_MAX_VALUES)
    throw fail(reader, "json.size", `must have at most ${JSON_MAX_VALUES} values`);
  const start = reader.offset;
  const byte = reader.bytes[start];
  switch (byte) {
    case 0x7b:
      return readObject(reader);
    case 0x5b:
      return readArray(reader);
    case 0x22: {
      const value = readString(reader);
      return { kind: "string", value, start, end: reader.offset };
    }
    case 0x74:
      return readLiteral(reader, "true", { kind: "boolean", value: true, start, end: start + 4 });
    case 0x66:
      return readLiteral(reader, "false", { kind: "boolean", value: false, start, end: start + 5 });
    case 0x6e:
      return readLiteral(reader, "null", { kind: "null", start, end: start + 4 });
    case 0xef:
      throw fail(reader, "json.bom", "must not begin with a byte order mark or another non-ASCII byte");
    default:
      return readNumber(reader);
  }
}

function readObject(reader: Reader): JsonObject {
  const start = reader.offset;
  const entries = new Map<string, JsonNode>();
  /** Where members begin, and which is the newest of a name: a dropped one ends where the next begins. */
  const starts: number[] = [];
  const newest = new Map<string, number>();
  enterContainer(reader);
  if (!closesEmpty(reader, 0x7d)) {
    do {
      skipWhitespace(reader);
      if (reader.bytes[reader.offset] !== 0x22)
        throw fail(reader, "json.syntax", "must name its next member");
      const nameStart = reader.offset;
      const name = readString(reader);
      reader.path.push(name);
      if (entries.has(name)) {
        if (reader.repeated === undefined)
          throw fail(reader, "json.duplicate-key", "must occur once in its object");
        const overridden = newest.get(name)!;
        const end = starts[overridden + 1] ?? nameStart;
        reader.repeated.push({ start: starts[overridden]!, end, path: showPath(reader) });
      }
      newest.set(name, starts.push(nameStart) - 1);
      skipWhitespace(reader);
      expectByte(reader, 0x3a, ":");
      skipWhitespace(reader);
      entries.set(name, readValue(reader));
      reader.path.pop();
    } while (continuesWith(reader, 0x7d, "}"));
  }
  return { kind: "object", entries, start, end: reader.offset };
}

function readArray(reader: Reader): JsonArray {
  const start = reader.offset;
  const items: JsonNode[] = [];
  enterContainer(reader);
  if (!closesEmpty(reader, 0x5d)) {
    do {
      reader.path.push(items.length);
      skipWhitespace(reader);
      items.push(readValue(reader));
      reader.path.pop();
    } while (continuesWith(reader, 0x5d, "]"));
  }
  return { kind: "array", items, start, end: reader.offset };
}

/** The path holds one entry per open container. */
function enterContainer(reader: Reader): void {
  if (reader.path.length >= JSON_MAX_DEPTH)
    throw fail(reader, "json.depth", `must not nest deeper than ${JSON_MAX_DEPTH}`);
  reader.offset += 1;
}

function closesEmpty(reader: Reader, close: number): boolean {
  skipWhitespace(reader);
  if (reader.bytes[reader.offset] !== close) return false;
  reader.offset += 1;
  return true;
}

function continuesWith(reader: Reader, close: number, closeText: string): boolean {
  skipWhitespace(reader);
  const byte = reader.bytes[reader.offset];
  if (byte !== 0x2c && byte !== close)
    throw fail(reader, "json.syntax", `must go on with "," or "${closeText}" at byte ${reader.offset}`);
  reader.offset += 1;
  return byte === 0x2c;
}

function readLiteral<T extends JsonNode>(reader: Reader, text: string, node: T): T {
  for (let i = 0; i < text.length; i++) expectByte(reader, text.charCodeAt(i), text);
  return node;
}

function readNumber(reader: Reader): JsonNumber {
  const { bytes } = reader;
  const start = reader.offset;
  if (bytes[reader.offset] === 0x2d) reader.offset += 1;
  if (bytes[reader.offset] === 0x30) reader.offset += 1;
  else skipDigits(reader);
  if (bytes[reader.offset] === 0x2e) {
    reader.offset += 1;
    skipDigits(reader);
  }
  if (bytes[reader.offset] === 0x65 || bytes[reader.offset] === 0x45) {
    reader.offset += 1;
    if (bytes[reader.offset] === 0x2b || bytes[reader.offset] === 0x2d) reader.offset += 1;
    skipDigits(reader);
  }
  const length = reader.offset - start;
  if (length > MAX_NUMBER_LENGTH)
    throw fail(reader, "json.size", `must have at most ${MAX_NUMBER_LENGTH} characters`);
  return { kind: "number", raw: asciiText(bytes, start, reader.offset), start, end: reader.offset };
}

function skipDigits(reader: Reader): void {
  const start = reader.offset;
  while (isDigit(reader.bytes[reader.offset])) reader.offset += 1;
  if (reader.offset === start) throw fail(reader, "json.syntax", `must be a JSON value at byte ${start}`);
}

/** Reads a string from its opening quote to after the closing one. */
function readString(reader: Reader): string {
  const { bytes } = reader;
  let text = "";
  let runStart = reader.offset + 1;
  let ascii = true;
  let at = runStart;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined) throw fail(reader, "json.syntax", "must close its string");
    if (byte === 0x22) break;
    if (byte < 0x20) throw fail(reader, "json.syntax", `must escape the control character at byte ${at}`);
    if (byte >= 0x80) ascii = false;
    if (byte !== 0x5c) {
      at += 1;
      continue;
    }
    text += decodeRun(reader, runStart, at, ascii);
    reader.offset = at + 1;
    text += readEscape(reader);
    at = reader.offset;
    runStart = at;
  }
  text += decodeRun(reader, runStart, at, ascii);
  reader.offset = at + 1;
  return text;
}

/** The path is built for an error only: 250,000 short strings 64 deep would spend seconds on it. */
function decodeRun(reader: Reader, start: number, end: number, ascii: boolean): string {
  if (ascii) return asciiText(reader.bytes, start, end);
  try {
    return decodeUtf8(reader.bytes.subarray(start, end));
  } catch {
    throw fail(reader, "utf8.invalid", "must be well-formed UTF-8");
  }
}

const ASCII_CHUNK = 256;

/** Beats TextDecoder on the short strings of events (about 0.1 against 1 us). */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > ASCII_CHUNK) return decodeUtf8(bytes.subarray(start, end));
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

const SIMPLE_ESCAPES = new Map<number, string>([
  [0x22, '"'],
  [0x5c, "\\"],
  [0x2f, "/"],
  [0x62, "\b"],
  [0x66, "\f"],
  [0x6e, "\n"],
  [0x72, "\r"],
  [0x74, "\t"],
]);

/** Reads what follows a backslash. */
function readEscape(reader: Reader): string {
  const byte = reader.bytes[reader.offset];
  reader.offset += 1;
  if (byte === 0x75) return readUnicodeEscape(reader);
  const text = byte === undefined ? undefined : SIMPLE_ESCAPES.get(byte);
  if (text === undefined)
    throw fail(reader, "json.syntax", `must use a JSON escape at byte ${reader.offset - 1}`);
  return text;
}

function readUnicodeEscape(reader: Reader): string {
  const unit = readHex4(reader);
  if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
  const lone = () => fail(reader, "json.surrogate", "must pair its UTF-16 surrogate escapes");
  if (unit > 0xdbff) throw lone();
  if (reader.bytes[reader.offset] !== 0x5c || reader.bytes[reader.offset + 1] !== 0x75) throw lone();
  reader.offset += 2;
  const low = readHex4(reader);
  if (low < 0xdc00 || low > 0xdfff) throw lone();
  return String.fromCharCode(unit, low);
}

function readHex4(reader: Reader): number {
  let unit = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(reader.bytes[reader.offset]);
    if (digit < 0)
      throw fail(reader, "json.syntax", `must have four hexadecimal digits at byte ${reader.offset}`);
    unit = unit * 16 + digit;
    reader.offset += 1;
  }
  return unit;
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function skipWhitespace(reader: Reader): void {
  while (isJsonWhitespace(reader.bytes[reader.offset])) reader.offset += 1;
}

function expectByte(reader: Reader, byte: number, expected: string): void {
  if (reader.bytes[reader.offset] !== byte)
    throw fail(reader, "json.syntax", `must have "${expected}" at byte ${reader.offset}`);
  reader.offset += 1;
}

function showPath(reader: Reader): string {
  let path = reader.root;
  for (const step of reader.path)
    path = typeof step === "number" ? `${path}[${step}]` : memberPath(path, step);
  return path;
}

function fail(reader: Reader, code: string, message: string): LhgError {
  return new LhgError(code, message, showPath(reader));
}
