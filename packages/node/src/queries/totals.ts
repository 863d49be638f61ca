import { BASE, vendorPartition } from "@lhg/protocol/core/state/partition";
import { countDevices } from "@lhg/protocol/modules/identity/devices";
import { countVendors, getVendorByOrder } from "@lhg/protocol/modules/identity/vendors";
import type { QueryContext } from "./context.ts";
import type { TotalsView } from "./views.ts";

/** Vendors counted one by one; of more than these the rest is left out. */
const VENDORS_COUNTED_MAX = 2_000;

/** How much there is on the chain, at its head. */
export function getTotals({ state, head }: QueryContext, _args: object): TotalsView {
  const vendors = countVendors(state);
  let devices = 0;
  let statements = state.getPartitionRecord(state, BASE)?.size ?? 0;
  for (let order = 0; order < Math.min(vendors, VENDORS_COUNTED_MAX); order++) {
    const vendor = getVendorByOrder(state, order);
    if (vendor === undefined) continue;
    devices += countDevices(state, vendor);
    statements += state.getPartitionRecord(state, vendorPartition(vendor))?.size ?? 0;
  }
  return { height: head.height, vendors, devices, statements };
}
