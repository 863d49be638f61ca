/** Mutations of valid encodings: by bytes, and by structure for CBOR and JSON, so that inputs get past the first check. */
import { concatBytes, decodeUtf8, encodeUtf8 } from "../../packages/protocol/src/core/bytes.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";

/** Draws integers from 0 to bound - 1. */
export type Random = (bound: number) => number;

const BYTES = [
  0, 1, 0x17, 0x18, 0x1b, 0x1f, 0x3b, 0x40, 0x5f, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc4, 0xf6, 0xf9, 0xfb, 0xff,
];
const INTEGERS: readonly (number | bigint)[] = [
  0,
  1,
  -1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  -(2 ** 53 - 1),
  2n ** 53n,
  2n ** 64n - 1n,
  -(2n ** 64n),
];
const TEXTS = [
  "",
  " ",
  "0",
  "-1",
  "1e400",
  "__proto__",
  "constructor",
  "a".repeat(300),
  "\u0000",
  "é",
  "😀".repeat(40),
  "https://id.gs1.org/01/",
];
const LENGTH_MAX = 64 << 10;

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)]!;
}

/** One input out of a corpus: mostly a mutated entry, sometimes spliced of two. */
export function mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  let bytes = pick(random, corpus);
  for (let rounds = 1 + random(3); rounds > 0; rounds--) {
    const kind = random(8);
    if (kind < 3) bytes = mutateCbor(random, bytes, corpus) ?? mutateBytes(random, bytes, corpus);
    else if (kind < 5) bytes = mutateJson(random, bytes) ?? mutateBytes(random, bytes, corpus);
    else bytes = mutateBytes(random, bytes, corpus);
  }
  return bytes.length > LENGTH_MAX ? bytes.slice(0, LENGTH_MAX) : bytes;
}

function mutateBytes(random: Random, bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  const at = random(bytes.length + 1);
  const to = Math.min(bytes.length, at + random(16));
  const head = bytes.subarray(0, at);
  const rest = bytes.subarray(to);
  switch (random(8)) {
    case 0:
      return head.slice();
    case 1:
      return concatBytes(
        bytes,
        Uint8Array.from({ length: 1 + random(8) }, () => pick(random, BYTES)),
      );
    case 2: {
      const copy = bytes.slice();
      if (copy.length > 0) copy[random(copy.length)]! ^= 1 << random(8);
      return copy;
    }
    case 3: {
      const copy = bytes.slice();
      if (copy.length > 0) copy[random(copy.length)] = pick(random, BYTES);
      return copy;
    }
    case 4:
      return concatBytes(head, rest);
    case 5:
      return concatBytes(head, bytes.subarray(at, to), bytes.subarray(at));
    case 6: {
      const other = pick(random, corpus);
      return concatBytes(head, other.subarray(random(other.length + 1)));
    }
    default:
      return concatBytes(
        head,
        Uint8Array.from({ length: random(9) }, () => random(256)),
        bytes.subarray(at),
      );
  }
}

function parseCbor(bytes: Uint8Array): CborValue | undefined {
  try {
    return decodeCbor(bytes);
  } catch {
    return undefined;
  }
}

/** Changes one place of the value; undefined where the bytes are no CBOR or the result has no encoding. */
function mutateCbor(
  random: Random,
  bytes: Uint8Array,
  corpus: readonly Uint8Array[],
): Uint8Array | undefined {
  const value = parseCbor(bytes);
  if (value === undefined || typeof value !== "object") return undefined;
  try {
    return encodeCbor(changeCbor(random, value, corpus));
  } catch {
    return undefined;
  }
}

type Tree = CborValue | unknown;
const isArray = (value: Tree): value is readonly CborValue[] => Array.isArray(value);

