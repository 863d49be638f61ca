import type { ReactNode } from "react";

const SHOWN_MAX = 160;

/** Text of strangers: cut where it is too long, and kept from turning round the line it stands in. */
export function Text({ value, max = SHOWN_MAX }: { value: string; max?: number }): ReactNode {
  const shown = clampText(value, max);
  return shown === value ? <bdi>{value}</bdi> : <bdi title={value.slice(0, 2_000)}>{shown}</bdi>;
}

/** Control characters show as a box; surrogate pairs stay whole. */
export function clampText(value: string, max = SHOWN_MAX): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  const plain = value.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "▯");
  return plain.length <= max ? plain : `${[...plain.slice(0, max + 1)].slice(0, max).join("")}…`;
}
