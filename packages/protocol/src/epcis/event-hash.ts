/**
 * The event hash id of CBV 2.0: one name for one event, whoever writes it and in whatever order of members. The
 * pre-hash string has no separators, so different events can share it (README.md): an alias, never an identity.
 */
import { encodeUtf8, toHex } from "../core/bytes.ts";
import type { Hasher } from "../core/crypto.ts";
import { DECIMAL_MAX_DIGITS, DECIMAL_MAX_EXPONENT, formatDecimal, parseDecimal } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { type JsonNode, type JsonObject, memberPath } from "../core/json.ts";
import { type DocumentContext, expandCurie, readEventPrefixes } from "./context.ts";
import { expectObject, expectText, expectTime, requireMember } from "./fields.ts";
import { canonicalText } from "./identity.ts";
import { compareCodePoints, trimXmlSpace } from "./text.ts";
import { formatTimeMs } from "./time.ts";
import {
  BIZ_STEPS,
  BIZ_TRANSACTION_TYPES,
  COMPONENTS,
  DISPOSITIONS,
  expandTerm,
  MEASUREMENT_TYPES,
  SENSOR_ALERTS,
  SOURCE_DESTINATION_TYPES,
  upgradeCbvUrn,
  type Vocabulary,
} from "./vocabulary.ts";

/** `ni:///sha-256;<hex>?ver=CBV2.0` (RFC 6920) over the UTF-8 bytes of the pre-hash string. */
export function eventHash(
  event: JsonNode,
  context: DocumentContext,
  hasher: Pick<Hasher, "sha256">,
  path = "$",
): string {
  const digest = hasher.sha256(encodeUtf8(preHash(event, context, path)));
  return `ni:///sha-256;${toHex(digest)}?ver=CBV2.0`;
}

/** The canonical text of an event. Throws LhgError on what readEvent refuses anyway: types, times, numbers. */
export function preHash(node: JsonNode, context: DocumentContext, path = "$"): string {
  const event = expectObject(node, path);
  const prefixes = readEventPrefixes(event, context, path);
  const type = expectText(requireMember(event, "type", path), memberPath(path, "type"));
  const scope: Scope = { prefixes, left: MAX_PRE_HASH_LENGTH };
  const ordered = renderFields(EVENT_FIELDS, event, scope, path);
  const trailing = Object.entries(TRAILING_FIELDS).map(([name, render]) =>
    renderMember(name, render, event, scope, path),
  );
  const extensions = renderExtensions(event, EVENT_NAMES, scope, path, context.ignoreFields);
  return `eventType=${type}${ordered}${join([...trailing, ...extensions])}`;
}

/**
 * Pre-hash strings repeat the namespace of a list for each of its items: without a bound, 1 MB of event could ask
 * for 500 MB of text. 10,000 items of a hundred characters take a quarter of this.
 */
export const MAX_PRE_HASH_LENGTH = 4_194_304;

interface Scope {
  readonly prefixes: ReadonlyMap<string, string>;
  /** Characters the string may still grow by. */
  left: number;
}

/** Gives the text of one member, its name included, or "" where there is nothing to say. */
type Render = (name: string, node: JsonNode, scope: Scope, path: string) => string;
type Fields = Readonly<Record<string, Render>>;

const value: Render = (name, node, scope, path) => pair(name, renderValue(node, scope, path), scope, path);
const time: Render = (name, node, scope, path) =>
  pair(name, formatTimeMs(expectTime(node, path)), scope, path);

function term(vocabulary: Vocabulary): Render {
  return (name, node, scope, path) =>
    pair(name, expandTerm(vocabulary, renderValue(node, scope, path)), scope, path);
}

/** Each item of a list under one name, sorted; a single value is a list of one. */
function repeated(render: Render): Render {
  return (name, node, scope, path) =>
    join(listItems(node).map((item, index) => render(name, item, scope, `${path}[${index}]`)));
}

