/** Everybody who signs in this world. */
import { FLEET } from "./fleet.ts";
import { type Account, openAccount } from "./keys.ts";
import { keyOf, type Memory } from "./memory.ts";
import { VENDOR_IDS, type VendorId } from "./vendors.ts";

export interface Accounts {
  readonly vendors: Readonly<Record<VendorId, Account>>;
  /** By the name of the device. */
  readonly devices: ReadonlyMap<string, Account>;
}

export function openAccounts({ vendors, devices }: Memory): Accounts {
  const opened = VENDOR_IDS.map((id) => [id, openAccount(keyOf(vendors, id))] as const);
  return {
    vendors: Object.fromEntries(opened) as Record<VendorId, Account>,
    devices: new Map(FLEET.map(({ name }) => [name, openAccount(keyOf(devices, name))])),
  };
}
