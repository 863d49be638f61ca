/** Partitions by the names that people use: `base`, `items`, `vendor:<address>`, `contract:<address>`. */

import { ADDRESS_BYTES } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { decodeCbor } from "@lhg/protocol/core/codec/cbor";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import {
  BASE,
  contractPartition,
  ITEMS,
  type Partition,
  vendorPartition,
} from "@lhg/protocol/core/state/partition";
import { readHex } from "./paging.ts";

export function parsePartition(name: string): Partition {
  if (name === "base") return BASE;
  if (name === "items") return ITEMS;
  const [kind, account = "", ...rest] = name.split(":");
  if (rest.length > 0 || (kind !== "vendor" && kind !== "contract"))
    throw new LhgError(
      "partition.invalid",
      "must be base, items, vendor:<address> or contract:<address>",
      "partition",
    );
  const address = readHex(account, ADDRESS_BYTES, "partition");
  return kind === "vendor" ? vendorPartition(address) : contractPartition(address);
}

export function partitionOf(id: Uint8Array): Partition {
  return { id, name: toHex(id) };
}

export function partitionName(id: Uint8Array): string {
  const parts = decodeCbor(id);
  assertInvariant(Array.isArray(parts), "a partition id is a list");
  const [kind, account] = parts;
  return account instanceof Uint8Array ? `${kind}:${toHex(account)}` : String(kind);
}
