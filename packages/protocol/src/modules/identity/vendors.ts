/** Vendors: who was admitted, under which identifier prefixes, and who holds a prefix. */
import { type Address, address, publicKey } from "../../core/account.ts";
import { array, type Infer, record, uint } from "../../core/codec/definition.ts";
import { displayName, identifierPrefix } from "../../core/genesis.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { BASE, vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import type { Identity } from "../../epcis/identity.ts";
import { captureScope, IDENTITY_MODULE } from "./messages.ts";
import { prefixCandidates } from "./prefixes.ts";

export const vendorRecord = record(1, {
  name: displayName,
  prefixes: array(identifierPrefix, { max: 256 }),
  /** 1 admitted, 2 expelled. */
  standing: uint(2),
  /** Counts admissions and expulsions: approvals name it, so none can be used again. */
  version: uint(),
  /** Which vendor this is, by order of admission; partitions are listed by it. */
  order: uint(),
});
export type Vendor = Infer<typeof vendorRecord>;
export const ADMITTED = 1;
export const EXPELLED = 2;

const vendors = defineTable<[Address], Vendor>("vendor", IDENTITY_MODULE, 1, vendorRecord);
const vendorsByOrder = defineTable<[number], { vendor: Address }>(
  "vendor by order",
  IDENTITY_MODULE,
  2,
  record(1, { vendor: address }),
);
const counters = defineTable<[], { vendors: number }>(
  "vendor count",
  IDENTITY_MODULE,
  3,
  record(1, { vendors: uint() }),
);
const prefixHolders = defineTable<[string], { vendor: Address }>(
  "prefix",
  IDENTITY_MODULE,
  4,
  record(1, { vendor: address }),
);

const captureKeyRecord = record(1, { key: publicKey, scope: captureScope, revoked: uint(1) });
export type CaptureKey = Infer<typeof captureKeyRecord>;
const captureKeys = defineTable<[Uint8Array], CaptureKey>(
  "capture key",
  IDENTITY_MODULE,
  5,
  captureKeyRecord,
);

export function getVendor(state: StateReader, vendor: Address): Vendor | undefined {
  return vendors.get(state, BASE, vendor);
}

export function vendorKey(vendor: Address): Uint8Array {
  return vendors.key(vendor);
}

export function setVendor(state: StateAccess, vendor: Address, value: Vendor): void {
  vendors.set(state, BASE, value, vendor);
}

/** Adds a vendor to the list and returns its number. */
export function enlistVendor(state: StateAccess, vendor: Address): number {
  const order = counters.get(state, BASE)?.vendors ?? 0;
  vendorsByOrder.set(state, BASE, { vendor }, order);
  counters.set(state, BASE, { vendors: order + 1 });
  return order;
}

export function countVendors(state: StateReader): number {
  return counters.get(state, BASE)?.vendors ?? 0;
}

export function getVendorByOrder(state: StateReader, order: number): Address | undefined {
  return vendorsByOrder.get(state, BASE, order)?.vendor;
}

export function getPrefixHolder(state: StateReader, prefix: string): Address | undefined {
  return prefixHolders.get(state, BASE, prefix)?.vendor;
}

export function setPrefixHolder(state: StateAccess, prefix: string, vendor: Address | undefined): void {
  prefixHolders.set(state, BASE, vendor === undefined ? undefined : { vendor }, prefix);
}

/** The vendor with the longest granted prefix of this identity; undefined: nobody owns the namespace. */
export function findHolder(
  state: StateReader,
  identity: Identity,
): { vendor: Address; prefix: string } | undefined {
  for (const prefix of prefixCandidates(identity)) {
    const vendor = getPrefixHolder(state, prefix);
    if (vendor !== undefined) return { vendor, prefix };
  }
  return undefined;
}

export function getCaptureKey(
  state: StateReader,
  vendor: Address,
  keyBytes: Uint8Array,
): CaptureKey | undefined {
  return captureKeys.get(state, vendorPartition(vendor), keyBytes);
}

export function setCaptureKey(state: StateAccess, vendor: Address, value: CaptureKey): void {
  captureKeys.set(state, vendorPartition(vendor), value, value.key.bytes);
}
