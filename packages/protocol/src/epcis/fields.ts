/** Readers of single JSON values in EPCIS documents: each returns a typed value or throws with the value's path. */
import { type Decimal, parseDecimal } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { type JsonArray, type JsonNode, type JsonObject, memberPath } from "../core/json.ts";
import { isUri } from "./text.ts";
import { parseDateTime } from "./time.ts";

/** Of any one string of an event. */
const MAX_TEXT_LENGTH = 16_384;
/** Of the nesting inside one extension value. */
const MAX_EXTENSION_DEPTH = 16;

export function expectObject(node: JsonNode, path: string): JsonObject {
  if (node.kind !== "object") throw badType("an object", path);
  return node;
}

export function expectArray(node: JsonNode, path: string): JsonArray {
  if (node.kind !== "array") throw badType("an array", path);
  return node;
}

export function expectText(node: JsonNode, path: string): string {
  if (node.kind !== "string") throw badType("a string", path);
  if (node.value.length > MAX_TEXT_LENGTH)
    throw new LhgError("epcis.too-long", `must have at most ${MAX_TEXT_LENGTH} characters`, path);
  return node.value;
}

export function expectBoolean(node: JsonNode, path: string): boolean {
  if (node.kind !== "boolean") throw badType("a boolean", path);
  return node.value;
}

export function expectNumber(node: JsonNode, path: string): Decimal {
  if (node.kind !== "number") throw badType("a number", path);
  return parseDecimal(node.raw, path);
}

export function expectUri(node: JsonNode, path: string): string {
  const text = expectText(node, path);
  if (!isUri(text)) throw new LhgError("epcis.uri", "must be an absolute URI", path);
  return text;
}

/** Milliseconds since 1970. */
export function expectTime(node: JsonNode, path: string): number {
  return parseDateTime(expectText(node, path), path);
}

export function expectMatch(node: JsonNode, path: string, form: RegExp, what: string): string {
  const text = expectText(node, path);
  if (!form.test(text)) throw new LhgError("epcis.format", `must be ${what}`, path);
  return text;
}

export function requireMember(object: JsonObject, name: string, path: string): JsonNode {
  const node = object.entries.get(name);
  if (node === undefined) throw new LhgError("epcis.required", "must be present", memberPath(path, name));
  return node;
}

/** Reads a member where it is present. */
export function readOptional<T>(
  object: JsonObject,
  name: string,
  path: string,
  read: (node: JsonNode, path: string) => T,
): T | undefined {
  const node = object.entries.get(name);
  return node === undefined ? undefined : read(node, memberPath(path, name));
}

export function readList<T>(node: JsonNode, path: string, read: (node: JsonNode, path: string) => T): T[] {
  return expectArray(node, path).items.map((item, index) => read(item, `${path}[${index}]`));
}

/** The value of an extension is free, but bounded in depth and in the size of its parts; its numbers are decimals. */
export function checkExtensionValue(node: JsonNode, path: string, depth = 0): void {
  if (depth > MAX_EXTENSION_DEPTH)
    throw new LhgError("epcis.depth", `must not nest deeper than ${MAX_EXTENSION_DEPTH}`, path);
  if (node.kind === "string") expectText(node, path);
  else if (node.kind === "number") expectNumber(node, path);
  else if (node.kind === "array")
    for (const [index, item] of node.items.entries())
      checkExtensionValue(item, `${path}[${index}]`, depth + 1);
  else if (node.kind === "object")
    for (const [name, value] of node.entries) checkExtensionValue(value, memberPath(path, name), depth + 1);
}

function badType(what: string, path: string): LhgError {
  return new LhgError("epcis.type", `must be ${what}`, path);
}
