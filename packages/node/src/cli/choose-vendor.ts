/** Which development vendor captures a document: the one that may commission what it commissions. */

import { LhgError } from "@lhg/protocol/core/errors";
import type { EpcisEvent } from "@lhg/protocol/epcis/event-model";
import { matchesPrefix } from "@lhg/protocol/epcis/identity";
import type { CapturedEvent } from "@lhg/sdk/capture/build";
import type { DevVendorAccount } from "./dev-keys.ts";

type Item = EpcisEvent["items"][number];

function isCommissioned({ type, action }: EpcisEvent, { role }: Item): boolean {
  return role === "output" || (type === "ObjectEvent" && action === "ADD" && role === "epc");
}

/** Throws `vendor.ambiguous` where the document brings items of several vendors into being: no one may capture it whole. */
export function chooseVendor(
  vendors: readonly DevVendorAccount[],
  events: readonly Pick<CapturedEvent, "event">[],
): DevVendorAccount {
  const items = events.flatMap(({ event }) => event.items.map((item) => ({ event, item })));
  const isOwn = (vendor: DevVendorAccount, item: Item): boolean =>
    vendor.prefixes.some((prefix) => matchesPrefix(item, prefix));
  const commissioned = items.filter(({ event, item }) => isCommissioned(event, item));
  const able = vendors.filter((vendor) =>
    commissioned.every(({ item }) => isOwn(vendor, item) || !vendors.some((other) => isOwn(other, item))),
  );
  const [first, ...others] = able.map((vendor) => ({
    vendor,
    own: items.filter(({ item }) => isOwn(vendor, item)).length,
  }));
  if (first === undefined)
    throw new LhgError(
      "vendor.ambiguous",
      "commissions items of several vendors: cut it by vendor, or name one with --vendor",
      "$",
    );
  return others.reduce((best, next) => (next.own > best.own ? next : best), first).vendor;
}
