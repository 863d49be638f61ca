import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { vendorPartition } from "@lhg/protocol/core/state/partition";
import {
  countDevices,
  deviceKey,
  getDevice,
  getDeviceByOrder,
  type OwnedDevice,
} from "@lhg/protocol/modules/identity/devices";
import { openState, type ProofArgs, proveIfAsked } from "./accounts.ts";
import type { QueryContext } from "./context.ts";
import { accountPrefix, decodeEntry, decodePlace } from "./index-format.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex, scanAfter } from "./paging.ts";
import { viewKey } from "./statements.ts";
import { readBlock } from "./stored.ts";
import type { DeviceView, Page } from "./views.ts";

function viewDevice(height: number, id: Uint8Array, { vendor, device }: OwnedDevice): DeviceView {
  return {
    height,
    device: toHex(id),
    vendor: toHex(vendor),
    key: viewKey(device.key),
    previousKeys: device.previousKeys.map(viewKey),
    model: device.model,
    capabilities: [...device.capabilities],
    registeredAtHeight: device.registeredAtHeight,
    revokedFromHeight: device.revokedFromHeight,
    creditsPerDayMax: device.creditsPerDayMax,
  };
}

/** The newest collection of a device, by the order of the chain, where this node keeps it. */
async function findLastSeen(
  context: QueryContext,
  id: Uint8Array,
): Promise<{ lastSeen?: NonNullable<DeviceView["lastSeen"]> }> {
  const prefix = accountPrefix(id, "collection");
  const [newest] = await scanAfter(context.store, prefix, undefined, 1);
  if (newest === undefined) return {};
  const { height } = decodePlace(newest.key.subarray(prefix.length));
  const block = readBlock(context, height);
  if (block === undefined) return {};
  const { timeMs } = block.header;
  return { lastSeen: { height, timeMs, statementId: toHex(decodeEntry(newest.value).id) } };
}

/** Throws `device.not-found`. */
export async function getDeviceView(
  context: QueryContext,
  args: ProofArgs & { readonly device: string },
): Promise<DeviceView> {
  const id = readHex(args.device, 20, "device");
  const { state, height } = openState(context, args);
  const owned = getDevice(state, id);
  if (owned === undefined)
    throw new LhgError("device.not-found", "no device of this address is registered", "device");
  return {
    ...viewDevice(height, id, owned),
    ...(await findLastSeen(context, id)),
    ...proveIfAsked(context, args, vendorPartition(owned.vendor), deviceKey(id)),
  };
}

/** A vendor's devices, newest first. */
export async function listDevices(
  context: QueryContext,
  args: PageArgs & { readonly vendor: string },
): Promise<Page<DeviceView>> {
  const paging = openPage(context, "listDevices", args, NUMBER_BYTES);
  const vendor = readHex(args.vendor, 20, "vendor");
  const { state, head } = context;
  const page = pageNumbers(paging, { first: countDevices(state, vendor) - 1, last: 0, step: -1 }, (order) => {
    const id = getDeviceByOrder(state, vendor, order);
    const owned = id === undefined ? undefined : getDevice(state, id);
    return id === undefined || owned === undefined
      ? undefined
      : { id, view: viewDevice(head.height, id, owned) };
  });
  const items = await Promise.all(
    page.items.map(async ({ id, view }) => ({ ...view, ...(await findLastSeen(context, id)) })),
  );
  return { ...page, items };
}
