/** The formats of traces: what logs hold of an event, and what its bytes say. */
import { address, digest } from "../../core/account.ts";
import type { CborReader } from "../../core/codec/cbor-reader.ts";
import {
  array,
  bool,
  type Codec,
  type Infer,
  int,
  nullable,
  record,
  text,
  uint,
} from "../../core/codec/definition.ts";
import { formatPath } from "../../core/codec/path.ts";
import { type Decimal, formatDecimal, parseDecimal, toDecimal } from "../../core/decimal.ts";
import { LhgError } from "../../core/errors.ts";
import type { EventAction, EventType, ItemRole } from "../../epcis/event-model.ts";

export const TRACE_MODULE = 6;

/** Attributes: statement id, index of the event in its document, flags. */
export const NOTICE_EVENT = 1;
/** Attributes: statement id, index, then statement id and index of the event that the captor has recorded before. */
export const NOTICE_DUPLICATE = 2;

/** What the ledger found when it executed an event; bits of the leaf's `flags`, never reused. */
export const FLAGS = {
  /** Nobody is granted the namespace of the identity: nobody's word on it weighs more than another's. */
  unowned: 1 << 0,
  /** The captor is not the custodian: the leaf stands in the observation log and changed no state. */
  observed: 1 << 1,
  /** The item was in another container and was not taken out of it before. */
  reparented: 1 << 2,
  /** The containment is not taken into the state, since the captor is not the custodian of both sides. */
  notLinked: 1 << 3,
  /** More of the class is consumed than is known to be produced. */
  quantityExceeded: 1 << 4,
  /** The quantities of the class no longer fit 34 digits or 16 units and are not counted. */
  quantityUncounted: 1 << 5,
  /** More comes out of the transformation than went in, all stated in one unit. */
  outputExceedsInput: 1 << 6,
  /** The item was ended before: decommissioned, or consumed by a transformation. */
  afterEnd: 1 << 7,
  /** The item was commissioned before. */
  recommissioned: 1 << 8,
  /** The event declares an earlier one in error and has no effect of its own. */
  correction: 1 << 9,
  /** The captor has recorded no event that the declaration could mean. */
  correctionUnknown: 1 << 10,
  /** Some effect of the event declared in error could not be undone. */
  notUndone: 1 << 11,
  /** The custodian hands over to the vendor that the event names as its destination. */
  handedOver: 1 << 12,
  /** The vendor handed over to has received the item and is its custodian from here on. */
  received: 1 << 13,
} as const;
export type FlagName = keyof typeof FLAGS;

export function flagNames(flags: number): FlagName[] {
  return (Object.keys(FLAGS) as FlagName[]).filter((name) => (flags & FLAGS[name]) !== 0);
}

/** An event: the capture's statement id and its place in the document. CBV hash and eventID are aliases only. */
export const eventId = record(undefined, { capture: digest, index: uint() });
export type EventId = Infer<typeof eventId>;

/** What an item is to an event, or what a log other than an item's records. */
export const ROLES = {
  epc: 1,
  parent: 2,
  child: 3,
  input: 4,
  output: 5,
  /** Taken out of its container by an event that names the container alone. */
  released: 6,
  /** Leaf of a log of aliases or of a transformation. */
  listed: 7,
  /** Leaf of a log of corrections: this event declares the log's event in error. */
  correction: 8,
} as const satisfies Record<ItemRole | "released" | "listed" | "correction", number>;
export type RoleName = keyof typeof ROLES;
const ROLE_NAMES = Object.keys(ROLES) as RoleName[];

export function roleName(role: number): RoleName {
  return ROLE_NAMES[role - 1]!;
}

/** Leaf of every log of this module. */
export const traceLeaf = record(1, {
  event: eventId,
  /** RFC 9162 leaf hash of the event's slice, as in the capture's slices root. */
  sliceHash: digest,
  statementLeafHash: digest,
  captor: address,
  role: uint(8),
  flags: uint(0xffff),
  height: uint(),
  timeMs: uint(),
});
export type TraceLeaf = Infer<typeof traceLeaf>;

