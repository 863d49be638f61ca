/** Where a thing was said to be: by events that name it, and by those of the container it stood in. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { isOneThing } from "../../words/identity.ts";
import { distanceKm, type GeoPoint, pointOf } from "./places.ts";

export interface Sighting {
  readonly step: TracedEvent;
  readonly point: GeoPoint;
  readonly timeMs: number;
}

/** Steps that concern the item at all, by claimed time: its own, and those of its containers while it stood in them. */
export function stepsOf(identity: string, events: readonly TracedEvent[]): TracedEvent[] {
  const containers = new Map<string, string>();
  const found: TracedEvent[] = [];
  for (const traced of events) {
    const { event, isRetracted, log } = traced;
    const names = (name: string): boolean => event.items.some((item) => item.identity === name);
    const isOwn = names(identity);
    const isCarried = outermost(containers, identity).some(names);
    if (isOwn || isCarried) found.push(traced);
    if (!isRetracted && log !== "observation") follow(containers, event);
  }
  return found;
}

/**
 * The way of an item on a map: what it came from, then itself. What strangers said of others and what became of its
 * contents later is left to their own pages.
 */
export function wayOf(identity: string, events: readonly TracedEvent[]): TracedEvent[] {
  const own = new Set(stepsOf(identity, events));
  const lastMs = Math.max(...[...own].map(({ event }) => Date.parse(event.eventTime)));
  return events.filter(
    (traced) =>
      own.has(traced) || (traced.log !== "observation" && Date.parse(traced.event.eventTime) <= lastMs),
  );
}

/** The containers of an item, innermost first. Links that lead in a circle end it. */
function outermost(containers: ReadonlyMap<string, string>, identity: string): string[] {
  const found: string[] = [];
  for (let at = containers.get(identity); at !== undefined && !found.includes(at); at = containers.get(at))
    found.push(at);
  return found;
}

function follow(containers: Map<string, string>, { type, action, items }: TracedEvent["event"]): void {
  if (type !== "AggregationEvent") return;
  const parent = items.find(({ role }) => role === "parent")?.identity;
  const children = items.filter(({ role }) => role === "child");
  if (parent === undefined) return;
  if (action !== "DELETE") for (const { identity } of children) containers.set(identity, parent);
  else if (children.length > 0) for (const { identity } of children) containers.delete(identity);
  else for (const [child, held] of containers) if (held === parent) containers.delete(child);
}

export interface Doubt {
  /** `speed`: nothing travels so fast; `elsewhere`: a stranger saw it far from where its custodian has it. */
  readonly reason: "speed" | "elsewhere";
  readonly first: Sighting;
  readonly second: Sighting;
  readonly distanceKm: number;
}

/** A passenger jet, doors to doors. */
const SPEED_KM_H_MAX = 1_000;
/** Towns and the inaccuracy of positions are no travel. */
const DISTANCE_KM_MIN = 100;
const HOUR_MS = 3_600_000;

/** Sightings of one serial that one thing can't explain. Lots and articles may be in many places. */
export function findDoubts(identity: string, events: readonly TracedEvent[]): Doubt[] {
  if (!isOneThing(identity)) return [];
  const sightings = stepsOf(identity, events).flatMap((step): Sighting[] => {
    const point = pointOf(step.event);
    if (point === undefined || step.isRetracted) return [];
    return [{ step, point, timeMs: Date.parse(step.event.eventTime) }];
  });
  const doubts: Doubt[] = [];
  let held: Sighting | undefined;
  let wasSold = false;
  for (const [i, second] of sightings.entries()) {
    const before = sightings[i - 1];
    const isStranger = second.step.log === "observation";
    const tooFast = before === undefined ? undefined : judgeSpeed(before, second);
    if (tooFast !== undefined) doubts.push(tooFast);
    else if (isStranger && held !== undefined && !wasSold) {
      const apart = distanceKm(held.point, second.point);
      if (apart >= DISTANCE_KM_MIN)
        doubts.push({ reason: "elsewhere", first: held, second, distanceKm: apart });
    }
    if (!isStranger) held = second;
    // What was sold goes where its buyer goes.
    if (!isStranger)
      wasSold = wasSold || /-(?:retail_selling|dispensing)$/.test(second.step.event.bizStep ?? "");
  }
  return doubts;
}

function judgeSpeed(first: Sighting, second: Sighting): Doubt | undefined {
  const apart = distanceKm(first.point, second.point);
  const hours = (second.timeMs - first.timeMs) / HOUR_MS;
  if (apart < DISTANCE_KM_MIN || apart <= SPEED_KM_H_MAX * hours) return undefined;
  return { reason: "speed", first, second, distanceKm: apart };
}
