/**
 * One definition per message gives its TypeScript type, deterministic CBOR codec, JSON form, JSON schema and
 * errors that name the field. A codec is a value; `Infer<typeof codec>` is its type.
 *
 * JSON form: integers beyond 2^53 as decimal strings, byte strings as lower-case hex, records as objects.
 */
import { fromHex, toHex } from "../bytes.ts";
import { LhgError } from "../errors.ts";
import { CborReader } from "./cbor-reader.ts";
import { CborWriter } from "./cbor-writer.ts";
import { formatPath, type Path } from "./path.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonSchema = { readonly [keyword: string]: Json };

export interface Codec<T> {
  write(writer: CborWriter, value: T): void;
  read(reader: CborReader): T;
  toJson(value: T): Json;
  /** Throws `json.*` naming the field. */
  fromJson(json: unknown, path: Path): T;
  readonly schema: JsonSchema;
}

export type Infer<C> = C extends Codec<infer T> ? T : never;

export function encode<T>(codec: Codec<T>, value: T, name = ""): Uint8Array {
  const writer = new CborWriter();
  if (name !== "") writer.path.push(name);
  codec.write(writer, value);
  return writer.finish();
}

/** Decodes exactly one value; `name` starts the field of every error. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, name = ""): T {
  const reader = new CborReader(bytes);
  if (name !== "") reader.path.push(name);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

export function fromJson<T>(codec: Codec<T>, json: unknown, name = ""): T {
  return codec.fromJson(json, name === "" ? [] : [name]);
}

function failJson(path: Path, code: string, message: string): never {
  throw new LhgError(code, message, formatPath(path));
}

interface Failing {
  fail(code: string, message: string): never;
}

function atJson(path: Path): Failing {
  return { fail: (code, message) => failJson(path, code, message) };
}

/** Unsigned integer of at most `max` (default 2^53 - 1), as a number. */
export function uint(max: number = Number.MAX_SAFE_INTEGER): Codec<number> {
  const check = (value: number, at: Failing): number =>
    value <= max ? value : at.fail("value.range", `must be at most ${max}`);
  return {
    write: (writer, value) => {
      if (value < 0) writer.fail("value.range", "must not be negative");
      writer.writeInt(check(value, writer));
    },
    read: (reader) => check(reader.readUint(), reader),
    toJson: (value) => value,
    fromJson: (json, path) => {
      if (typeof json !== "number" || !Number.isSafeInteger(json) || json < 0)
        failJson(path, "json.type", "must be an unsigned integer");
      return check(json as number, atJson(path));
    },
    schema: { type: "integer", minimum: 0, maximum: max },
  };
}

/** Safe integer of either sign, as a number. */
export const int: Codec<number> = {
  write: (writer, value) => writer.writeInt(value),
  read: (reader) => reader.readInt(),
  toJson: (value) => value,
  fromJson: (json, path) =>
    Number.isSafeInteger(json) ? (json as number) : failJson(path, "json.type", "must be an integer"),
  schema: { type: "integer" },
};

const MAX_UINT64 = (1n << 64n) - 1n;

/** Unsigned 64-bit integer as a bigint; a decimal string in JSON. */
export const uint64: Codec<bigint> = {
  write: (writer, value) => {
    if (value < 0n || value > MAX_UINT64) writer.fail("value.range", "must be an unsigned 64-bit integer");
    writer.writeInt(value);
  },
  read: (reader) => reader.readUint64(),
  toJson: (value) => value.toString(),
  fromJson: (json, path) => {
    if (typeof json !== "string" || !/^(0|[1-9][0-9]{0,19})$/.test(json))
      failJson(path, "json.type", "must be an unsigned integer in a string");
    const value = BigInt(json as string);
    return value <= MAX_UINT64 ? value : failJson(path, "value.range", "must fit 64 bits");
  },
  schema: { type: "string", pattern: "^(0|[1-9][0-9]{0,19})$" },
};

export const bool: Codec<boolean> = {
  write: (writer, value) => writer.writeBool(value),
  read: (reader) => reader.readBool(),
  toJson: (value) => value,
  fromJson: (json, path) =>
    typeof json === "boolean" ? json : failJson(path, "json.type", "must be true or false"),
  schema: { type: "boolean" },
};

