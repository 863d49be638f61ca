/**
 * Reads one EPCIS event: checks everything that the EPCIS 2.0 JSON schema constrains, and a little more (README.md),
 * and gives what the ledger acts on, in canonical form.
 */
import { compareDecimals, DECIMAL_ZERO } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { type JsonNode, type JsonObject, memberPath } from "../core/json.ts";
import {
  checkExtension,
  checkMembers,
  type DocumentContext,
  expandCurie,
  readEventPrefixes,
} from "./context.ts";
import type {
  EpcisEvent,
  ErrorDeclaration,
  EventAction,
  EventType,
  ItemReference,
  ItemRole,
  Quantity,
  TypedIdentity,
} from "./event-model.ts";
import {
  expectArray,
  expectMatch,
  expectNumber,
  expectObject,
  expectText,
  expectTime,
  expectUri,
  readList,
  readOptional,
  requireMember,
} from "./fields.ts";
import { canonicalIdentity, type Identity, MAX_IDENTITY_LENGTH } from "./identity.ts";
import { readSensorElement, type SensorReport } from "./sensor.ts";
import { isZoneOffset } from "./time.ts";
import {
  BIZ_STEPS,
  BIZ_TRANSACTION_TYPES,
  DISPOSITIONS,
  ERROR_REASONS,
  readTerm,
  SOURCE_DESTINATION_TYPES,
  type Vocabulary,
} from "./vocabulary.ts";

export interface EventLimits {
  readonly maxItems: number;
  readonly maxSensorReports: number;
}

export const DEFAULT_EVENT_LIMITS: EventLimits = { maxItems: 10_000, maxSensorReports: 10_000 };

