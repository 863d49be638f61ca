/** The console's own pictures: lines on a grid of 24, in the colour of the text. Words stand beside them, so they are hidden from readers. */
import type { ReactNode } from "react";

const SHAPES = {
  overview: "M3 13h7V3H3zM14 21h7V11h-7zM14 7h7V3h-7zM3 21h7v-4H3z",
  items: "M12 3 4 7v10l8 4 8-4V7zM4 7l8 4 8-4M12 11v10",
  recall: "M12 3 2.5 20h19zM12 10v4M12 17.2v.1",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16",
  files: "M6 3h8l5 5v13H6zM14 3v5h5M9 13h7M9 17h5",
  capture: "M12 20h9M4 20l1-4.5L16.5 4a2 2 0 0 1 3 0l.5.5a2 2 0 0 1 0 3L8.5 19z",
  vendors: "M4 21V9l8-6 8 6v12zM9 21v-7h6v7",
  devices: "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
  blocks: "M3 8h7v8H3zM14 8h7v8h-7zM10 12h4",
  statements: "M5 4h14v16H5zM8.5 9h7M8.5 13h7M8.5 17h3",
  node: "M4 4h16v6H4zM4 14h16v6H4zM8 7v.1M8 17v.1",
  more: "M4 7h16M4 12h16M4 17h16",
  docs: "M12 6C9.5 4.5 6.5 4 3 4v14c3.5 0 6.5.5 9 2 2.5-1.5 5.5-2 9-2V4c-3.5 0-6.5.5-9 2zM12 6v14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  light:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  system: "M3 4h18v12H3zM9 20h6M12 16v4",
  close: "M5 5l14 14M19 5 5 19",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={SHAPES[name]} />
    </svg>
  );
}
