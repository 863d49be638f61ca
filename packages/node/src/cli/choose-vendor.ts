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

/**
 * The items that decide who captures and that none of the vendors may commission: those that are brought into being, or
 * all where none is and none is the vendors'.
 */
export function findForeignItems(
  vendors: readonly DevVendorAccount[],
  events: readonly Pick<CapturedEvent, "event">[],
): string[] {
  const all = events.flatMap(({ event }) => event.items.map((item) => ({ event, item })));
  const commissioned = all.filter(({ event, item }) => isCommissioned(event, item));
  const isForeign = ({ item }: { readonly item: Item }): boolean =>
    !vendors.some(({ prefixes }) => prefixes.some((prefix) => matchesPrefix(item, prefix)));
  if (commissioned.length === 0 && !all.every(isForeign)) return [];
  const deciding = commissioned.length === 0 ? all : commissioned;
  return [...new Set(deciding.filter(isForeign).map(({ item }) => item.key))];
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
