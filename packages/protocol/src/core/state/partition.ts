import type { Address } from "../account.ts";
import { toHex } from "../bytes.ts";
import { type CborValue, encodeCbor } from "../codec/cbor.ts";

/** A part of the state with a map and logs of its own. `id` is committed; `name` is its hex, for look-ups. */
export interface Partition {
  readonly id: Uint8Array;
  readonly name: string;
}

function makePartition(parts: readonly CborValue[]): Partition {
  const id = encodeCbor(parts);
  return { id, name: toHex(id) };
}

/** Accounts, token, validators, vendors, groups, parameters, history. */
export const BASE = makePartition(["base"]);
/** What is known of items, whoever captured it. */
export const ITEMS = makePartition(["items"]);
/** The partitions themselves: id -> partition record. Its map root is the app hash. */
export const APP = makePartition(["app"]);

export function vendorPartition(vendor: Address): Partition {
  return makePartition(["vendor", vendor]);
}

export function contractPartition(contract: Address): Partition {
  return makePartition(["contract", contract]);
}