const MANTISSA = /^-?[1-9][0-9]{0,33}$/;

/** Any decimal of 34 digits: `[exponent, "mantissa"]`; zero is `[0, "0"]`. In JSON its plain text. */
export const exactDecimal: Codec<Decimal> = {
  write: (writer, { mantissa, exponent }) => {
    writer.writeArrayHeader(2);
    writer.writeInt(exponent);
    writer.writeText(mantissa.toString());
  },
  read: (reader: CborReader) => {
    if (reader.readArrayHeader() !== 2) reader.fail("value.count", "must be an exponent and a mantissa");
    const exponent = reader.readInt();
    const digits = reader.readText();
    if (digits === "0" && exponent === 0) return { mantissa: 0n, exponent: 0 };
    if (!MANTISSA.test(digits) || digits.endsWith("0"))
      reader.fail("decimal.form", "must have 1 to 34 digits and no zero at either end");
    return toDecimal(BigInt(digits), exponent, formatPath(reader.path));
  },
  toJson: formatDecimal,
  fromJson: (json, path) => {
    if (typeof json !== "string")
      throw new LhgError("json.type", "must be a decimal number in a string", formatPath(path));
    return parseDecimal(json, formatPath(path));
  },
  schema: { type: "string" },
};

export const EVENT_TYPES: readonly EventType[] = [
  "ObjectEvent",
  "AggregationEvent",
  "TransactionEvent",
  "TransformationEvent",
  "AssociationEvent",
];
export const EVENT_ACTIONS: readonly EventAction[] = ["ADD", "OBSERVE", "DELETE"];

/** One of a list of names, by its position there. */
function oneOf<T extends string>(names: readonly T[]): Codec<T> {
  const inner = uint(names.length - 1);
  return {
    write: (writer, value) => inner.write(writer, names.indexOf(value)),
    read: (reader) => names[inner.read(reader)]!,
    toJson: (value) => value,
    fromJson: (json, path) => {
      const found = names.find((name) => name === json);
      if (found === undefined)
        throw new LhgError("json.type", `must be one of ${names.join(", ")}`, formatPath(path));
      return found;
    },
    schema: { enum: names },
  };
}

const uri = text({ max: 2100 });
export const identityText = text({ min: 1, max: 1024 });

export const eventItem = record(undefined, {
  key: digest,
  identity: identityText,
  role: uint(5),
  /** A class or lot, of which there are quantities and which many may hold; else one thing. */
  isClassLevel: bool,
  quantity: nullable(record(undefined, { value: exactDecimal, uom: text({ max: 3 }) })),
});
export type EventItem = Infer<typeof eventItem>;

/** What the bytes of an event say, as far as traces need it: a function of head and slice alone. */
export const eventFacts = record(1, {
  type: oneOf(EVENT_TYPES),
  action: nullable(oneOf(EVENT_ACTIONS)),
  eventTimeMs: int,
  eventTimeZoneOffset: text({ max: 8 }),
  bizStep: nullable(uri),
  disposition: nullable(uri),
  readPoint: nullable(identityText),
  bizLocation: nullable(identityText),
  transformationId: nullable(identityText),
  eventId: nullable(uri),
  /** The digest in the event hash id of CBV 2.0. */
  hash: digest,
  items: array(eventItem, { max: 10_000 }),
  declaration: nullable(
    record(undefined, {
      declarationTimeMs: int,
      reason: nullable(uri),
      correctiveEventIds: array(uri, { max: 100_000 }),
    }),
  ),
});
export type EventFacts = Infer<typeof eventFacts>;

/** Derived data of every captured event. */
export const eventRecord = record(1, {
  captor: address,
  flags: uint(0xffff),
  height: uint(),
  timeMs: uint(),
  sliceHash: digest,
  statementLeafHash: digest,
  /** The event recorded before that this one repeats; it stands in the logs, this one does not. */
  duplicateOf: nullable(eventId),
  facts: eventFacts,
});
export type EventRecord = Infer<typeof eventRecord>;
