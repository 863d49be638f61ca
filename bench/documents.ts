/** EPCIS documents to capture: fresh items under a vendor's prefix, and chains of transformations to trace. */
import { encodeUtf8 } from "../packages/protocol/src/core/bytes.ts";

/** A seven-digit company prefix, so that serials count freely. */
export interface DocumentPlan {
  readonly prefix: string;
  /** Counts documents, so that no item comes twice. */
  readonly document: number;
  readonly events: number;
}

type JsonEvent = Readonly<Record<string, unknown>>;

const STARTED_MS = Date.UTC(2026, 0, 1);

function itemOf(prefix: string, reference: number, serial: number): string {
  return `urn:epc:id:sgtin:${prefix}.${String(reference).padStart(6, "0")}.${serial}`;
}

const placeOf = (prefix: string, place: number) => ({ id: `urn:epc:id:sgln:${prefix}.${10_000 + place}.0` });

/** Commissionings, each of one item that the ledger has not seen. */
export function buildEvents({ prefix, document, events }: DocumentPlan): JsonEvent[] {
  return Array.from({ length: events }, (_, i) => ({
    type: "ObjectEvent",
    eventTime: timeOf(document * events + i),
    eventTimeZoneOffset: "+00:00",
    epcList: [itemOf(prefix, 1, document * events + i)],
    action: "ADD",
    bizStep: "commissioning",
    disposition: "active",
    readPoint: placeOf(prefix, i % 100),
    bizLocation: placeOf(prefix, i % 10),
  }));
}

function timeOf(step: number): string {
  return new Date(STARTED_MS + step * 1_000).toISOString();
}

/** Hops to either side of the item that is traced. */
export const HOPS = 10;
/** A commissioning, then from transformation to transformation; half of the items are moved in between. */
export const CHAIN_EVENTS = 1 + 2 * HOPS + HOPS;

/** The item in the middle of a chain: `HOPS` transformations led to it, and as many lead on. */
export function middleOfChain(prefix: string, chain: number): string {
  return itemOf(prefix, 2 + HOPS, chain);
}

/** The life of one lot of goods: every item is made of the one before. */
export function buildChain(prefix: string, chain: number): JsonEvent[] {
  const events: JsonEvent[] = [];
  const add = (type: string, fields: JsonEvent): void => {
    events.push({
      type,
      eventTime: timeOf(chain * CHAIN_EVENTS + events.length),
      eventTimeZoneOffset: "+00:00",
      ...fields,
      readPoint: placeOf(prefix, events.length),
    });
  };
  const item = (hop: number): string => itemOf(prefix, 2 + hop, chain);
  add("ObjectEvent", { action: "ADD", bizStep: "commissioning", epcList: [item(0)] });
  for (let hop = 0; hop < 2 * HOPS; hop++) {
    if (hop % 2 === 1) add("ObjectEvent", { action: "OBSERVE", bizStep: "storing", epcList: [item(hop)] });
    add("TransformationEvent", {
      bizStep: "commissioning",
      inputEPCList: [item(hop)],
      outputEPCList: [item(hop + 1)],
    });
  }
  return events;
}

export function buildDocument(events: readonly JsonEvent[]): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
      type: "EPCISDocument",
      schemaVersion: "2.0",
      creationDate: "2026-01-01T00:00:00Z",
      epcisBody: { eventList: events },
    }),
  );
}
