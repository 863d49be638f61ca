/** Accounts in the base partition: who may sign for an address, and how nonces run. */
import { type Address, account, deriveAddress } from "./account.ts";
import { equalBytes } from "./bytes.ts";
import type { Infer } from "./codec/definition.ts";
import type { Hasher, PublicKey } from "./crypto.ts";
import { CORE_MODULE } from "./parameters.ts";
import type { StateAccess, StateReader } from "./state/overlay.ts";
import { BASE } from "./state/partition.ts";
import { defineTable } from "./state/table.ts";

export type Account = Infer<typeof account>;
const accounts = defineTable<[Address], Account>("account", CORE_MODULE, 2, account);

const EMPTY: Account = { nonce: 0, balance: 0n, key: null };

export function getAccount(state: StateReader, address: Address): Account {
  return accounts.get(state, BASE, address) ?? EMPTY;
}

export function setAccount(state: StateAccess, address: Address, value: Account): void {
  accounts.set(state, BASE, value, address);
}

export function accountKey(address: Address): Uint8Array {
  return accounts.key(address);
}

export function equalKeys(a: PublicKey, b: PublicKey): boolean {
  return a.alg === b.alg && equalBytes(a.bytes, b.bytes);
}

/** By the key's own bytes, which live as long as the statement they came with. */
const derivedAddresses = new WeakMap<Uint8Array, Address>();

/** The address of a key; undefined when it is no point of its curve. */
function deriveOnce(hasher: Hasher, key: PublicKey): Address | undefined {
  const known = derivedAddresses.get(key.bytes);
  if (known !== undefined) return known;
  try {
    const derived = deriveAddress(hasher, key);
    derivedAddresses.set(key.bytes, derived);
    return derived;
  } catch {
    return undefined;
  }
}

/** Whether `key` signs for `address` now: the stored key, or the key the address was derived from. */
export function isKeyOf(hasher: Hasher, address: Address, held: Account, key: PublicKey): boolean {
  if (held.key !== null) return equalKeys(held.key, key);
  const derived = deriveOnce(hasher, key);
  return derived !== undefined && equalBytes(derived, address);
}
