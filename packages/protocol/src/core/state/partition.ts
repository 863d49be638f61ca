import { ADDRESS_BYTES, type Address } from "../account.ts";
import { toHex } from "../bytes.ts";
import { type CborValue, encodeCbor } from "../codec/cbor.ts";
import { CborReader } from "../codec/cbor-reader.ts";
import { LhgError } from "../errors.ts";

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

/** Reads the id of a partition that `bytes` begin with. Throws `partition.unknown` and `cbor.*`. */
export function readPartition(bytes: Uint8Array): {
  readonly partition: Partition;
  readonly rest: Uint8Array;
} {
  const reader = new CborReader(bytes);
  const parts = reader.readArrayHeader();
  const kind = reader.readText();
  const isOne = parts === 1 && (kind === "app" || kind === "base" || kind === "items");
  const isOfAccount = parts === 2 && (kind === "vendor" || kind === "contract");
  if (!isOne && !(isOfAccount && reader.readBytes().length === ADDRESS_BYTES))
    throw new LhgError("partition.unknown", "is no partition", "partition");
  const id = bytes.slice(0, reader.offset);
  return { partition: { id, name: toHex(id) }, rest: bytes.subarray(reader.offset) };
}
