/** Affected items by who has them and where. */

import type { Vendors } from "../../verify/use-vendors.ts";
import { findHolder } from "../items/custody.ts";
import type { GeoPoint } from "../items/places.ts";
import type { Affected, Status } from "./affected.ts";

export interface Located extends Affected {
  /** Hex; undefined: nobody that this answer knows. */
  readonly vendor: string | undefined;
}

export interface Group {
  readonly key: string;
  readonly vendor: string | undefined;
  readonly place: string | null;
  readonly point: GeoPoint | undefined;
  readonly items: readonly Located[];
  readonly statuses: ReadonlyMap<Status, number>;
}

export function locate(affected: readonly Affected[], vendors: Vendors): Located[] {
  const holders = new Map<string, string | undefined>();
  return affected.map((item) => {
    const { custody } = item;
    if (custody.kind === "vendor") return { ...item, vendor: custody.vendor };
    if (custody.kind === "unknown") return { ...item, vendor: undefined };
    if (!holders.has(custody.identity)) holders.set(custody.identity, findHolder(custody.identity, vendors));
    return { ...item, vendor: holders.get(custody.identity) };
  });
}

/** The largest first. */
export function groupItems(items: readonly Located[]): Group[] {
  const groups = new Map<string, Located[]>();
  for (const item of items) {
    const key = JSON.stringify([item.vendor ?? null, item.place]);
    const held = groups.get(key);
    if (held === undefined) groups.set(key, [item]);
    else held.push(item);
  }
  return [...groups]
    .map(([key, held]) => ({
      key,
      vendor: held[0]!.vendor,
      place: held[0]!.place,
      point: held.find(({ point }) => point !== undefined)?.point,
      items: held,
      statuses: countStatuses(held),
    }))
    .sort((a, b) => b.items.length - a.items.length);
}

export function countStatuses(items: readonly Affected[]): Map<Status, number> {
  const counts = new Map<Status, number>();
  for (const { status } of items) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}