export interface LengthBounds {
  readonly min?: number;
  readonly max: number;
}

/** Byte string; reading copies it, so a decoded message never holds on to the buffer it came from. */
export function bytes(bounds: number | LengthBounds): Codec<Uint8Array> {
  const view = byteView(bounds);
  return { ...view, read: (reader) => view.read(reader).slice() };
}

/** As `bytes`, but read as a view into its buffer: for what makes up nearly all of the buffer anyway. */
export function byteView(bounds: number | LengthBounds): Codec<Uint8Array> {
  const { min = 0, max } = typeof bounds === "number" ? { min: bounds, max: bounds } : bounds;
  const check = (value: Uint8Array, at: Failing): Uint8Array => {
    if (value.length >= min && value.length <= max) return value;
    return at.fail("value.length", min === max ? `must be ${min} bytes` : `must be ${min} to ${max} bytes`);
  };
  return {
    write: (writer, value) => writer.writeBytes(check(value, writer)),
    read: (reader) => check(reader.readBytes(), reader),
    toJson: (value) => toHex(value),
    fromJson: (json, path) => {
      if (typeof json !== "string" || json.length > 2 * max)
        failJson(path, "json.type", `must be hexadecimal of at most ${max} bytes`);
      return check(fromHex(json as string, formatPath(path)), atJson(path));
    },
    schema: { type: "string", pattern: "^([0-9a-f]{2})*$", minLength: 2 * min, maxLength: 2 * max },
  };
}

export interface TextBounds extends LengthBounds {
  readonly pattern?: RegExp;
}

/** Length in bytes of the UTF-8 form of a well-formed string. */
function utf8Length(value: string): number {
  let length = value.length;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit >= 0x80) length += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return length;
}

/** Text string; `min` and `max` count bytes of UTF-8, `pattern` is anchored by its author. */
export function text(bounds: TextBounds): Codec<string> {
  const { min = 0, max, pattern } = bounds;
  const check = (value: string, at: Failing): string => {
    const length = utf8Length(value);
    if (length < min || length > max) at.fail("value.length", `must be ${min} to ${max} bytes of UTF-8`);
    if (pattern !== undefined && !pattern.test(value))
      at.fail("value.pattern", `must match ${pattern.source}`);
    return value;
  };
  return {
    write: (writer, value) => writer.writeText(check(value, writer)),
    read: (reader) => check(reader.readText(), reader),
    toJson: (value) => value,
    fromJson: (json, path) => {
      if (typeof json !== "string" || !json.isWellFormed()) failJson(path, "json.type", "must be a string");
      return check(json as string, atJson(path));
    },
    schema: {
      type: "string",
      minLength: min,
      maxLength: max,
      ...(pattern === undefined ? {} : { pattern: pattern.source }),
    },
  };
}

/** `null` or a value. */
export function nullable<T>(inner: Codec<T>): Codec<T | null> {
  return {
    write: (writer, value) => (value === null ? writer.writeNull() : inner.write(writer, value)),
    read: (reader) => {
      if (!reader.isNull()) return inner.read(reader);
      reader.readNull();
      return null;
    },
    toJson: (value) => (value === null ? null : inner.toJson(value)),
    fromJson: (json, path) => (json === null || json === undefined ? null : inner.fromJson(json, path)),
    schema: { anyOf: [inner.schema, { type: "null" }] },
  };
}

export function array<T>(inner: Codec<T>, bounds: LengthBounds): Codec<readonly T[]> {
  const { min = 0, max } = bounds;
  const check = (count: number, at: Failing): number =>
    count >= min && count <= max ? count : at.fail("value.count", `must have ${min} to ${max} elements`);
  return {
    write: (writer, value) => {
      writer.writeArrayHeader(check(value.length, writer));
      for (let i = 0; i < value.length; i++) {
        writer.path.push(i);
        inner.write(writer, value[i]!);
        writer.path.pop();
      }
    },
    read: (reader) => {
      const count = check(reader.readArrayHeader(), reader);
      const out: T[] = [];
      for (let i = 0; i < count; i++) {
        reader.path.push(i);
        out.push(inner.read(reader));
        reader.path.pop();
      }
      return out;
    },
    toJson: (value) => value.map((item) => inner.toJson(item)),
    fromJson: (json, path) => {
      if (!Array.isArray(json)) failJson(path, "json.type", "must be an array");
      const items = json as readonly unknown[];
      check(items.length, atJson(path));
      return items.map((item, i) => inner.fromJson(item, [...path, i]));
    },
    schema: { type: "array", items: inner.schema, minItems: min, maxItems: max },
  };
}

