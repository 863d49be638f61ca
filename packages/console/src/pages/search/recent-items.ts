/** Items that the newest events name: what a page can offer where the chain lists events by item only. */
import type { EventSummary } from "@lhg/sdk/client/types";
import { readIdentity } from "../../words/identity.ts";

export interface RecentItem {
  readonly identity: string;
  /** The newest event that names it. */
  readonly event: EventSummary;
}

/** Of events newest first, each item once. */
export function listItems(
  events: readonly EventSummary[],
  isWanted: (identity: string) => boolean,
  countMax: number,
): RecentItem[] {
  const found = new Map<string, RecentItem>();
  for (const event of events)
    for (const { identity } of event.items) {
      if (found.size === countMax) return [...found.values()];
      if (!found.has(identity) && isWanted(identity)) found.set(identity, { identity, event });
    }
  return [...found.values()];
}

/** Keys whose serial stands behind the check digit without a name of its own: GDTI, GCN and GRAI. */
const SERIAL_BEHIND = /^https:\/\/id\.gs1\.org\/(?:253|255|8003)\//;

/** Whether an identity is a serial or a lot of a kind of things; both canonical. */
export function isOfKind(identity: string, kind: string): boolean {
  const start = SERIAL_BEHIND.test(kind) ? kind : `${kind}/`;
  return identity.length > start.length && identity.startsWith(start);
}

/** Of a shorter text, only what is equal is meant. */
const PART_LENGTH_MIN = 4;

/** Whether a text is the serial, the lot or the number of an item, or a part of one that is long enough. */
export function isPartOf(text: string, identity: string): boolean {
  const wanted = text.trim().toLowerCase();
  const digits = wanted.replaceAll(/[ -]/g, "");
  const number = /^[0-9]+$/.test(digits) ? digits : wanted;
  const { value, serial, lot, extension } = readIdentity(identity);
  return [serial, lot, value, extension].some((part) => {
    const has = part?.toLowerCase();
    if (has === undefined || wanted === "") return false;
    if (has === wanted || withoutZeros(has) === withoutZeros(number)) return true;
    return wanted.length >= PART_LENGTH_MIN && (has.includes(wanted) || has.includes(number));
  });
}

/** GTINs are printed with 8, 12 and 13 digits and kept with 14. */
function withoutZeros(text: string): string {
  return /^[0-9]{8,}$/.test(text) ? text.replace(/^0+/, "") : text;
}
