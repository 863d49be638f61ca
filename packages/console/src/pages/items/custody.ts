/** Who answers for an item now, by the records that the answer proves (trace/README.md, "Whose word counts"). */
import { canonicalIdentity, matchesPrefix } from "@lhg/protocol/epcis/identity";
import type { ItemState } from "../../verify/messages.ts";
import type { Vendors } from "../../verify/use-vendors.ts";

export type Custody =
  | { readonly kind: "vendor"; readonly vendor: string }
  /** Whoever holds the number range of this identity. */
  | { readonly kind: "holder"; readonly identity: string }
  /** Of a container that is not part of the answer. */
  | { readonly kind: "unknown" };

export function findCustody(identity: string, states: ReadonlyMap<string, ItemState>): Custody {
  const seen = new Set<string>();
  for (let at = identity; ; ) {
    const state = states.get(at);
    if (state === undefined || seen.has(at)) return { kind: "unknown" };
    seen.add(at);
    const container = state.parents.find(({ isAggregation }) => isAggregation);
    if (container === undefined)
      return state.custodian === null
        ? { kind: "holder", identity: at }
        : { kind: "vendor", vendor: state.custodian };
    if (container.identity === null) return { kind: "unknown" };
    at = container.identity;
  }
}

/** The company whose proven prefix covers the identity, the longest first; undefined: none of these. */
export function findHolder(identity: string, vendors: Vendors): string | undefined {
  const canonical = canonicalIdentity(identity, "identity");
  let found: { readonly vendor: string; readonly prefix: string } | undefined;
  for (const { vendor, prefixes, isProven } of vendors.values())
    for (const prefix of isProven ? prefixes : [])
      if (matchesPrefix(canonical, prefix) && prefix.length > (found?.prefix.length ?? 0))
        found = { vendor, prefix };
  return found?.vendor;
}
