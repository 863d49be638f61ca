/**
 * EPCIS documents as bytes: cut into head, one slice per event and tail, joined again, and read piece by piece.
 * The concatenation of the pieces is the document, so a receipt for one event carries head and slice only.
 */
import { concatBytes, encodeUtf8 } from "../core/bytes.ts";
import { LhgError } from "../core/errors.ts";
import {
  isJsonWhitespace,
  type JsonArray,
  type JsonNode,
  type JsonObject,
  memberPath,
  parseJson,
  parseJsonValue,
} from "../core/json.ts";
import {
  BARE_EVENT_CONTEXT,
  type DocumentContext,
  type DocumentForm,
  expandCurie,
  readRootContext,
} from "./context.ts";
import { checkDocumentFields } from "./document-fields.ts";
import { expectArray, expectObject, expectText, expectTime, readList, requireMember } from "./fields.ts";

export interface DocumentParts {
  /** Up to the first byte of the first event. */
  readonly head: Uint8Array;
  /** From the `{` of an event up to the `{` of the next, comma and white space included; the last up to its `}`. */
  readonly slices: readonly Uint8Array[];
  readonly tail: Uint8Array;
}

export interface EpcisDocument {
  readonly context: DocumentContext;
  readonly parts: DocumentParts;
  /** The events in document order; spans are offsets in the document. */
  readonly events: readonly JsonObject[];
  /** JSON path of the list of events, or of the single event. */
  readonly eventsPath: string;
}

export const MAX_DOCUMENT_EVENTS = 10_000;
const MAX_ROOT_MEMBERS = 256;

const LIST_PATHS: Readonly<Record<"document" | "query", readonly string[]>> = {
  document: ["epcisBody", "eventList"],
  query: ["epcisBody", "queryResults", "resultsBody", "eventList"],
};

/**
 * Parses a whole document, checks all of it except the inside of its events (event.ts), and cuts it.
 * Throws `json.*`, `epcis.*`; `epcis.context-after-events` where the context stands behind the events, so that one
 * event could not be read from head and slice (hoistContext mends it before signing).
 */
export function readDocument(bytes: Uint8Array): EpcisDocument {
  const root = expectObject(parseJson(bytes), "$");
  const form = readForm(root);
  if (form === "event") {
    const parts = cut(bytes, [root]);
    return { context: BARE_EVENT_CONTEXT, parts, events: [root], eventsPath: "$" };
  }
  const { list, path } = findEventList(root, form);
  const context = readDocumentContext(root, form, list);
  checkDocumentFields(root, form, context.prefixes);
  if (list.items.length > MAX_DOCUMENT_EVENTS) throw tooManyEvents(path);
  const events = readList(list, path, expectObject);
  const parts = events.length > 0 ? cut(bytes, events) : cutEmpty(bytes, list);
  return { context, parts, events, eventsPath: path };
}

export function splitDocument(bytes: Uint8Array): DocumentParts {
  return readDocument(bytes).parts;
}

/**
 * The reverse of splitDocument, strictly: the concatenation must be a document whose own cut is exactly this one.
 * Two events in one slice, an event hidden in head or tail, or a shifted edge is `epcis.cut`.
 */
export function joinDocument(parts: DocumentParts): EpcisDocument {
  if (parts.slices.length > MAX_DOCUMENT_EVENTS) throw tooManyEvents("$");
  const document = readDocument(concatBytes(parts.head, ...parts.slices, parts.tail));
  const { head, slices } = document.parts;
  const same =
    head.length === parts.head.length &&
    slices.length === parts.slices.length &&
    slices.every((slice, index) => slice.length === parts.slices[index]!.length);
  if (!same) throw new LhgError("epcis.cut", "must be cut at the first byte of every event", "$");
  return document;
}

/** Reads the context from the head alone, as a verifier of one event has it. */
export function parseHead(head: Uint8Array): DocumentContext {
  if (head.every(isJsonWhitespace)) return BARE_EVENT_CONTEXT;
  const form = countOpen(head) === 3 ? "document" : "query";
  const closing = encodeUtf8(`]${"}".repeat(LIST_PATHS[form].length)}`);
  const root = expectObject(parseJson(concatBytes(head, closing)), "$");
  const { list, path } = findEventList(root, form);
  if (list.items.length > 0 || list.end !== head.length + 1)
    throw new LhgError("epcis.cut", "must end where the first event begins", path);
  if (root.entries.has("type") && readForm(root) !== form)
    throw new LhgError("epcis.format", "must be the type of this body", "$.type");
  return readDocumentContext(root, form, list);
}

/** Reads the slice of one event: an object, then white space with at most one comma. */
export function parseSlice(slice: Uint8Array, path = "$"): JsonObject {
  if (slice[0] !== 0x7b) throw new LhgError("epcis.cut", "must begin with an event", path);
  const event = expectObject(parseJsonValue(slice, 0, path), path);
  let commas = 0;
  for (const byte of slice.subarray(event.end)) {
    if (byte === 0x2c) commas += 1;
    else if (!isJsonWhitespace(byte)) commas = 2;
    if (commas > 1) throw new LhgError("epcis.cut", "must hold one event", path);
  }
  return event;
}

