/** Devices: a directory in base says whose they are, their records stand in their vendor's partition. */
import { type Address, address, publicKey } from "../../core/account.ts";
import { array, type Infer, nullable, record, text, uint } from "../../core/codec/definition.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { BASE, vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { IDENTITY_MODULE } from "./messages.ts";

/** Keys a device had before, newest first; they may only fill gaps. */
export const PREVIOUS_KEYS_MAX = 8;

export const deviceRecord = record(1, {
  key: publicKey,
  previousKeys: array(publicKey, { max: PREVIOUS_KEYS_MAX }),
  model: text({ min: 1, max: 128 }),
  capabilities: array(text({ min: 1, max: 64 }), { max: 32 }),
  registeredAtHeight: uint(),
  revokedFromHeight: nullable(uint()),
  creditsPerDayMax: nullable(uint()),
  order: uint(),
});
export type Device = Infer<typeof deviceRecord>;

const owners = defineTable<[Address], { vendor: Address }>(
  "device directory",
  IDENTITY_MODULE,
  16,
  record(1, { vendor: address }),
);
const devices = defineTable<[Address], Device>("device", IDENTITY_MODULE, 17, deviceRecord);
const devicesByOrder = defineTable<[number], { device: Address }>(
  "device by order",
  IDENTITY_MODULE,
  18,
  record(1, { device: address }),
);
const counters = defineTable<[], { devices: number }>(
  "device count",
  IDENTITY_MODULE,
  19,
  record(1, { devices: uint() }),
);

export interface OwnedDevice {
  readonly vendor: Address;
  readonly device: Device;
}

export function getDevice(state: StateReader, id: Address): OwnedDevice | undefined {
  const vendor = owners.get(state, BASE, id)?.vendor;
  if (vendor === undefined) return undefined;
  const device = devices.get(state, vendorPartition(vendor), id);
  return device === undefined ? undefined : { vendor, device };
}

export function setDevice(state: StateAccess, vendor: Address, id: Address, value: Device): void {
  devices.set(state, vendorPartition(vendor), value, id);
}

export function deviceKey(id: Address): Uint8Array {
  return devices.key(id);
}

export function addDevice(
  state: StateAccess,
  vendor: Address,
  id: Address,
  value: Omit<Device, "order">,
): void {
  const partition = vendorPartition(vendor);
  const order = countDevices(state, vendor);
  owners.set(state, BASE, { vendor }, id);
  devices.set(state, partition, { ...value, order }, id);
  devicesByOrder.set(state, partition, { device: id }, order);
  counters.set(state, partition, { devices: order + 1 });
}

export function countDevices(state: StateReader, vendor: Address): number {
  return counters.get(state, vendorPartition(vendor))?.devices ?? 0;
}

export function getDeviceByOrder(state: StateReader, vendor: Address, order: number): Address | undefined {
  return devicesByOrder.get(state, vendorPartition(vendor), order)?.device;
}
