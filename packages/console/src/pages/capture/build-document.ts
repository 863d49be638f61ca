/** From what a clerk entered to an EPCIS 2.0 document, with what is wrong beside the field it was entered in. */
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { readCapturedEvents } from "@lhg/sdk/capture/build";
import { readCode, readElementString } from "../scan/read-code.ts";
import type { Draft, DraftField, Happening } from "./draft.ts";

export interface Rule {
  readonly type: "ObjectEvent" | "AggregationEvent" | "TransformationEvent";
  readonly action?: "ADD" | "OBSERVE" | "DELETE";
  readonly bizStep?: string;
  readonly disposition?: string;
  /** Fields beside items, place and time. */
  readonly fields: readonly DraftField[];
  /** The things stay at the place. */
  readonly stays: boolean;
  /** Whether there may be no item: all that is in the container. */
  readonly mayBeEmpty?: boolean;
}

export const RULES: Readonly<Record<Happening, Rule>> = {
  made: {
    type: "ObjectEvent",
    action: "ADD",
    bizStep: "commissioning",
    disposition: "active",
    fields: [],
    stays: true,
  },
  packed: {
    type: "AggregationEvent",
    action: "ADD",
    bizStep: "packing",
    disposition: "in_progress",
    fields: ["container"],
    stays: true,
  },
  unpacked: {
    type: "AggregationEvent",
    action: "DELETE",
    bizStep: "unpacking",
    disposition: "in_progress",
    fields: ["container"],
    stays: true,
    mayBeEmpty: true,
  },
  shipped: {
    type: "ObjectEvent",
    action: "OBSERVE",
    bizStep: "shipping",
    disposition: "in_transit",
    fields: ["partner", "party"],
    stays: false,
  },
  received: {
    type: "ObjectEvent",
    action: "OBSERVE",
    bizStep: "receiving",
    disposition: "in_progress",
    fields: [],
    stays: true,
  },
  inspected: {
    type: "ObjectEvent",
    action: "OBSERVE",
    bizStep: "inspecting",
    fields: ["result"],
    stays: true,
  },
  transformed: {
    type: "TransformationEvent",
    bizStep: "commissioning",
    disposition: "active",
    fields: ["outputs"],
    stays: true,
  },
  sold: {
    type: "ObjectEvent",
    action: "OBSERVE",
    bizStep: "retail_selling",
    disposition: "retail_sold",
    fields: [],
    stays: false,
  },
  destroyed: {
    type: "ObjectEvent",
    action: "DELETE",
    bizStep: "destroying",
    disposition: "destroyed",
    fields: [],
    stays: false,
  },
  free: { type: "ObjectEvent", fields: ["action", "bizStep", "disposition"], stays: true },
};

export type Problems = Partial<Record<DraftField | "document", string>>;

export interface BuiltDocument {
  readonly document: Uint8Array;
  readonly text: string;
  /** Keys of the things it is about, in canonical form: those that come into being first. */
  readonly ids: readonly string[];
  /** Keys that the event begins: only their holder may say so. */
  readonly begun: readonly string[];
}

interface Quantity {
  readonly epcClass: string;
  readonly quantity: number;
  readonly uom?: string;
}
interface Things {
  readonly instances: readonly string[];
  readonly quantities: readonly Quantity[];
}

export const ITEMS_MAX = 5_000;

/** Either the document, checked as the ledger checks it, or what is wrong. */
export function buildDocument(
  draft: Draft,
  nowMs: number,
): { readonly built: BuiltDocument } | { readonly problems: Problems } {
  const problems: Problems = {};
  const read = <T>(field: DraftField, make: () => T): T | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      problems[field] = error.message;
      return undefined;
    }
  };
  const rule = RULES[draft.happening];
  const has = (field: DraftField): boolean => rule.fields.includes(field);
  const items = read("items", () => readThings(draft.items, rule.mayBeEmpty ?? false));
  const outputs = has("outputs") ? read("outputs", () => readThings(draft.outputs, false)) : undefined;
  const container = has("container") ? read("container", () => readKey(draft.container)) : undefined;
  const party = has("party") ? read("partner", () => readParty(draft)) : undefined;
  const place = read("place", () => readPlace(draft.place));
  const time = read("time", () => readTime(draft.time, nowMs));
  if (Object.keys(problems).length > 0 || items === undefined || time === undefined) return { problems };

  const event = {
    type: rule.type,
    ...(rule.type === "TransformationEvent" ? {} : { action: rule.action ?? draft.action }),
    ...time,
    ...term("bizStep", rule.bizStep ?? draft.bizStep),
    ...term(
      "disposition",
      draft.happening === "inspected" ? draft.result : (rule.disposition ?? draft.disposition),
    ),
    ...(place === undefined ? {} : { readPoint: { id: place } }),
    ...(place === undefined || !rule.stays ? {} : { bizLocation: { id: place } }),
    ...listThings(rule.type, items, outputs, container),
    ...(party === undefined ? {} : { destinationList: [{ type: "possessing_party", destination: party }] }),
  };
  const text = JSON.stringify(
    {
      "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
      type: "EPCISDocument",
      schemaVersion: "2.0",
      creationDate: new Date(nowMs).toISOString(),
      epcisBody: { eventList: [event] },
    },
    undefined,
    2,
  );
  const document = encodeUtf8(text);
  try {
    readCapturedEvents(document);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return { problems: { [fieldOfPath(error.field)]: error.message } };
  }
  const begun = [
    ...(outputs === undefined ? [] : idsOf(outputs)),
    ...(event.action === "ADD" && rule.type === "ObjectEvent" ? idsOf(items) : []),
  ];
  const ids = [...new Set([...begun, ...(container === undefined ? [] : [container]), ...idsOf(items)])];
  return { built: { document, text, ids, begun } };
}