/** Descends to a random place and changes it; byte strings that hold CBOR are entered too. */
export function changeCbor(random: Random, value: CborValue, corpus: readonly Uint8Array[]): CborValue {
  if (isArray(value) && value.length > 0 && random(8) > 0) {
    const at = random(value.length);
    const items = [...value];
    const kind = random(12);
    if (kind === 0) items.splice(at, 1);
    else if (kind === 1) items.splice(at, 0, items[at]);
    else if (kind === 2) [items[at], items[0]] = [items[0], items[at]];
    else items[at] = changeCbor(random, items[at], corpus);
    return items;
  }
  if (value instanceof Uint8Array) {
    const inner = value.length > 4 && random(4) > 0 ? mutateCbor(random, value, corpus) : undefined;
    return inner ?? mutateBytes(random, value, corpus);
  }
  if (
    typeof value === "object" &&
    value !== null &&
    "entries" in value &&
    !isArray(value) &&
    !("tag" in value)
  ) {
    const { entries } = value as { entries: readonly (readonly [CborValue, CborValue])[] };
    if (entries.length > 0 && random(4) > 0) {
      const at = random(entries.length);
      const changed = entries.map(([key, held], i): readonly [CborValue, CborValue] =>
        i === at
          ? [random(4) === 0 ? replacement(random, corpus) : key, changeCbor(random, held, corpus)]
          : [key, held],
      );
      return { entries: random(8) === 0 ? changed.slice(0, -1) : changed };
    }
  }
  if (typeof value === "object" && value !== null && "tag" in value && random(4) > 0) {
    const { tag, value: inner } = value as { tag: number | bigint; value: CborValue };
    return { tag, value: changeCbor(random, inner, corpus) };
  }
  if ((typeof value === "number" || typeof value === "bigint") && random(2) === 0) {
    const next = BigInt(value) + BigInt(random(5) - 2);
    return next >= -(2n ** 53n) && next <= 2n ** 53n ? Number(next) : next;
  }
  return replacement(random, corpus);
}

/** The value itself or a part of it, however deep: it goes where another stood. */
function pickPart(random: Random, value: CborValue): CborValue {
  if (!isArray(value) || value.length === 0 || random(4) === 0) return value;
  return pickPart(random, pick(random, value));
}

function replacement(random: Random, corpus: readonly Uint8Array[]): CborValue {
  switch (random(9)) {
    case 0:
      return null;
    case 1:
      return random(2) === 0;
    case 2:
      return pick(random, TEXTS);
    case 3:
      return new Uint8Array(pick(random, [0, 1, 20, 32, 33, 64, 65])).fill(random(256));
    case 4:
      return [];
    case 5:
      return { entries: [] };
    case 6:
      return { tag: pick(random, [0, 4, 18, 98, 2 ** 32]), value: pick(random, INTEGERS) };
    case 7:
      return pickPart(random, parseCbor(pick(random, corpus)) ?? 0);
    default:
      return pick(random, INTEGERS);
  }
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Changes one place of a JSON text; undefined where the bytes are none. */
function mutateJson(random: Random, bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== 0x7b && bytes[0] !== 0x5b) return undefined;
  try {
    const value = JSON.parse(decodeUtf8(bytes)) as Json;
    return encodeUtf8(JSON.stringify(changeJson(random, value)));
  } catch {
    return undefined;
  }
}

function changeJson(random: Random, value: Json): Json {
  if (Array.isArray(value) && value.length > 0 && random(8) > 0) {
    const at = random(value.length);
    const items = [...value];
    const kind = random(8);
    if (kind === 0) items.splice(at, 1);
    else if (kind === 1) items.splice(at, 0, items[at]!);
    else items[at] = changeJson(random, items[at]!);
    return items;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && random(12) > 0) {
    const names = Object.keys(value);
    if (names.length > 0) {
      const name = pick(random, names);
      const kind = random(10);
      const { [name]: held, ...others } = value;
      if (kind === 0) return others;
      if (kind === 1) return { ...others, [pick(random, TEXTS)]: held! };
      if (kind === 2) return { ...value, [pick(random, names)]: held! };
      return { ...value, [name]: changeJson(random, held!) };
    }
  }
  if (typeof value === "string" && random(3) > 0) {
    const at = random(value.length + 1);
    const kind = random(4);
    if (kind === 0) return value.slice(0, at);
    if (kind === 1) return value.slice(0, at) + pick(random, TEXTS) + value.slice(at);
    if (kind === 2) return value.slice(0, at) + String(random(10)) + value.slice(at + 1);
    return `${value}${value.slice(at)}`;
  }
  switch (random(7)) {
    case 0:
      return null;
    case 1:
      return true;
    case 2:
      return pick(random, [0, -1, 1.5, 1e21, 2 ** 53, 1e-7, 123_456_789]);
    case 3:
      return pick(random, TEXTS);
    case 4:
      return [];
    case 5:
      return {};
    default:
      return [value, value];
  }
}
