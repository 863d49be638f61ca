/** How long an item stood in which container, by the events in its own log. */
import { equalBytes } from "../../core/bytes.ts";
import {
  addDecimals,
  compareDecimals,
  DECIMAL_ZERO,
  type Decimal,
  subtractDecimals,
} from "../../core/decimal.ts";
import { LhgError } from "../../core/errors.ts";
import { AGGREGATION, ASSOCIATION, type Relation } from "./items.ts";
import { type EventFacts, type EventItem, ROLES, type TraceLeaf } from "./messages.ts";

export const MIN_MS = Number.MIN_SAFE_INTEGER;
export const MAX_MS = Number.MAX_SAFE_INTEGER;

/** Closed interval of claimed time. */
export interface Window {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** An item by its key and by the identity that the key is the hash of. */
export type NamedItem = Pick<EventItem, "key" | "identity">;

export interface Stay extends Window {
  readonly relation: Relation;
  readonly parent: NamedItem;
}

/** An event that puts items into a container, or takes them out; indexed once for all of them. */
export interface ContainmentView {
  readonly relation: Relation;
  readonly parent: NamedItem;
  /** By identity; a class can stand there in several amounts. */
  readonly children: ReadonlyMap<string, readonly EventItem[]>;
}

/** Undefined of events that say nothing about containment. */
export function viewContainment(facts: EventFacts): ContainmentView | undefined {
  const relation = relationOf(facts);
  const parent = facts.items.find((item) => item.role === ROLES.parent);
  if (relation === undefined || parent === undefined) return undefined;
  const children = new Map<string, EventItem[]>();
  for (const item of facts.items) {
    if (item.role !== ROLES.child) continue;
    const held = children.get(item.identity);
    if (held === undefined) children.set(item.identity, [item]);
    else held.push(item);
  }
  return { relation, parent, children };
}

export interface StayEntry {
  readonly leaf: TraceLeaf;
  readonly facts: EventFacts;
  readonly containment: ContainmentView | undefined;
  readonly isFollowed: boolean;
}

/** The relation that an event of this type puts items into. */
export function relationOf({ type }: EventFacts): Relation | undefined {
  if (type === "AggregationEvent") return AGGREGATION;
  return type === "AssociationEvent" ? ASSOCIATION : undefined;
}

/** How much of a class stands there, in one unit; undefined: not known. */
type Amount = { readonly value: Decimal; readonly uom: string } | undefined;

interface OpenStay {
  readonly relation: Relation;
  readonly parent: NamedItem;
  readonly fromMs: number;
  amount: Amount;
}

/**
 * The stays of one item, from the entries of its timeline in order. A stay begins with ADD, or with the first
 * OBSERVE where no ADD is recorded; it ends with DELETE, with release, or with the ADD of one thing into another
 * container. A class stands in many containers at once, and stays until as much is taken out as was put in.
 */
export function findStays(identity: string, timeline: readonly StayEntry[]): Stay[] {
  let open: OpenStay[] = [];
  const out: Stay[] = [];
  const close = (untilMs: number, isEnding: (stay: OpenStay) => boolean): void => {
    for (const stay of open) if (isEnding(stay)) out.push({ ...stay, untilMs });
    open = open.filter((stay) => !isEnding(stay));
  };
  for (const { leaf, facts, containment, isFollowed } of timeline) {
    if (!isFollowed || containment === undefined) continue;
    const { relation, parent } = containment;
    const timeMs = facts.eventTimeMs;
    const isHere = (stay: OpenStay): boolean =>
      stay.relation === relation && equalBytes(stay.parent.key, parent.key);
    if (leaf.role === ROLES.released) close(timeMs, isHere);
    if (leaf.role !== ROLES.child) continue;
    const own = containment.children.get(identity) ?? [];
    const isClass = own.some((item) => item.isClassLevel);
    const here = open.find(isHere);
    if (facts.action === "DELETE") {
      if (here === undefined) out.push({ relation, parent, fromMs: timeMs, untilMs: timeMs });
      else if (!isClass || isEmptied(here, totalOf(own))) close(timeMs, isHere);
      continue;
    }
    if (facts.action === "ADD" && !isClass)
      close(timeMs, (stay) => stay.relation === relation && !isHere(stay));
    if (here === undefined) open.push({ relation, parent, fromMs: timeMs, amount: totalOf(own) });
    else if (facts.action === "ADD") here.amount = combine(here.amount, totalOf(own), addDecimals);
  }
  close(MAX_MS, () => true);
  return out;
}

/** Takes an amount out; whether nothing is left. Without a stated amount all is meant. */
function isEmptied(stay: OpenStay, taken: Amount): boolean {
  if (taken === undefined) return true;
  stay.amount = combine(stay.amount, taken, subtractDecimals);
  return stay.amount !== undefined && compareDecimals(stay.amount.value, DECIMAL_ZERO) <= 0;
}

function totalOf(items: readonly EventItem[]): Amount {
  let total: Amount = items[0]?.quantity ?? undefined;
  for (const { quantity } of items.slice(1)) total = combine(total, quantity ?? undefined, addDecimals);
  return total;
}

function combine(a: Amount, b: Amount, operate: (a: Decimal, b: Decimal) => Decimal): Amount {
  if (a === undefined || b === undefined || a.uom !== b.uom) return undefined;
  try {
    return { value: operate(a.value, b.value), uom: a.uom };
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

/** When a parent was emptied without its children being named, in order of claimed time. */
export function findReleases(relation: Relation, timeline: readonly StayEntry[]): number[] {
  const out: number[] = [];
  for (const { leaf, facts, containment, isFollowed } of timeline) {
    if (!isFollowed || leaf.role !== ROLES.parent || facts.action !== "DELETE") continue;
    if (containment?.relation !== relation || containment.children.size > 0) continue;
    out.push(facts.eventTimeMs);
  }
  return out;
}

/** A stay ends at the latest with the first release of its parent after its beginning. */
export function clipToRelease<T extends Window>(stay: T, releases: readonly number[]): T {
  const release = releases.find((timeMs) => timeMs >= stay.fromMs);
  return release === undefined || release >= stay.untilMs ? stay : { ...stay, untilMs: release };
}
