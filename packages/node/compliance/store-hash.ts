/** One name for all that a store holds of a chain. */
import { createHash } from "node:crypto";
import { toHex } from "@lhg/protocol/core/bytes";
import { CERTIFIED_KEY, keptHeaderKey } from "../src/blocks/store-keys.ts";
import type { Store } from "../src/store/store.ts";

const KEPT_HEADERS = keptHeaderKey(0)[0]!;
const CERTIFIED = toHex(CERTIFIED_KEY);

/** Leaves out what comes after its block, when it comes: certified headers, and how far they reach. */
export async function hashStore(store: Store): Promise<string> {
  const hash = createHash("sha256");
  for await (const { key, value } of store.iterate({})) {
    if (key[0] === KEPT_HEADERS || toHex(key) === CERTIFIED) continue;
    hash.update(`${key.length},${value.length};`).update(key).update(value);
  }
  return hash.digest("hex");
}