type RecordOf<F> = { readonly [K in keyof F]: Infer<F[K]> };
// biome-ignore lint/suspicious/noExplicitAny: a codec of any field type, erased where fields are iterated
type AnyCodec = Codec<any>;

/**
 * A record as a CBOR array by position. A `version` stands first in the array and is no field of the type;
 * another version is refused with `value.version`.
 */
export function record<F extends { readonly [name: string]: AnyCodec }>(
  version: number | undefined,
  fields: F,
): Codec<RecordOf<F>> {
  const names = Object.keys(fields);
  const codecs: readonly AnyCodec[] = names.map((name) => fields[name]!);
  const first = version === undefined ? 0 : 1;
  return {
    write: (writer, value) => {
      writer.writeArrayHeader(names.length + first);
      if (version !== undefined) writer.writeInt(version);
      for (let i = 0; i < names.length; i++) {
        writer.path.push(names[i]!);
        codecs[i]!.write(writer, (value as Record<string, unknown>)[names[i]!]);
        writer.path.pop();
      }
    },
    read: (reader) => {
      const count = reader.readArrayHeader();
      if (count !== names.length + first)
        reader.fail("value.count", `must have ${names.length + first} elements`);
      if (version !== undefined && reader.readUint() !== version)
        reader.fail("value.version", `must be version ${version}`);
      const out: Record<string, unknown> = {};
      for (let i = 0; i < names.length; i++) {
        const name = names[i]!;
        reader.path.push(name);
        out[name] = codecs[i]!.read(reader);
        reader.path.pop();
      }
      return out as RecordOf<F>;
    },
    toJson: (value) =>
      Object.fromEntries(
        names.map((name, i) => [name, codecs[i]!.toJson((value as Record<string, unknown>)[name])]),
      ),
    fromJson: (json, path) => {
      const object = checkJsonObject(json, names, path);
      return Object.fromEntries(
        names.map((name, i) => [name, codecs[i]!.fromJson(object[name], [...path, name])]),
      ) as RecordOf<F>;
    },
    schema: {
      type: "object",
      properties: Object.fromEntries(names.map((name, i) => [name, codecs[i]!.schema])),
      required: names.filter((_, i) => !("anyOf" in codecs[i]!.schema)),
      additionalProperties: false,
    },
  };
}

function checkJsonObject(json: unknown, names: readonly string[], path: Path): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    failJson(path, "json.type", "must be an object");
  for (const key of Object.keys(json as object))
    if (!names.includes(key))
      failJson([...path, key.slice(0, 64)], "json.unknown-field", "is not a field here");
  return json as Record<string, unknown>;
}

/**
 * A map with integer labels and optional fields, as RFC 8428 and COSE use it; CBOR keys in deterministic
 * order. Unknown labels are refused with `value.label`.
 */