export interface ReadEventOptions {
  /** JSON path of the event, for errors. */
  readonly path?: string;
  readonly limits?: EventLimits;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Draft extends Omit<Mutable<EpcisEvent>, "items" | "sensorReports"> {
  readonly items: ItemReference[];
  readonly sensorReports: SensorReport[];
}

interface EventReader {
  readonly draft: Draft;
  readonly prefixes: ReadonlyMap<string, string>;
  readonly limits: EventLimits;
}

type FieldReader = (node: JsonNode, path: string, reader: EventReader) => unknown;

/**
 * Reads an event in the context of its document (parseHead, readDocument). Throws LhgError `epcis.*`, `identity.*` or
 * `decimal.*` with the JSON path of the offending value.
 */
export function readEvent(
  node: JsonNode,
  context: DocumentContext,
  options: ReadEventOptions = {},
): EpcisEvent {
  const { path = "$", limits = DEFAULT_EVENT_LIMITS } = options;
  const event = expectObject(node, path);
  const type = readEventType(event, path);
  const prefixes = readEventPrefixes(event, context, path);
  const draft: Draft = {
    type,
    eventTimeMs: expectTime(requireMember(event, "eventTime", path), memberPath(path, "eventTime")),
    eventTimeZoneOffset: readZoneOffset(requireMember(event, "eventTimeZoneOffset", path), path),
    items: [],
    bizTransactions: [],
    sources: [],
    destinations: [],
    certificationInfo: [],
    sensorReports: [],
  };
  const reader: EventReader = { draft, prefixes, limits };
  for (const [name, member] of event.entries) readField(name, member, memberPath(path, name), reader);
  checkEventShape(event, draft, path);
  return draft;
}

const EVENT_TYPES: ReadonlySet<string> = new Set<EventType>([
  "ObjectEvent",
  "AggregationEvent",
  "TransactionEvent",
  "TransformationEvent",
  "AssociationEvent",
]);

function readEventType(event: JsonObject, path: string): EventType {
  const type = expectText(requireMember(event, "type", path), memberPath(path, "type"));
  if (!EVENT_TYPES.has(type))
    throw new LhgError("epcis.event-type", "must be one of the five event types", memberPath(path, "type"));
  return type as EventType;
}

function readZoneOffset(node: JsonNode, path: string): string {
  const offsetPath = memberPath(path, "eventTimeZoneOffset");
  const text = expectText(node, offsetPath);
  if (!isZoneOffset(text)) throw new LhgError("epcis.format", "must be an offset such as +02:00", offsetPath);
  return text;
}

type FieldEntry = readonly [name: string, read: FieldReader];

const COMMON_FIELDS: readonly FieldEntry[] = [
  // Read before the others, since the draft needs them.
  ...["@context", "type", "eventTime", "eventTimeZoneOffset"].map((name): FieldEntry => [name, () => {}]),
  ["recordTime", expectTime],
  ["eventID", store("eventId", readShortUri)],
  ["certificationInfo", store("certificationInfo", readCertificationInfo)],
  ["errorDeclaration", store("errorDeclaration", readError)],
  ["bizStep", store("bizStep", termOf(BIZ_STEPS))],
  ["disposition", store("disposition", termOf(DISPOSITIONS))],
  ["readPoint", store("readPoint", readPlace)],
  ["bizLocation", store("bizLocation", readPlace)],
  ["bizTransactionList", store("bizTransactions", readBizTransactions)],
  ["sourceList", store("sources", endsOf("source"))],
  ["destinationList", store("destinations", endsOf("destination"))],
  ["sensorElementList", readSensorElements],
];

const ACTION: FieldEntry = ["action", store("action", readAction)];
const PARENT: FieldEntry = ["parentID", readParent];
const PERSISTENT_DISPOSITION: FieldEntry = [
  "persistentDisposition",
  store("persistentDisposition", readPersistentDisposition),
];
const ILMD: FieldEntry = ["ilmd", readIlmd];
const CHILDREN: readonly FieldEntry[] = [
  ["childEPCs", epcs("child")],
  ["childQuantityList", quantities("child")],
];
const OBJECTS: readonly FieldEntry[] = [
  ["epcList", epcs("epc")],
  ["quantityList", quantities("epc")],
];

const FIELDS: Readonly<Record<EventType, ReadonlyMap<string, FieldReader>>> = {
  ObjectEvent: fields(ACTION, PERSISTENT_DISPOSITION, ILMD, ...OBJECTS),
  AggregationEvent: fields(ACTION, PARENT, ...CHILDREN),
  TransactionEvent: fields(ACTION, PARENT, ...OBJECTS),
  TransformationEvent: fields(
    PERSISTENT_DISPOSITION,
    ILMD,
    ["inputEPCList", epcs("input")],
    ["inputQuantityList", quantities("input")],
    ["outputEPCList", epcs("output")],
    ["outputQuantityList", quantities("output")],
    ["transformationID", store("transformationId", readIdentity)],
  ),
  AssociationEvent: fields(ACTION, PARENT, ...CHILDREN),
};

function fields(...own: readonly FieldEntry[]): ReadonlyMap<string, FieldReader> {
  return new Map([...COMMON_FIELDS, ...own]);
}

/** A field whose reading goes into the draft under `key`. */
function store<K extends keyof Draft>(
  key: K,
  read: (node: JsonNode, path: string, reader: EventReader) => NonNullable<Draft[K]>,
): FieldReader {
  return (node, path, reader) => {
    reader.draft[key] = read(node, path, reader);
  };
}

function readField(name: string, node: JsonNode, path: string, reader: EventReader): void {
  const read = FIELDS[reader.draft.type].get(name);
  if (read !== undefined) {
    read(node, path, reader);
    return;
  }
  checkExtension(name, node, reader.prefixes, path);
}

function readShortUri(node: JsonNode, path: string): string {
  const uri = expectUri(node, path);
  if (uri.length > MAX_IDENTITY_LENGTH)
    throw new LhgError("epcis.too-long", `must have at most ${MAX_IDENTITY_LENGTH} characters`, path);
  return uri;
}

function readIdentity(node: JsonNode, path: string, { prefixes }: EventReader): Identity {
  return canonicalIdentity(expandCurie(expectUri(node, path), prefixes), path);
}

function termOf(vocabulary: Vocabulary): (node: JsonNode, path: string, reader: EventReader) => string {
  return (node, path, { prefixes }) => readTerm(vocabulary, node, path, prefixes);
}

function readAction(node: JsonNode, path: string): EventAction {
  return expectMatch(node, path, /^(?:ADD|OBSERVE|DELETE)$/, "ADD, OBSERVE or DELETE") as EventAction;
}

function readParent(node: JsonNode, path: string, reader: EventReader): void {
  addItem({ ...readIdentity(node, path, reader), role: "parent" }, path, reader);
}

function readCertificationInfo(node: JsonNode, path: string): string[] {
  return node.kind === "array" ? readList(node, path, expectUri) : [expectUri(node, path)];
}

const ERROR_NAMES: ReadonlySet<string> = new Set(["declarationTime", "reason", "correctiveEventIDs"]);

function readError(node: JsonNode, path: string, reader: EventReader): ErrorDeclaration {
  const object = expectObject(node, path);
  checkMembers(object, ERROR_NAMES, reader.prefixes, path);
  const time = requireMember(object, "declarationTime", path);
  const reason = readOptional(object, "reason", path, (value, at) =>
    readTerm(ERROR_REASONS, value, at, reader.prefixes),
  );
  return {
    declarationTimeMs: expectTime(time, memberPath(path, "declarationTime")),
    ...(reason === undefined ? {} : { reason }),
    correctiveEventIds:
      readOptional(object, "correctiveEventIDs", path, (list, at) => readList(list, at, readShortUri)) ?? [],
  };
}

const DISPOSITION_NAMES: ReadonlySet<string> = new Set(["set", "unset"]);

function readPersistentDisposition(
  node: JsonNode,
  path: string,
  reader: EventReader,
): NonNullable<EpcisEvent["persistentDisposition"]> {
  const object = expectObject(node, path);
  closeObject(object, DISPOSITION_NAMES, path);
  const readSet = (list: JsonNode, at: string): string[] => {
    const values = readList(list, at, (value, valuePath) =>
      readTerm(DISPOSITIONS, value, valuePath, reader.prefixes),
    );
    if (values.length === 0) throw new LhgError("epcis.empty", "must not be empty", at);
    checkUnique(values, at);
    return values;
  };
  const set = readOptional(object, "set", path, readSet);
  const unset = readOptional(object, "unset", path, readSet);
  if (set === undefined && unset === undefined)
    throw new LhgError("epcis.required", "must have set or unset", path);
  return { set: set ?? [], unset: unset ?? [] };
}

const PLACE_NAMES: ReadonlySet<string> = new Set(["id"]);

function readPlace(node: JsonNode, path: string, reader: EventReader): Identity {
  const object = expectObject(node, path);
  checkMembers(object, PLACE_NAMES, reader.prefixes, path);
  return readIdentity(requireMember(object, "id", path), memberPath(path, "id"), reader);
}

function readBizTransactions(node: JsonNode, path: string, reader: EventReader): TypedIdentity[] {
  return readList(node, path, (item, at) =>
    readTypedIdentity("bizTransaction", BIZ_TRANSACTION_TYPES, item, at, reader),
  );
}

function endsOf(name: "source" | "destination") {
  return (node: JsonNode, path: string, reader: EventReader): TypedIdentity[] =>
    readList(node, path, (item, at) => {
      requireMember(expectObject(item, at), "type", at);
      return readTypedIdentity(name, SOURCE_DESTINATION_TYPES, item, at, reader);
    });
}

const TYPED_NAMES = {
  bizTransaction: new Set(["type", "bizTransaction"]),
  source: new Set(["type", "source"]),
  destination: new Set(["type", "destination"]),
} as const;

function readTypedIdentity(
  name: keyof typeof TYPED_NAMES,
  vocabulary: Vocabulary,
  node: JsonNode,
  path: string,
  reader: EventReader,
): TypedIdentity {
  const object = expectObject(node, path);
  closeObject(object, TYPED_NAMES[name], path);
  const identity = readIdentity(requireMember(object, name, path), memberPath(path, name), reader);
  const type = readOptional(object, "type", path, (value, at) =>
    readTerm(vocabulary, value, at, reader.prefixes),
  );
  return type === undefined ? { identity } : { type, identity };
}

function readSensorElements(node: JsonNode, path: string, { draft, prefixes, limits }: EventReader): void {
  for (const [index, item] of expectArray(node, path).items.entries()) {
    draft.sensorReports.push(
      ...readSensorElement(item, prefixes, `${path}[${index}]`, limits.maxSensorReports),
    );
    if (draft.sensorReports.length > limits.maxSensorReports)
      throw new LhgError(
        "epcis.too-many",
        `must have at most ${limits.maxSensorReports} sensor reports`,
        path,
      );
  }
}

const NO_NAMES: ReadonlySet<string> = new Set();

function readIlmd(node: JsonNode, path: string, reader: EventReader): void {
  checkMembers(expectObject(node, path), NO_NAMES, reader.prefixes, path);
}

function epcs(role: ItemRole): FieldReader {
  return (node, path, reader) => {
    const keys = readList(node, path, (item, at) => {
      const identity = readIdentity(item, at, reader);
      addItem({ ...identity, role }, at, reader);
      return identity.key;
    });
    checkUnique(keys, path);
  };
}

const QUANTITY_NAMES: ReadonlySet<string> = new Set(["epcClass", "quantity", "uom"]);
const UOM = /^[A-Z0-9]{2,3}$/;

function quantities(role: ItemRole): FieldReader {
  return (node, path, reader) => {
    readList(node, path, (item, at) => {
      const element = expectObject(item, at);
      closeObject(element, QUANTITY_NAMES, at);
      const identity = readIdentity(
        requireMember(element, "epcClass", at),
        memberPath(at, "epcClass"),
        reader,
      );
      const quantity = readQuantity(element, at);
      addItem(quantity === undefined ? { ...identity, role } : { ...identity, role, quantity }, at, reader);
    });
  };
}

function readQuantity(element: JsonObject, path: string): Quantity | undefined {
  const uom = readOptional(element, "uom", path, (node, at) =>
    expectMatch(node, at, UOM, "a unit code such as KGM"),
  );
  const value = readOptional(element, "quantity", path, expectNumber);
  if (value === undefined) return undefined;
  if (compareDecimals(value, DECIMAL_ZERO) < 0)
    throw new LhgError("epcis.quantity", "must not be negative", memberPath(path, "quantity"));
  return { value, uom: uom ?? "" };
}

function addItem(item: ItemReference, path: string, { draft, limits }: EventReader): void {
  if (draft.items.length >= limits.maxItems)
    throw new LhgError("epcis.too-many", `must have at most ${limits.maxItems} items`, path);
  draft.items.push(item);
}

function checkUnique(values: readonly string[], path: string): void {
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    if (seen.has(value))
      throw new LhgError("epcis.duplicate", "must occur once in its list", `${path}[${index}]`);
    seen.add(value);
  }
}

