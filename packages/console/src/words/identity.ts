/** An identity taken apart into the words and numbers that people know it by. */
import type { Strings } from "../strings/en.ts";

/** What GS1 application identifiers name; `other` is any URI that is no GS1 key. */
export type KeyName =
  | "gtin"
  | "sscc"
  | "asset"
  | "returnable"
  | "location"
  | "party"
  | "document"
  | "shipment"
  | "piece"
  | "part"
  | "key"
  | "other";

export interface IdentityParts {
  readonly name: KeyName;
  /** The key's value; of another URI, all of it. */
  readonly value: string;
  readonly serial?: string;
  readonly lot?: string;
  readonly extension?: string;
}

const NAMES: Readonly<Record<string, KeyName>> = {
  "00": "sscc",
  "01": "gtin",
  "253": "document",
  "401": "shipment",
  "402": "shipment",
  "414": "location",
  "417": "party",
  "8003": "returnable",
  "8004": "asset",
  "8006": "piece",
  "8010": "part",
};

const CANONICAL = /^https:\/\/id\.gs1\.org\/([0-9]{2,4})\/([^/?#]+)(?:\/([0-9]{2,4})\/([^/?#]+))?$/;

/** Of a canonical identity (epcis/identity.ts of the protocol). */
export function readIdentity(identity: string): IdentityParts {
  const found = CANONICAL.exec(identity);
  if (found === null) return { name: "other", value: identity };
  const [, ai = "", value = "", qualifierAi, qualifier] = found;
  const base = { name: NAMES[ai] ?? "key", value: decodeSegment(value) };
  if (qualifier === undefined) return base;
  const text = decodeSegment(qualifier);
  if (qualifierAi === "10") return { ...base, lot: text };
  return qualifierAi === "254" ? { ...base, extension: text } : { ...base, serial: text };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** One thing, of which there can be only one: a serial, a pallet, an asset. Lots and articles are not. */
export function isOneThing(identity: string): boolean {
  const { name, serial, lot } = readIdentity(identity);
  if (lot !== undefined) return false;
  return serial !== undefined || name === "sscc" || name === "asset" || name === "other";
}

/** A carton, a pallet, a crate: what carries other things and is not itself sold. */
export function isCarrier(identity: string): boolean {
  const { name } = readIdentity(identity);
  return name === "sscc" || name === "returnable";
}

const SHORT_MAX = 14;
const SHORT_END = 8;

/** Fits into a box of a drawing; what is longer loses its middle, since numbers of one maker begin alike. */
export function shortIdentity(identity: string): string {
  const { value, serial, lot, name } = readIdentity(identity);
  const text = serial ?? lot ?? (name === "other" ? lastPart(value) : value);
  if (text.length <= SHORT_MAX) return text;
  return `${text.slice(0, SHORT_MAX - SHORT_END - 1)}…${text.slice(-SHORT_END)}`;
}

function lastPart(uri: string): string {
  const parts = uri.split(/[/:#?=]/).filter((part) => part !== "");
  return parts.at(-1) ?? uri;
}

/** `Serial 7 · 00012345111112`, `Pallet or parcel 100123450000000011`; any other URI as it is. */
export function describeItem(
  words: Pick<Strings["item"], "serial" | "lot" | "names">,
  identity: string,
): string {
  const { name, value, serial, lot, extension } = readIdentity(identity);
  if (serial !== undefined) return `${words.serial} ${serial} · ${value}`;
  if (lot !== undefined) return `${words.lot} ${lot} · ${value}`;
  if (name === "other") return value;
  return `${words.names[name]} ${value}${extension === undefined ? "" : ` · ${extension}`}`;
}
