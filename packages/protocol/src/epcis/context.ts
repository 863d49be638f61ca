/**
 * The JSON-LD context of a document, reduced to what an event's meaning can depend on: the pinned GS1 context and
 * a map of prefixes. Nothing is ever fetched; a context that would need fetching is refused.
 */
import { LhgError } from "../core/errors.ts";
import { type JsonNode, type JsonObject, memberPath } from "../core/json.ts";
import { checkExtensionValue, requireMember } from "./fields.ts";
import { isUri } from "./text.ts";

/** EPCISDocument, EPCISQueryDocument, or a single event that stands alone. */
export type DocumentForm = "document" | "query" | "event";

/** What the head of a document tells about its events. */
export interface DocumentContext {
  readonly form: DocumentForm;
  /** Prefix to namespace, those of the pinned GS1 context included. */
  readonly prefixes: ReadonlyMap<string, string>;
  /** Extension names, as written, that the sender excludes from the event hash (`<prefix>:ignoreFields`). */
  readonly ignoreFields: ReadonlySet<string>;
  /** Milliseconds since 1970, where the document states it before its events. */
  readonly creationTimeMs?: number;
}

/** One content under two addresses. Its meaning is compiled into this folder. */
const PINNED_CONTEXTS: ReadonlySet<string> = new Set([
  "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
  "http://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
]);

/** The prefixes that the GS1 context declares itself. */
const GS1_PREFIXES: ReadonlyMap<string, string> = new Map([
  ["epcis", "https://ref.gs1.org/epcis/"],
  ["cbv", "https://ref.gs1.org/cbv/"],
  ["cbvmda", "urn:epcglobal:cbv:mda:"],
  ["gs1", "https://gs1.org/voc/"],
  ["rdfs", "http://www.w3.org/2000/01/rdf-schema#"],
  ["owl", "http://www.w3.org/2002/07/owl#"],
  ["xsd", "http://www.w3.org/2001/XMLSchema#"],
  ["dcterms", "http://purl.org/dc/terms/"],
]);

/** Standard values are spelled with these: redeclared, they would say something else under the same name. */
const FIXED_PREFIXES = ["epcis", "cbv", "gs1"];

/** URI schemes: as prefixes they would turn every urn: or https: identity of the document into another one. */
const URI_SCHEMES: ReadonlySet<string> = new Set(
  "urn http https ni nih did geo tag info data mailto tel ftp file ws wss coap coaps oid doi".split(" "),
);

const MAX_PREFIXES = 64;
const MAX_NAMESPACE_LENGTH = 1024;
const PREFIX = /^[A-Za-z][A-Za-z0-9_.+-]{0,63}$/;

/** Of an event that stands alone: it brings its own `@context`. */
export const BARE_EVENT_CONTEXT: DocumentContext = {
  form: "event",
  prefixes: GS1_PREFIXES,
  ignoreFields: new Set(),
};

/**
 * Reads the `@context` of a document, or of an event that stands alone: it must name the pinned GS1 context.
 * Throws `epcis.context-unpinned` or `epcis.context-term`.
 */
export function readRootContext(node: JsonNode, path: string): ReadonlyMap<string, string> {
  const { prefixes, pinned } = readContext(node, path, GS1_PREFIXES);
  if (!pinned) throw unpinned("must name the GS1 EPCIS 2.0.0 context", path);
  return prefixes;
}

/** The prefixes inside one event: its own `@context` adds to the document's, or stands for it. */
export function readEventPrefixes(
  event: JsonObject,
  context: DocumentContext,
  path: string,
): ReadonlyMap<string, string> {
  const contextPath = memberPath(path, "@context");
  if (context.form === "event") return readRootContext(requireMember(event, "@context", path), contextPath);
  const node = event.entries.get("@context");
  return node === undefined ? context.prefixes : readContext(node, contextPath, context.prefixes).prefixes;
}

/** Expands `prefix:rest` by a declared prefix; any other text unchanged. */
export function expandCurie(text: string, prefixes: ReadonlyMap<string, string>): string {
  const colon = text.indexOf(":");
  if (colon <= 0 || text.startsWith("//", colon + 1)) return text;
  const namespace = prefixes.get(text.slice(0, colon));
  return namespace === undefined ? text : namespace + text.slice(colon + 1);
}

