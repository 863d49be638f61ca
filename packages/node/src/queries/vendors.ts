import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { StateReader } from "@lhg/protocol/core/state/overlay";
import { BASE } from "@lhg/protocol/core/state/partition";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { getGroupOf } from "@lhg/protocol/modules/groups/groups";
import { countDevices } from "@lhg/protocol/modules/identity/devices";
import {
  ADMITTED,
  countVendors,
  findHolder,
  getVendor,
  getVendorByOrder,
  vendorKey,
} from "@lhg/protocol/modules/identity/vendors";
import { getCredits } from "@lhg/protocol/modules/token/token";
import { getNextCaptureSeq } from "@lhg/protocol/modules/trace/capture";
import { openState, type ProofArgs, proveIfAsked } from "./accounts.ts";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex } from "./paging.ts";
import type { Page, VendorView } from "./views.ts";

function viewVendor(state: StateReader, height: number, address: Uint8Array): VendorView {
  const vendor = getVendor(state, address);
  if (vendor === undefined)
    throw new LhgError("vendor.not-found", "no vendor of this address was admitted", "vendor");
  return {
    height,
    vendor: toHex(address),
    name: vendor.name,
    prefixes: [...vendor.prefixes],
    standing: vendor.standing === ADMITTED ? "admitted" : "expelled",
    version: vendor.version,
    order: vendor.order,
    credits: getCredits(state, address),
    nextCaptureSeq: getNextCaptureSeq(state, address),
    devices: countDevices(state, address),
    group: getGroupOf(state, address) ?? null,
  };
}

export function getVendorView(
  context: QueryContext,
  args: ProofArgs & { readonly vendor: string },
): VendorView {
  const address = readHex(args.vendor, 20, "vendor");
  const { state, height } = openState(context, args);
  return {
    ...viewVendor(state, height, address),
    ...proveIfAsked(context, args, BASE, vendorKey(address)),
  };
}

/** In order of admission. */
export function listVendors(context: QueryContext, args: PageArgs): Page<VendorView> {
  const paging = openPage(context, "listVendors", args, NUMBER_BYTES);
  const { state, head } = context;
  return pageNumbers(paging, { first: 0, last: countVendors(state) - 1, step: 1 }, (order) => {
    const address = getVendorByOrder(state, order);
    return address === undefined ? undefined : viewVendor(state, head.height, address);
  });
}

export interface HolderView {
  readonly identity: string;
  readonly prefix: string;
  readonly vendor: VendorView;
}

/** The vendor under whose granted prefix an identifier lies. Throws `identity.*`, `holder.not-found`. */
export function getHolder(context: QueryContext, { id }: { readonly id: string }): HolderView {
  const identity = canonicalIdentity(id, "id");
  const found = findHolder(context.state, identity);
  if (found === undefined) throw new LhgError("holder.not-found", "nobody was granted this namespace", "id");
  const vendor = viewVendor(context.state, context.head.height, found.vendor);
  return { identity: identity.key, prefix: found.prefix, vendor };
}
