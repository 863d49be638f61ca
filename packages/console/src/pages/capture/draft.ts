/** What a clerk has entered so far. It survives a reload of the tab; keys are no part of it. */
import { forget, recall, remember } from "../../signing/tab-memory.ts";

/** What can have happened, in the order of the menu. */
export const HAPPENINGS = [
  "made",
  "packed",
  "unpacked",
  "shipped",
  "received",
  "inspected",
  "transformed",
  "sold",
  "destroyed",
  "free",
] as const;
export type Happening = (typeof HAPPENINGS)[number];

export interface Draft {
  readonly happening: Happening;
  /** Keys, one a line; after a semicolon quantity and unit. */
  readonly items: string;
  /** What came out of a transformation, written alike. */
  readonly outputs: string;
  readonly container: string;
  readonly place: string;
  /** As `<input type="datetime-local">` has it; empty: now. */
  readonly time: string;
  /** Address of the vendor that is to have the things, in hex. */
  readonly partner: string;
  /** Names that vendor in the event. */
  readonly party: string;
  readonly result: string;
  readonly action: "ADD" | "OBSERVE" | "DELETE";
  readonly bizStep: string;
  readonly disposition: string;
}

export type DraftField = keyof Draft;

export const EMPTY_DRAFT: Draft = {
  happening: "made",
  items: "",
  outputs: "",
  container: "",
  place: "",
  time: "",
  partner: "",
  party: "",
  result: "conformant",
  action: "OBSERVE",
  bizStep: "",
  disposition: "",
};

const KEY = "lhg-capture-draft";

export function recallDraft(): Draft {
  const kept = recall<Partial<Record<DraftField, unknown>>>(KEY);
  const draft: Record<string, string> = { ...EMPTY_DRAFT };
  for (const [name, value] of Object.entries(kept ?? {}))
    if (name in EMPTY_DRAFT && typeof value === "string") draft[name] = value;
  const read = draft as unknown as Draft;
  return HAPPENINGS.includes(read.happening) ? read : { ...read, happening: "made" };
}

export function rememberDraft(draft: Draft): void {
  remember(KEY, draft);
}

export function forgetDraft(): void {
  forget(KEY);
}
