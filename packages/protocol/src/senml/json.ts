import { type Decimal, parseDecimal } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { type JsonNode, memberPath, parseJson } from "../core/json.ts";
import { MAX_DATA_BYTES, MAX_SENML_RECORDS, type SenmlRecord } from "./record.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** How each label's value is read (RFC 8428, table 1 and section 5). */
const READERS: {
  readonly [K in keyof Required<SenmlRecord>]: (node: JsonNode, field: string) => SenmlRecord[K];
} = {
  bver: readVersion,
  bn: readText,
  bt: readNumber,
  bu: readText,
  bv: readNumber,
  bs: readNumber,
  n: readText,
  u: readText,
  v: readNumber,
  vs: readText,
  vb: readBoolean,
  s: readNumber,
  t: readNumber,
  ut: readNumber,
  vd: readData,
};

/**
 * Reads a SenML pack in JSON (application/senml+json). Numbers keep their exact value. Unknown labels are ignored,
 * except those that end in `_`, which their writer wants understood (section 4.4).
 * Throws `senml.type`, `senml.count`, `senml.must-understand`, `senml.data`, `json.*` or `decimal.*`.
 */
export function readSenmlJson(bytes: Uint8Array): SenmlRecord[] {
  const pack = parseJson(bytes, "pack");
  if (pack.kind !== "array") throw new LhgError("senml.type", "must be an array of records", "pack");
  if (pack.items.length < 1 || pack.items.length > MAX_SENML_RECORDS)
    throw new LhgError("senml.count", `must have 1 to ${MAX_SENML_RECORDS} records`, "pack");
  return pack.items.map((node, i) => readRecord(node, `pack[${i}]`));
}

function readRecord(node: JsonNode, field: string): SenmlRecord {
  if (node.kind !== "object") throw new LhgError("senml.type", "must be a record", field);
  const record: { [label: string]: unknown } = {};
  for (const [label, value] of node.entries) {
    if (isLabel(label)) record[label] = READERS[label](value, `${field}.${label}`);
    else if (label.endsWith("_"))
      throw new LhgError(
        "senml.must-understand",
        "is a field that must be understood",
        memberPath(field, label),
      );
  }
  return record as Writable<SenmlRecord>;
}

function isLabel(label: string): label is keyof typeof READERS {
  return Object.hasOwn(READERS, label);
}

function readText(node: JsonNode, field: string): string {
  if (node.kind !== "string") throw new LhgError("senml.type", "must be a string", field);
  return node.value;
}

function readBoolean(node: JsonNode, field: string): boolean {
  if (node.kind !== "boolean") throw new LhgError("senml.type", "must be true or false", field);
  return node.value;
}

function readNumber(node: JsonNode, field: string): Decimal {
  if (node.kind !== "number") throw new LhgError("senml.type", "must be a number", field);
  return parseDecimal(node.raw, field);
}

function readVersion(node: JsonNode, field: string): number {
  if (node.kind !== "number" || !/^[1-9][0-9]{0,5}$/.test(node.raw))
    throw new LhgError("senml.type", "must be a positive integer", field);
  return Number(node.raw);
}

function readData(node: JsonNode, field: string): Uint8Array {
  return decodeBase64Url(readText(node, field), field);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const DIGITS = new Map([...ALPHABET].map((character, digit) => [character, digit]));

/** base64url without padding (RFC 4648, section 5), with its unused last bits zero: one text per value. */
function decodeBase64Url(text: string, field: string): Uint8Array {
  const refuse = () => new LhgError("senml.data", "must be base64url without padding", field);
  if (text.length % 4 === 1) throw refuse();
  if (text.length > (MAX_DATA_BYTES / 3) * 4 + 2)
    throw new LhgError("senml.data", `must be at most ${MAX_DATA_BYTES} bytes`, field);
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let length = 0;
  for (const character of text) {
    const digit = DIGITS.get(character);
    if (digit === undefined) throw refuse();
    bits = ((bits << 6) | digit) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    out[length] = bits >> bitCount;
    length += 1;
  }
  if ((bits & ((1 << bitCount) - 1)) !== 0) throw refuse();
  return out;
}
