/** What a recall has to find: the items that a bad one went into, what became of them and where they are now. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ItemState, TraceProof } from "../../verify/messages.ts";
import { isCarrier } from "../../words/identity.ts";
import { type Custody, findCustody } from "../items/custody.ts";
import { type GeoPoint, placeName, pointOf } from "../items/places.ts";

export type Status = "sold" | "transit" | "held" | "gone" | "stock" | "left";

export interface Affected {
  readonly identity: string;
  readonly status: Status;
  readonly custody: Custody;
  /** The newest step of the item, or of the container that it stands in. */
  readonly last: TracedEvent | undefined;
  readonly place: string | null;
  readonly point: GeoPoint | undefined;
}

/**
 * Of a proven trace forward: what nothing else was made of. Containers only carry, parts stand in what they were built
 * into; of a lot that was used the rest counts.
 */
export function findAffected(asked: string, { verdict, states }: TraceProof): Affected[] {
  const byIdentity = new Map(states.map((state) => [state.identity, state]));
  const reached = new Set(verdict.items.map(({ identity }) => identity));
  const steps = indexSteps(verdict.events);
  const { used, carriers } = sortOut(verdict.events);
  const all = [...reached].flatMap((identity): Affected[] => {
    const state = byIdentity.get(identity);
    const own = steps.get(identity) ?? [];
    if (identity !== asked && (isCarrier(identity) || carriers.has(identity))) return [];
    if (state?.parents.some((parent) => !parent.isAggregation && reached.has(parent.identity ?? "")))
      return [];
    const isUsed = used.has(identity);
    if (isUsed && !hasLeft(state)) return [];
    const last = findLast(identity, byIdentity, steps);
    const status = isUsed ? "left" : judgeStatus(state, last, own);
    return [
      {
        identity,
        status,
        custody: findCustody(identity, byIdentity),
        last,
        place: last === undefined ? null : placeName(last.event),
        point: last === undefined ? undefined : pointOf(last.event),
      },
    ];
  });
  const others = all.filter(({ identity, status }) => identity !== asked || status === "left");
  return others.length > 0 ? others : all;
}

/** Steps of every item by claimed time; what was taken back is none. */
function indexSteps(events: readonly TracedEvent[]): Map<string, TracedEvent[]> {
  const steps = new Map<string, TracedEvent[]>();
  for (const traced of events) {
    if (traced.isRetracted || traced.flags.includes("correction")) continue;
    for (const identity of new Set(traced.event.items.map((item) => item.identity))) {
      const held = steps.get(identity);
      if (held === undefined) steps.set(identity, [traced]);
      else held.push(traced);
    }
  }
  return steps;
}

function sortOut(events: readonly TracedEvent[]): { used: Set<string>; carriers: Set<string> } {
  const used = new Set<string>();
  const carriers = new Set<string>();
  const made = new Set<string>();
  for (const { event, isRetracted } of events) {
    if (isRetracted) continue;
    for (const { identity, role } of event.items) {
      if (role === "input") used.add(identity);
      if (role === "output") made.add(identity);
      if (role === "parent" && event.type === "AggregationEvent") carriers.add(identity);
    }
  }
  return { used, carriers: new Set([...carriers].filter((identity) => !made.has(identity))) };
}

function hasLeft(state: ItemState | undefined): boolean {
  return state?.quantities.some((quantity) => Number.parseFloat(quantity) > 0) ?? false;
}

/** An outsider's word counts only where there is no other. */
function newest(steps: readonly TracedEvent[]): TracedEvent | undefined {
  return steps.findLast(({ log }) => log !== "observation") ?? steps.at(-1);
}

function findLast(
  identity: string,
  states: ReadonlyMap<string, ItemState>,
  steps: ReadonlyMap<string, readonly TracedEvent[]>,
): TracedEvent | undefined {
  const seen = new Set<string>();
  let last: TracedEvent | undefined;
  for (let at: string | null | undefined = identity; typeof at === "string" && !seen.has(at); ) {
    seen.add(at);
    const found = newest(steps.get(at) ?? []);
    if (found !== undefined && (last === undefined || timeOf(found) > timeOf(last))) last = found;
    at = states.get(at)?.parents.find(({ isAggregation }) => isAggregation)?.identity;
  }
  return last;
}

export function timeOf({ event }: TracedEvent): number {
  return Date.parse(event.eventTime);
}

const SOLD = /-(?:retail_selling|dispensing|retail_sold|dispensed)$/;
const GONE = /-(?:decommissioning|destroying|destroyed|disposed)$/;
const TRANSIT = /-(?:shipping|departing|transporting|loading|in_transit)$/;
const HELD = /-(?:holding|recalled|non_sellable_other|non_conformant)$/;

function judgeStatus(
  state: ItemState | undefined,
  last: TracedEvent | undefined,
  own: readonly TracedEvent[],
): Status {
  const said = (step: TracedEvent | undefined, pattern: RegExp): boolean =>
    pattern.test(step?.event.bizStep ?? "") || pattern.test(step?.event.disposition ?? "");
  if (state?.isEnded === true || said(last, GONE)) return "gone";
  if (said(last, SOLD) || said(newest(own), SOLD)) return "sold";
  if (said(last, HELD)) return "held";
  if (state?.pending !== null && state?.pending !== undefined) return "transit";
  return said(last, TRANSIT) ? "transit" : "stock";
}

export interface Origin {
  readonly identity: string;
  readonly depth: number;
  /** Who recorded it first, and when. */
  readonly first: TracedEvent | undefined;
}

/** Of a proven trace back: what the item came from, nearest first. */
export function findOrigins(asked: string, { verdict }: TraceProof): Origin[] {
  const steps = indexSteps(verdict.events);
  const { carriers } = sortOut(verdict.events);
  return verdict.items
    .filter(({ identity }) => identity !== asked && !isCarrier(identity) && !carriers.has(identity))
    .map(({ identity, depth }) => ({ identity, depth, first: steps.get(identity)?.[0] }))
    .sort((a, b) => a.depth - b.depth);
}
