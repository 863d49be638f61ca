/**
 * Every word the console shows, by place. A translation is another object of this shape: functions take what stands in
 * the sentence, so that each language puts it where it belongs.
 */
import { actions } from "./en-actions.ts";
import { chain } from "./en-chain.ts";
import { item, recall, verdict } from "./en-item.ts";

export const en = {
  ...actions,
  ...chain,
  sections: {
    overview: "Overview",
    scan: "Scan",
    items: "Items",
    recall: "Recall",
    capture: "Capture",
    files: "Files",
    vendors: "Vendors",
    devices: "Devices",
    blocks: "Blocks",
    statements: "Statements",
    node: "Node",
  },
  search: {
    label: "Search",
    placeholder: "Item, serial, address, statement, block…",
  },
  state: {
    loading: "Loading…",
    empty: "Nothing here yet.",
    retry: "Try again",
    failed: "This could not be shown.",
    missing: "There is no such thing on this chain.",
  },
  item,
  recall,
  verdict,
} as const;

/** What a translation has to give: the same keys, other words. */
export type Strings = Widen<typeof en>;
type Widen<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Widen<T[K]> };