/** For objects that the schema closes: no extension. */
function closeObject(object: JsonObject, known: ReadonlySet<string>, path: string): void {
  for (const name of object.entries.keys())
    if (!known.has(name))
      throw new LhgError("epcis.property", "must be a property of this object", memberPath(path, name));
}

/** What must be present beside what: EPCIS 2.0, 7.4.2 to 7.4.6, and the schema's alternatives. */
function checkEventShape(event: JsonObject, draft: Draft, path: string): void {
  const { type, action } = draft;
  if (type !== "TransformationEvent") requireMember(event, "action", path);
  switch (type) {
    case "ObjectEvent":
      if (action !== "ADD" && event.entries.has("ilmd"))
        throw new LhgError(
          "epcis.shape",
          "must not be present unless the action is ADD",
          memberPath(path, "ilmd"),
        );
      if (!event.entries.has("epcList") && !hasItems(draft, "epc") && !isPlaceObservation(event, draft))
        throw badShape("must have epcList, quantityList, or sensorElementList and readPoint", path);
      return;
    case "AggregationEvent":
      if (action !== "OBSERVE") requireMember(event, "parentID", path);
      requireChildren(draft, path);
      return;
    case "AssociationEvent":
      requireMember(event, "parentID", path);
      requireChildren(draft, path);
      return;
    case "TransactionEvent":
      requireMember(event, "bizTransactionList", path);
      if (draft.bizTransactions.length === 0)
        throw new LhgError("epcis.empty", "must not be empty", memberPath(path, "bizTransactionList"));
      if (action !== "DELETE" && !event.entries.has("epcList") && !hasItems(draft, "epc"))
        throw badShape("must have epcList or quantityList", path);
      return;
    case "TransformationEvent":
      checkTransformation(draft, path);
  }
}

function requireChildren(draft: Draft, path: string): void {
  if (draft.action !== "DELETE" && !hasItems(draft, "child"))
    throw badShape("must have childEPCs or childQuantityList", path);
}

function checkTransformation(draft: Draft, path: string): void {
  const inputs = hasItems(draft, "input");
  const outputs = hasItems(draft, "output");
  if (draft.transformationId === undefined ? !(inputs && outputs) : !(inputs || outputs))
    throw badShape("must have inputs and outputs, or one of them with a transformationID", path);
}

function isPlaceObservation(event: JsonObject, draft: Draft): boolean {
  return draft.sensorReports.length > 0 && event.entries.has("readPoint");
}

function hasItems(draft: Draft, role: ItemRole): boolean {
  return draft.items.some((item) => item.role === role);
}

function badShape(message: string, path: string): LhgError {
  return new LhgError("epcis.shape", message, path);
}