/** The list's name once, then its items under `itemName`, sorted. */
function list(itemName: string, render: Render): Render {
  return (name, node, scope, path) => {
    const items = listItems(node).map((item, index) => render(itemName, item, scope, `${path}[${index}]`));
    return items.some((item) => item !== "") ? grow(scope, name, path) + join(items) : "";
  };
}

/** The name, the known fields in their order, then the extensions of the object, sorted. */
function object(fields: Fields): Render {
  const render = bare(fields);
  return (name, node, scope, path) => {
    const text = render(name, node, scope, path);
    return text === "" ? "" : grow(scope, name, path) + text;
  };
}

/** Business transactions, sources and destinations have no name of their own in the string. */
function bare(fields: Fields): Render {
  const known = new Set(Object.keys(fields));
  return (_name, node, scope, path) => {
    const owner = expectObject(node, path);
    return renderFields(fields, owner, scope, path) + join(renderExtensions(owner, known, scope, path));
  };
}

const EPCS = list("epc", value);
const QUANTITIES = list("quantityElement", object({ epcClass: value, quantity: value, uom: value }));
const PLACE = object({ id: value });

const SENSOR_METADATA = object({
  time,
  startTime: time,
  endTime: time,
  deviceID: value,
  deviceMetadata: value,
  rawData: value,
  dataProcessingMethod: value,
  bizRules: value,
});

const SENSOR_REPORT = object({
  type: term(MEASUREMENT_TYPES),
  exception: term(SENSOR_ALERTS),
  deviceID: value,
  deviceMetadata: value,
  rawData: value,
  dataProcessingMethod: value,
  bizRules: value,
  time,
  microorganism: value,
  chemicalSubstance: value,
  value,
  component: term(COMPONENTS),
  stringValue: value,
  booleanValue: value,
  hexBinaryValue: value,
  uriValue: value,
  minValue: value,
  maxValue: value,
  meanValue: value,
  sDev: value,
  percRank: value,
  percValue: value,
  uom: value,
  coordinateReferenceSystem: value,
});

/** CBV 2.0, canonical property order. */
const EVENT_FIELDS: Fields = {
  eventTime: time,
  eventTimeZoneOffset: value,
  certificationInfo: repeated(value),
  epcList: EPCS,
  parentID: value,
  inputEPCList: EPCS,
  childEPCs: EPCS,
  quantityList: QUANTITIES,
  childQuantityList: QUANTITIES,
  inputQuantityList: QUANTITIES,
  outputEPCList: EPCS,
  outputQuantityList: QUANTITIES,
  action: value,
  transformationID: value,
  bizStep: term(BIZ_STEPS),
  disposition: term(DISPOSITIONS),
  persistentDisposition: object({ set: repeated(term(DISPOSITIONS)), unset: repeated(term(DISPOSITIONS)) }),
  readPoint: PLACE,
  bizLocation: PLACE,
  sensorElementList: list(
    "sensorElement",
    object({ sensorMetadata: SENSOR_METADATA, sensorReport: repeated(SENSOR_REPORT) }),
  ),
};

/** Sorted in with the extensions, as the reference implementation does and its published hashes show. */
const TRAILING_FIELDS: Fields = {
  bizTransactionList: list("", bare({ type: term(BIZ_TRANSACTION_TYPES), bizTransaction: value })),
  destinationList: list("", bare({ type: term(SOURCE_DESTINATION_TYPES), destination: value })),
  sourceList: list("", bare({ type: term(SOURCE_DESTINATION_TYPES), source: value })),
  ilmd: object({}),
};

/** Known to the hash: rendered above, or left out because a repository or a correction may change them. */
const EVENT_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(EVENT_FIELDS),
  ...Object.keys(TRAILING_FIELDS),
  ..."@context type recordTime eventID errorDeclaration".split(" "),
]);

function renderFields(fields: Fields, node: JsonObject, scope: Scope, path: string): string {
  let text = "";
  for (const [name, render] of Object.entries(fields)) text += renderMember(name, render, node, scope, path);
  return text;
}

