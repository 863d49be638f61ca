/** The console's pages: one row each. A new page is one folder below `pages` and one row here. */
import { type ComponentType, type LazyExoticComponent, lazy } from "react";
import type { Strings } from "../strings/en.ts";
import type { IconName } from "./icons.tsx";

/** What the menu shows of a page. */
export interface Entry {
  readonly label: keyof Strings["sections"];
  readonly icon: IconName;
  readonly group: keyof Strings["groups"];
  /** Also on the bar at the bottom of a phone, which has room for four. */
  readonly isPrimary?: boolean;
}

export interface Section {
  /** Below /console. */
  readonly path: string;
  /** Pages without one are reached from others. */
  readonly entry?: Entry;
  readonly page: LazyExoticComponent<ComponentType>;
}

const load = (
  path: string,
  importPage: () => Promise<{ default: ComponentType }>,
): Pick<Section, "path" | "page"> => ({
  path,
  page: lazy(importPage),
});

const LOOK: readonly Section[] = [
  {
    ...load("/", () => import("../pages/overview/overview.tsx")),
    entry: { label: "overview", icon: "overview", group: "look", isPrimary: true },
  },
  {
    ...load("/items", () => import("../pages/items/items.tsx")),
    entry: { label: "items", icon: "items", group: "look", isPrimary: true },
  },
  {
    ...load("/recall", () => import("../pages/recall/recall.tsx")),
    entry: { label: "recall", icon: "recall", group: "look" },
  },
  {
    ...load("/scan", () => import("../pages/scan/scan.tsx")),
    entry: { label: "scan", icon: "scan", group: "look", isPrimary: true },
  },
  load("/labels", () => import("../pages/labels/labels.tsx")),
];

const ACT: readonly Section[] = [
  {
    ...load("/capture", () => import("../pages/capture/capture.tsx")),
    entry: { label: "capture", icon: "capture", group: "act", isPrimary: true },
  },
];

const CHAIN: readonly Section[] = [
  {
    ...load("/vendors", () => import("../pages/vendors/vendors.tsx")),
    entry: { label: "vendors", icon: "vendors", group: "chain" },
  },
  load("/vendors/:address", () => import("../pages/vendors/vendor.tsx")),
  {
    ...load("/devices", () => import("../pages/devices/devices.tsx")),
    entry: { label: "devices", icon: "devices", group: "chain" },
  },
  load("/devices/:address", () => import("../pages/devices/device.tsx")),
  {
    ...load("/blocks", () => import("../pages/blocks/blocks.tsx")),
    entry: { label: "blocks", icon: "blocks", group: "chain" },
  },
  load("/blocks/:height", () => import("../pages/blocks/block.tsx")),
  {
    ...load("/statements", () => import("../pages/statements/statements.tsx")),
    entry: { label: "statements", icon: "statements", group: "chain" },
  },
  load("/statements/:id", () => import("../pages/statements/statement.tsx")),
];

const NODE: readonly Section[] = [
  {
    ...load("/node", () => import("../pages/node/node.tsx")),
    entry: { label: "node", icon: "node", group: "node" },
  },
];

const OTHERS: readonly Section[] = [load("/search", () => import("../pages/search/search.tsx"))];

export const SECTIONS: readonly Section[] = [...LOOK, ...ACT, ...CHAIN, ...NODE, ...OTHERS];