/**
 * Rewrites a document so that its `@context` comes first, member bytes unchanged: for programs that write it last and
 * capture through an agent, before anything is signed. A document in order is returned as it is.
 */
export function hoistContext(bytes: Uint8Array): Uint8Array {
  const root = expectObject(parseJson(bytes), "$");
  const body = root.entries.get("epcisBody");
  const members = [...root.entries];
  if (members.length > MAX_ROOT_MEMBERS)
    throw new LhgError("epcis.too-many", `must have at most ${MAX_ROOT_MEMBERS} members`, "$");
  const isLate = ([name, node]: [string, JsonNode]) =>
    body !== undefined && node.start > body.start && isContextMember(name);
  const late = members.filter(isLate);
  if (late.length === 0) return bytes;
  const reordered = [...late, ...members.filter((member) => !isLate(member))];
  const written = reordered.flatMap(([name, node], index) => [
    encodeUtf8(`${index === 0 ? "{" : ","}${JSON.stringify(name)}:`),
    bytes.subarray(node.start, node.end),
  ]);
  return concatBytes(...written, encodeUtf8("}"));
}

function readForm(root: JsonObject): DocumentForm {
  const type = expectText(requireMember(root, "type", "$"), "$.type");
  if (type === "EPCISDocument") return "document";
  return type === "EPCISQueryDocument" ? "query" : "event";
}

function findEventList(root: JsonObject, form: "document" | "query"): { list: JsonArray; path: string } {
  let node: JsonNode = root;
  let path = "$";
  for (const name of LIST_PATHS[form]) {
    node = requireMember(expectObject(node, path), name, path);
    path = memberPath(path, name);
  }
  return { list: expectArray(node, path), path };
}

function readDocumentContext(root: JsonObject, form: "document" | "query", list: JsonArray): DocumentContext {
  const prefixes = readRootContext(requireBefore(root, list), '$["@context"]');
  const holder = form === "document" ? root : queryResults(root);
  const ignoreFields = new Set<string>();
  for (const [name, node] of holder.entries) {
    if (!isIgnoreFields(name)) continue;
    const path = memberPath("$", name);
    if (node.start > list.start) throw afterEvents(path);
    checkIgnoreFields(name, prefixes, path);
    for (const field of readList(node, path, expectText)) ignoreFields.add(field);
  }
  const creation = root.entries.get("creationDate");
  if (creation === undefined || creation.start > list.start) return { form, prefixes, ignoreFields };
  return { form, prefixes, ignoreFields, creationTimeMs: expectTime(creation, "$.creationDate") };
}

function requireBefore(root: JsonObject, list: JsonArray): JsonNode {
  const context = requireMember(root, "@context", "$");
  if (context.start > list.start) throw afterEvents('$["@context"]');
  return context;
}

function queryResults(root: JsonObject): JsonObject {
  const body = expectObject(requireMember(root, "epcisBody", "$"), "$.epcisBody");
  return expectObject(requireMember(body, "queryResults", "$.epcisBody"), "$.epcisBody.queryResults");
}

function isContextMember(name: string): boolean {
  return name === "@context" || isIgnoreFields(name);
}

function isIgnoreFields(name: string): boolean {
  return name.endsWith(":ignoreFields");
}

function checkIgnoreFields(name: string, prefixes: ReadonlyMap<string, string>, path: string): void {
  if (expandCurie(name, prefixes) === name)
    throw new LhgError("epcis.prefix-undeclared", "must use a prefix that the @context declares", path);
}

/** Open objects and arrays at the end of the bytes. Malformed input is the parser's to refuse. */
function countOpen(bytes: Uint8Array): number {
  let open = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) open += 1;
    else if (byte === 0x7d || byte === 0x5d) open -= 1;
  }
  return open;
}

function cut(bytes: Uint8Array, events: readonly JsonObject[]): DocumentParts {
  const slices = events.map((event, index) =>
    bytes.subarray(event.start, events[index + 1]?.start ?? event.end),
  );
  return { head: bytes.subarray(0, events[0]!.start), slices, tail: bytes.subarray(events.at(-1)!.end) };
}

/** A document without events is head and tail, parted before the closing bracket of its list. */
function cutEmpty(bytes: Uint8Array, list: JsonArray): DocumentParts {
  return { head: bytes.subarray(0, list.end - 1), slices: [], tail: bytes.subarray(list.end - 1) };
}

function tooManyEvents(path: string): LhgError {
  return new LhgError("epcis.too-many-events", `must have at most ${MAX_DOCUMENT_EVENTS} events`, path);
}

function afterEvents(path: string): LhgError {
  return new LhgError("epcis.context-after-events", "must stand before the events", path);
}