function renderMember(name: string, render: Render, node: JsonObject, scope: Scope, path: string): string {
  const member = node.entries.get(name);
  return member === undefined || member.kind === "null"
    ? ""
    : render(name, member, scope, memberPath(path, name));
}

const NO_NAMES: ReadonlySet<string> = new Set();
const COMMENT = "{http://www.w3.org/2000/01/rdf-schema#}comment";

function renderExtensions(
  node: JsonObject,
  known: ReadonlySet<string>,
  scope: Scope,
  path: string,
  ignored: ReadonlySet<string> = NO_NAMES,
): string[] {
  const out: string[] = [];
  for (const [name, member] of node.entries) {
    if (known.has(name) || (ignored.has(name) && name.includes(":"))) continue;
    const fullName = renderName(name, scope);
    if (fullName !== COMMENT) renderExtension(fullName, member, scope, memberPath(path, name), out);
  }
  return out;
}

/** An array repeats its name for each item, arrays in arrays included; null says nothing. */
function renderExtension(name: string, node: JsonNode, scope: Scope, path: string, out: string[]): void {
  if (node.kind === "null") return;
  if (node.kind === "array")
    for (const [index, item] of node.items.entries())
      renderExtension(name, item, scope, `${path}[${index}]`, out);
  else if (node.kind === "object")
    out.push(grow(scope, name, path) + join(renderExtensions(node, NO_NAMES, scope, path)));
  else out.push(pair(name, renderValue(node, scope, path), scope, path) || grow(scope, name, path));
}

/** `{namespace}local`; a name without a declared prefix stays as it is. */
function renderName(name: string, { prefixes }: Scope): string {
  const colon = name.indexOf(":");
  const namespace = colon > 0 ? prefixes.get(name.slice(0, colon)) : undefined;
  if (namespace !== undefined) return `{${namespace}}${name.slice(colon + 1)}`;
  const end = Math.max(name.lastIndexOf("/"), name.lastIndexOf("#"), name.lastIndexOf(":")) + 1;
  return end > 0 ? `{${name.slice(0, end)}}${name.slice(end)}` : name;
}

function renderValue(node: JsonNode, scope: Scope, path: string): string {
  if (node.kind === "number") return formatDecimal(parseDecimal(node.raw, path));
  if (node.kind === "boolean") return node.value ? "true" : "false";
  const text = upgradeCbvUrn(expandCurie(trimXmlSpace(expectText(node, path)), scope.prefixes));
  return canonicalText(trimNumber(text));
}

const NUMBER_TEXT = /^[+]?(-?)([0-9]+)?(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?$/;
const MAX_NUMBER_TEXT_LENGTH = 64;

/** XML has only strings, so a number in a string is a number to the hash; beyond our decimals it stays as it is. */
function trimNumber(text: string): string {
  const match = text.length <= MAX_NUMBER_TEXT_LENGTH ? NUMBER_TEXT.exec(text) : null;
  if (match === null) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`;
  const fits =
    digits !== "" &&
    digits.replace(/^0+|0+$/g, "").length <= DECIMAL_MAX_DIGITS &&
    Math.abs(Number(exponent)) <= DECIMAL_MAX_EXPONENT - MAX_NUMBER_TEXT_LENGTH;
  return fits
    ? formatDecimal(
        parseDecimal(`${sign}${digits.replace(/^0+(?=.)/, "")}e${Number(exponent) - fraction.length}`),
      )
    : text;
}

function pair(name: string, text: string, scope: Scope, path: string): string {
  return text === "" ? "" : grow(scope, `${name}=${text}`, path);
}

function grow(scope: Scope, text: string, path: string): string {
  scope.left -= text.length;
  if (scope.left < 0)
    throw new LhgError(
      "epcis.too-long",
      `must have a pre-hash string of at most ${MAX_PRE_HASH_LENGTH} characters`,
      path,
    );
  return text;
}

function listItems(node: JsonNode): readonly JsonNode[] {
  return node.kind === "array" ? node.items : [node];
}

function join(parts: readonly string[]): string {
  return [...parts].sort(compareCodePoints).join("");
}