/** The name of an extension is `prefix:name` with a declared prefix, or an absolute URI of a known scheme. */
function checkExtensionName(name: string, prefixes: ReadonlyMap<string, string>, path: string): void {
  if (name.length > MAX_NAMESPACE_LENGTH || !isUri(name))
    throw new LhgError(
      "epcis.property",
      "must be a property of this object, or an extension `prefix:name`",
      path,
    );
  const prefix = name.slice(0, name.indexOf(":"));
  if (!prefixes.has(prefix) && !URI_SCHEMES.has(prefix))
    throw new LhgError("epcis.prefix-undeclared", "must use a prefix that the @context declares", path);
}

/** Every member is known, or an extension with a well-formed name and a bounded value. */
export function checkMembers(
  object: JsonObject,
  known: ReadonlySet<string>,
  prefixes: ReadonlyMap<string, string>,
  path: string,
): void {
  for (const [name, node] of object.entries)
    if (!known.has(name)) checkExtension(name, node, prefixes, memberPath(path, name));
}

export function checkExtension(
  name: string,
  node: JsonNode,
  prefixes: ReadonlyMap<string, string>,
  path: string,
): void {
  checkExtensionName(name, prefixes, path);
  checkExtensionValue(node, path);
}

interface ContextDraft {
  readonly prefixes: Map<string, string>;
  pinned: boolean;
}

function readContext(node: JsonNode, path: string, inherited: ReadonlyMap<string, string>): ContextDraft {
  const draft: ContextDraft = { prefixes: new Map(inherited), pinned: false };
  const parts = node.kind === "array" ? node.items : [node];
  const seen = new Set<string>();
  for (const [index, part] of parts.entries()) {
    const partPath = node.kind === "array" ? `${path}[${index}]` : path;
    if (part.kind === "string") readPinned(part.value, partPath, seen, draft);
    else if (part.kind === "object") readPrefixes(part, partPath, draft.prefixes);
    else throw unpinned("must be the GS1 context or an object of prefixes", partPath);
  }
  return draft;
}

function readPinned(uri: string, path: string, seen: Set<string>, draft: ContextDraft): void {
  if (!PINNED_CONTEXTS.has(uri))
    throw unpinned("must be the GS1 EPCIS 2.0.0 context; others are not fetched", path);
  if (seen.has(uri)) throw new LhgError("epcis.duplicate", "must occur once", path);
  seen.add(uri);
  draft.pinned = true;
}

function readPrefixes(object: JsonObject, path: string, prefixes: Map<string, string>): void {
  for (const [name, node] of object.entries) {
    const termPath = memberPath(path, name);
    if (isInertTerm(name, node)) continue;
    if (node.kind !== "string") throw badTerm("must be the namespace of a prefix", termPath);
    const namespace = node.value;
    checkPrefix(name, namespace, termPath);
    prefixes.set(name, namespace);
    if (prefixes.size > MAX_PREFIXES)
      throw badTerm(`must not declare more than ${MAX_PREFIXES} prefixes`, termPath);
  }
}

/** Terms that change neither names nor identities: the version, and the value type of a prefixed name. */
function isInertTerm(name: string, node: JsonNode): boolean {
  if (name === "@version") return node.kind === "number" && node.raw === "1.1";
  if (name === "@protected") return node.kind === "boolean";
  if (node.kind !== "object" || !name.includes(":")) return false;
  for (const [keyword, value] of node.entries)
    if ((keyword !== "@type" && keyword !== "@container") || value.kind !== "string") return false;
  return true;
}

function checkPrefix(name: string, namespace: string, path: string): void {
  if (!PREFIX.test(name)) throw badTerm("must be a prefix, or the @type of a prefixed name", path);
  if (URI_SCHEMES.has(name)) throw badTerm("must not be a URI scheme", path);
  if (namespace.length > MAX_NAMESPACE_LENGTH || !isUri(namespace))
    throw badTerm("must be an absolute URI", path);
  if (FIXED_PREFIXES.includes(name) && GS1_PREFIXES.get(name) !== namespace)
    throw badTerm(`must stay ${GS1_PREFIXES.get(name)}`, path);
}

function unpinned(message: string, path: string): LhgError {
  return new LhgError("epcis.context-unpinned", message, path);
}

function badTerm(message: string, path: string): LhgError {
  return new LhgError("epcis.context-term", message, path);
}