export function labelledMap<F extends { readonly [name: string]: readonly [label: number, codec: AnyCodec] }>(
  fields: F,
): Codec<{ readonly [K in keyof F]?: F[K] extends readonly [number, Codec<infer T>] ? T : never }> {
  const order = (label: number): number => (label >= 0 ? label : 0x10000 - label);
  const names = Object.keys(fields).sort((a, b) => order(fields[a]![0]) - order(fields[b]![0]));
  const byLabel = new Map(names.map((name) => [fields[name]![0], name]));
  type Value = { [name: string]: unknown };
  const codec: Codec<Value> = {
    write: (writer, value) => {
      const present = names.filter((name) => value[name] !== undefined);
      writer.writeMapHeader(present.length);
      for (const name of present) {
        writer.writeInt(fields[name]![0]);
        writer.path.push(name);
        fields[name]![1].write(writer, value[name]);
        writer.path.pop();
      }
    },
    read: (reader) => {
      const count = reader.readMapHeader();
      if (count > names.length) reader.fail("value.count", `must have at most ${names.length} fields`);
      const out: Value = {};
      let previous = -1;
      for (let i = 0; i < count; i++) {
        const label = reader.readInt();
        const name = byLabel.get(label);
        if (name === undefined) return reader.fail("value.label", `label ${label} is not known here`);
        if (order(label) <= previous)
          reader.fail("cbor.unsorted", "map keys must differ and be in bytewise order");
        previous = order(label);
        reader.path.push(name);
        out[name] = fields[name]![1].read(reader);
        reader.path.pop();
      }
      return out;
    },
    toJson: (value) =>
      Object.fromEntries(
        names
          .filter((name) => value[name] !== undefined)
          .map((name) => [name, fields[name]![1].toJson(value[name])]),
      ),
    fromJson: (json, path) => {
      const object = checkJsonObject(json, names, path);
      return Object.fromEntries(
        names
          .filter((name) => object[name] !== undefined)
          .map((name) => [name, fields[name]![1].fromJson(object[name], [...path, name])]),
      );
    },
    schema: {
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, fields[name]![1].schema])),
      additionalProperties: false,
    },
  };
  return codec as never;
}

/** One of several codecs under numeric tags that are never reused: `[...tag, body]` in CBOR, `type` in JSON. */
export interface UnionCase {
  readonly tag: readonly number[];
  readonly codec: AnyCodec;
}
type UnionOf<C> = {
  [K in keyof C]: C[K] extends UnionCase ? { readonly type: K; readonly body: Infer<C[K]["codec"]> } : never;
}[keyof C];

export function union<C extends { readonly [type: string]: UnionCase }>(cases: C): Codec<UnionOf<C>> {
  const types = Object.keys(cases);
  const tagLength = cases[types[0]!]!.tag.length;
  const byTag = new Map(types.map((type) => [cases[type]!.tag.join("."), type]));
  type Value = { type: string; body: unknown };
  const codec: Codec<Value> = {
    write: (writer, value) => {
      const chosen = cases[value.type];
      if (chosen === undefined) return writer.fail("value.type", `must be one of ${types.join(", ")}`);
      writer.writeArrayHeader(tagLength + 1);
      for (const part of chosen.tag) writer.writeInt(part);
      chosen.codec.write(writer, value.body);
    },
    read: (reader) => {
      const count = reader.readArrayHeader();
      if (count !== tagLength + 1) reader.fail("value.count", `must have ${tagLength + 1} elements`);
      const parts: number[] = [];
      for (let i = 0; i < tagLength; i++) parts.push(reader.readUint());
      const type = byTag.get(parts.join("."));
      if (type === undefined) return reader.fail("value.type", `${parts.join(".")} is not known`);
      return { type, body: cases[type]!.codec.read(reader) };
    },
    toJson: (value) => ({ type: value.type, body: cases[value.type]!.codec.toJson(value.body) }),
    fromJson: (json, path) => {
      const object = checkJsonObject(json, ["type", "body"], path) as { type?: unknown; body?: unknown };
      const type = object.type;
      const chosen = typeof type === "string" && Object.hasOwn(cases, type) ? cases[type] : undefined;
      if (chosen === undefined)
        return failJson([...path, "type"], "value.type", `must be one of ${types.join(", ")}`);
      return { type: type as string, body: chosen.codec.fromJson(object.body, [...path, "body"]) };
    },
    schema: {
      oneOf: types.map((type) => ({
        type: "object",
        properties: { type: { const: type }, body: cases[type]!.codec.schema },
        required: ["type", "body"],
        additionalProperties: false,
      })),
    },
  };
  return codec as never;
}

/** The same bytes, checked further or shown as another type: `check` throws or returns a refusal. */
export function refine<T>(
  inner: Codec<T>,
  check: (value: T) => { code: string; message: string } | undefined,
): Codec<T> {
  const checked = (value: T, at: Failing): T => {
    const refusal = check(value);
    return refusal === undefined ? value : at.fail(refusal.code, refusal.message);
  };
  return {
    write: (writer, value) => inner.write(writer, checked(value, writer)),
    read: (reader) => checked(inner.read(reader), reader),
    toJson: inner.toJson,
    fromJson: (json, path) => checked(inner.fromJson(json, path), atJson(path)),
    schema: inner.schema,
  };
}
