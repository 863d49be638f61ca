/** The console's pages: one row each. A new page is one folder below `pages` and one row here. */
import { type ComponentType, type LazyExoticComponent, lazy } from "react";
import type { Strings } from "../strings/en.ts";

export interface Section {
  /** Below /console. */
  readonly path: string;
  /** Its entry in the menu; pages without one are reached from others. */
  readonly label?: keyof Strings["sections"];
  /** Also on the bar at the bottom of a phone. */
  readonly isPrimary?: boolean;
  readonly page: LazyExoticComponent<ComponentType>;
}

const load = (
  path: string,
  importPage: () => Promise<{ default: ComponentType }>,
): Pick<Section, "path" | "page"> => ({
  path,
  page: lazy(importPage),
});

export const SECTIONS: readonly Section[] = [
  { ...load("/", () => import("../pages/overview/overview.tsx")), label: "overview", isPrimary: true },
  { ...load("/scan", () => import("../pages/scan/scan.tsx")), label: "scan", isPrimary: true },
  { ...load("/capture", () => import("../pages/capture/capture.tsx")), label: "capture", isPrimary: true },
  { ...load("/files", () => import("../pages/files/files.tsx")), label: "files" },
  { ...load("/labels", () => import("../pages/labels/labels.tsx")) },
];
