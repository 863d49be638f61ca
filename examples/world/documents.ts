/** EPCIS 2.0 documents: events of this world's vendors, in JSON-LD as a company's own system would write them. */
import { partyOf } from "./identifiers.ts";
import { geoUri, type Place } from "./places.ts";
import { VENDORS, type VendorId } from "./vendors.ts";

export type EventJson = { readonly type: string } & Record<string, unknown>;

export interface Quantity {
  readonly epcClass: string;
  readonly quantity: number;
  /** UN/CEFACT Recommendation 20; absent for pieces. */
  readonly uom?: string;
}

/** When, where and why, which all events state. */
export interface Circumstances {
  readonly timeMs: number;
  readonly place: Place;
  readonly step: string;
  readonly disposition?: string;
  /** Further members: `bizTransactionList`, `sensorElementList`, ... */
  readonly more?: Record<string, unknown>;
}

const KILOGRAMS = "KGM";
const CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

export const kilograms = (epcClass: string, quantity: number): Quantity => ({
  epcClass,
  quantity,
  uom: KILOGRAMS,
});
export const pieces = (epcClass: string, quantity: number): Quantity => ({ epcClass, quantity });

function circumstances({ timeMs, place, step, disposition, more }: Circumstances): Record<string, unknown> {
  return {
    eventTime: new Date(timeMs).toISOString(),
    eventTimeZoneOffset: place.offset,
    bizStep: step,
    ...(disposition === undefined ? {} : { disposition }),
    readPoint: { id: geoUri(place) },
    ...(place.location === undefined ? {} : { bizLocation: { id: place.location } }),
    ...more,
  };
}

/** What people call a thing, in the words of GS1's vocabulary of master data. */
export const named = (name: string): { readonly ilmd: Record<string, string> } => ({
  ilmd: { "cbvmda:descriptionShort": name },
});

interface Goods {
  readonly things?: readonly string[];
  readonly lots?: readonly Quantity[];
}

function goods(
  { things = [], lots = [] }: Goods,
  names: readonly [list: string, quantities: string],
): object {
  return {
    ...(things.length === 0 ? {} : { [names[0]]: things }),
    ...(lots.length === 0 ? {} : { [names[1]]: lots }),
  };
}

export function commission(what: Goods, at: Circumstances): EventJson {
  return {
    type: "ObjectEvent",
    action: "ADD",
    ...circumstances(at),
    ...goods(what, ["epcList", "quantityList"]),
  };
}

export function observe(what: Goods, at: Circumstances): EventJson {
  return {
    type: "ObjectEvent",
    action: "OBSERVE",
    ...circumstances(at),
    ...goods(what, ["epcList", "quantityList"]),
  };
}

export function pack(parent: string, what: Goods, at: Circumstances): EventJson {
  return {
    type: "AggregationEvent",
    action: "ADD",
    ...circumstances(at),
    parentID: parent,
    ...goods(what, ["childEPCs", "childQuantityList"]),
  };
}

/** Takes out what is named, or else everything. */
export function unpack(parent: string, what: Goods, at: Circumstances): EventJson {
  return { ...pack(parent, what, at), action: "DELETE" };
}

/** Builds parts into a thing, where they stay recognisable. */
export function associate(parent: string, parts: readonly string[], at: Circumstances): EventJson {
  return { ...pack(parent, { things: parts }, at), type: "AssociationEvent" };
}

export function transform(
  id: string,
  { inputs, outputs }: { readonly inputs?: Goods; readonly outputs?: Goods },
  at: Circumstances,
): EventJson {
  return {
    type: "TransformationEvent",
    transformationID: id,
    ...circumstances(at),
    ...goods(inputs ?? {}, ["inputEPCList", "inputQuantityList"]),
    ...goods(outputs ?? {}, ["outputEPCList", "outputQuantityList"]),
  };
}

export interface HandOver {
  readonly from: VendorId;
  /** Who has the goods afterwards: it must say so itself by receiving them. */
  readonly to: VendorId;
  /** Who bought them, where that is somebody else. */
  readonly buyer?: VendorId;
  /** Number of the despatch advice. */
  readonly advice: string;
}

/** What shipping and receiving events say of the two sides. */
export function handOver({ from, to, buyer, advice }: HandOver): Record<string, unknown> {
  return {
    bizTransactionList: [{ type: "desadv", bizTransaction: `urn:epcglobal:cbv:bt:${glnOf(from)}:${advice}` }],
    sourceList: [{ type: "possessing_party", source: partyOf(from) }],
    destinationList: [
      { type: "possessing_party", destination: partyOf(to) },
      ...(buyer === undefined ? [] : [{ type: "owning_party", destination: partyOf(buyer) }]),
    ],
  };
}

const glnOf = (vendor: VendorId): string => partyOf(vendor).slice(-13);

/** The carrier's logger, as the event quotes it. */
export function temperatureReport(
  deviceId: string,
  timeMs: number,
  celsius: number,
): Record<string, unknown> {
  return {
    sensorElementList: [
      {
        sensorMetadata: { time: new Date(timeMs).toISOString(), deviceID: deviceId },
        sensorReport: [{ type: "Temperature", value: celsius, uom: "CEL" }],
      },
    ],
  };
}

/** A document of one vendor, in the bytes that are signed. */
export function makeDocument(sender: VendorId, creationMs: number, events: readonly EventJson[]): Uint8Array {
  const document = {
    "@context": [CONTEXT],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: new Date(creationMs).toISOString(),
    sender: partyOf(sender),
    epcisBody: { eventList: events },
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

/** Where a certificate of a vendor would be found. */
export function certificateOf(vendor: VendorId, name: string): string {
  return `https://${VENDORS[vendor].name.toLowerCase().replaceAll(" ", "-")}.example/certificates/${name}`;
}