const idsOf = ({ instances, quantities }: Things): string[] => [
  ...instances,
  ...quantities.map(({ epcClass }) => epcClass),
];

function term(name: string, value: string): Record<string, string> {
  const text = value.trim();
  return text === "" ? {} : { [name]: text };
}

function listThings(
  type: Rule["type"],
  items: Things,
  outputs: Things | undefined,
  container: string | undefined,
): object {
  const list = (name: string, entries: readonly unknown[]): object =>
    entries.length === 0 ? {} : { [name]: entries };
  if (type === "AggregationEvent")
    return {
      parentID: container,
      ...list("childEPCs", items.instances),
      ...list("childQuantityList", items.quantities),
    };
  if (type === "ObjectEvent")
    return { ...list("epcList", items.instances), ...list("quantityList", items.quantities) };
  return {
    ...list("inputEPCList", items.instances),
    ...list("inputQuantityList", items.quantities),
    ...list("outputEPCList", outputs?.instances ?? []),
    ...list("outputQuantityList", outputs?.quantities ?? []),
  };
}

/** Throws `draft.items` naming the line. */
function readThings(text: string, mayBeEmpty: boolean): Things {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0 && !mayBeEmpty) throw new LhgError("draft.items", "Name at least one item.");
  if (lines.length > ITEMS_MAX)
    throw new LhgError("draft.items", `At most ${ITEMS_MAX} items go into one event.`);
  const instances = new Set<string>();
  const quantities: Quantity[] = [];
  for (const [at, line] of lines.entries()) {
    const [id = "", amount = ""] = line.split(/[;\t]/);
    const code = readCode(id);
    if (!("id" in code)) {
      const reason =
        code.kind === "unknown" && code.reason !== undefined ? code.reason : "is no key of an item";
      throw new LhgError("draft.items", `Line ${at + 1}: ${reason}`);
    }
    const isClass = code.kind === "item" && ["lot", "class", "coupon"].includes(code.identityKind);
    if (amount.trim() === "" && !isClass) instances.add(code.id);
    else quantities.push(readQuantity(code.id, amount.trim(), at + 1));
  }
  return { instances: [...instances], quantities };
}

function readQuantity(epcClass: string, amount: string, line: number): Quantity {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,9})?)(?:\s+([A-Z0-9]{2,3}))?$/.exec(amount);
  if (match === null)
    throw new LhgError(
      "draft.items",
      `Line ${line}: a lot or class needs how much of it, after a semicolon: "…; 10" or "…; 12.5 KGM".`,
    );
  const [, quantity, uom] = match;
  return { epcClass, quantity: Number(quantity), ...(uom === undefined ? {} : { uom }) };
}

function readKey(text: string): string {
  if (text.trim() === "") throw new LhgError("draft.container", "Name the container.");
  const code = readCode(text);
  if (!("id" in code)) throw new LhgError("draft.container", "This is no key of a container.");
  return code.id;
}

function readParty({ partner, party }: Draft): string {
  if (partner === "" && party.trim() === "")
    throw new LhgError("draft.partner", "Choose to whom the things go.");
  return canonicalIdentity(party.trim(), "").key;
}

const COORDINATES = /^\s*(-?[0-9]{1,2}(?:\.[0-9]+)?)\s*[,;]\s*(-?[0-9]{1,3}(?:\.[0-9]+)?)\s*$/;

/** A key, a URI, or latitude and longitude. */
function readPlace(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const [, latitude, longitude] = COORDINATES.exec(trimmed) ?? [];
  if (latitude !== undefined && longitude !== undefined) {
    if (Math.abs(Number(latitude)) > 90 || Math.abs(Number(longitude)) > 180)
      throw new LhgError("draft.place", "This latitude and longitude are nowhere on earth.");
    return `geo:${latitude},${longitude}`;
  }
  return canonicalIdentity(readElementString(trimmed) ?? trimmed, "").key;
}

function readTime(text: string, nowMs: number): { eventTime: string; eventTimeZoneOffset: string } {
  const date = text === "" ? new Date(nowMs) : new Date(text);
  if (Number.isNaN(date.getTime())) throw new LhgError("draft.time", "This is no time.");
  const minutes = -date.getTimezoneOffset();
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, "0");
  const offset = `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return { eventTime: date.toISOString(), eventTimeZoneOffset: offset };
}

/** The field of the form in which the value at a JSON path of the document was entered. */
export function fieldOfPath(path: string): DraftField | "document" {
  const fields: readonly (readonly [RegExp, DraftField])[] = [
    [/\.output(?:EPC|Quantity)List/, "outputs"],
    [/\.(?:epcList|quantityList|child(?:EPCs|QuantityList)|input(?:EPC|Quantity)List)/, "items"],
    [/\.parentID/, "container"],
    [/\.(?:readPoint|bizLocation)/, "place"],
    [/\.eventTime/, "time"],
    [/\.destinationList/, "partner"],
    [/\.bizStep/, "bizStep"],
    [/\.disposition/, "disposition"],
  ];
  return fields.find(([pattern]) => pattern.test(path))?.[1] ?? "document";
}
