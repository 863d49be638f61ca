/**
 * Tracing: from an item back to what it came from, forward to what became of it. One algorithm over one narrow
 * reader: the server runs it over the state, a verifier over a bundle.
 */
import { equalBytes, toHex } from "../../core/bytes.ts";
import { bool, type Infer, int, nullable, record, uint } from "../../core/codec/definition.ts";
import { computeItemKey, computeTransformationKey } from "./facts.ts";
import type { Relation } from "./items.ts";
import { type EventFacts, type EventId, type EventItem, ROLES, type TraceLeaf } from "./messages.ts";
import { clipToRelease, MAX_MS, MIN_MS, type NamedItem, type Stay, type Window } from "./stays.ts";
import {
  compareEntries,
  type Entry,
  eventName,
  type LogName,
  type Reading,
  readEntries,
  readTimeline,
  spend,
  startReading,
  type Timeline,
  type TraceReader,
} from "./timelines.ts";

export const TRACE_BACK = 1;
export const TRACE_FORWARD = 2;
export const TRACE_BOTH = 3;
/** What others than the custodian say of an item is left out, shown, or followed too. */
export const OBSERVATIONS_IGNORE = 0;
export const OBSERVATIONS_SHOW = 1;
export const OBSERVATIONS_FOLLOW = 2;
export const TRACE_EVENTS_MAX = 100_000;

export const traceQuery = record(1, {
  /** 1 back, 2 forward, 3 both: ancestors and descendants, not everything that is connected. */
  direction: uint(3),
  /** Steps from item to item; null: no limit. */
  maxDepth: nullable(uint(1_000)),
  /** Events that claim a time outside are neither shown nor followed; stays that reach into it count. */
  fromMs: nullable(int),
  untilMs: nullable(int),
  maxEvents: uint(TRACE_EVENTS_MAX),
  /**
   * What others than the custodian say of an item: 0 is left out, 1 shown, 2 followed too. Anyone may say
   * anything of anything; a recall that nobody can drown leaves it out.
   */
  observations: uint(2),
  /** Backward from instances and lots also to the events of their class as a whole. */
  includeClasses: bool,
});
export type TraceQuery = Infer<typeof traceQuery>;

export const DEFAULT_TRACE_QUERY: TraceQuery = {
  direction: TRACE_BOTH,
  maxDepth: null,
  fromMs: null,
  untilMs: null,
  maxEvents: 1_000,
  observations: OBSERVATIONS_SHOW,
  includeClasses: false,
};

export interface TraceStep {
  readonly event: EventId;
  readonly leaf: TraceLeaf;
  readonly facts: EventFacts;
  /** Items between this event and the one asked for. */
  readonly depth: number;
  /** Key of the item in whose log the event was met first, or of the transformation. */
  readonly via: Uint8Array;
  readonly log: LogName;
  /** Whether the trace goes on from here: custodian's word, not retracted. */
  readonly isFollowed: boolean;
  readonly isRetracted: boolean;
  readonly corrections: readonly TraceLeaf[];
}

export interface TracedItem extends NamedItem {
  readonly depth: number;
}

export interface TraceResult {
  /** By claimed event time, then height, then event id. */
  readonly steps: readonly TraceStep[];
  /** In the order in which the trace met them. */
  readonly items: readonly TracedItem[];
  /** True when maxEvents, or the bound on work that follows from it, ended the trace. */
  readonly isTruncated: boolean;
}

/**
 * How an item is looked at. A carrier is followed for what happened to it and its own carriers, not into what else it
 * carries. A window says what is shown; with `isWhole` a transformation is followed, and shown, whatever time
 * it claims: a clock that is wrong, or set wrong, must not hide an ancestor or a descendant.
 */
interface Mode {
  readonly name: string;
  readonly isBack: boolean;
  readonly isCarrier: boolean;
  readonly isWhole: boolean;
  /** A visit in this mode with the same window has shown as much. */
  readonly coveredBy: readonly string[];
}

const BACK = { name: "back", isBack: true, isCarrier: false, isWhole: true, coveredBy: ["back"] };
const FORWARD = { name: "forward", isBack: false, isCarrier: false, isWhole: true, coveredBy: ["forward"] };
/** Of a class, what was used of it before has not to do with what it met here. */
const PART_FORWARD: Mode = {
  ...FORWARD,
  name: "part-forward",
  isWhole: false,
  coveredBy: ["forward", "part-forward"],
};
const CARRIER_BACK: Mode = {
  name: "carrier-back",
  isBack: true,
  isCarrier: true,
  isWhole: false,
  coveredBy: ["back", "carrier-back"],
};
const CARRIER_FORWARD: Mode = {
  ...CARRIER_BACK,
  name: "carrier-forward",
  isBack: false,
  coveredBy: ["forward", "part-forward", "carrier-forward"],
};

interface Visit {
  readonly item: NamedItem;
  readonly mode: Mode;
  readonly window: Window;
  readonly depth: number;
}

interface TraceRun extends Reading {
  readonly query: TraceQuery;
  readonly limits: Window;
  readonly queue: Visit[];
  readonly visited: Map<string, Window[]>;
  readonly steps: Map<string, TraceStep>;
  /** Shown but not followed by an outsider's word: these come last, so that they crowd out nothing. */
  readonly remarks: TraceStep[];
  readonly items: Map<string, TracedItem>;
  readonly transformations: Map<string, readonly Entry[]>;
  /** Events whose inputs, or outputs, have been gone on to. */
  readonly transformed: Set<string>;
}

/**
 * Items of events read, and entries looked at, per event that may be returned: bounds what an item with a long log
 * costs. At 1,000 events some 300,000, half a second.
 */
const WORK_PER_EVENT = 256;
const WORK_MIN = 65_536;
const WHOLE: Window = { fromMs: MIN_MS, untilMs: MAX_MS };

/** Traces the item of this canonical identity. */
export function traceItem(reader: TraceReader, identity: string, query: TraceQuery): TraceResult {
  const root = { key: computeItemKey(reader.hasher, identity), identity };
  const run: TraceRun = {
    ...startReading({
      reader,
      readsObservations: query.observations !== OBSERVATIONS_IGNORE,
      followsObservations: query.observations === OBSERVATIONS_FOLLOW,
      work: WORK_MIN + WORK_PER_EVENT * query.maxEvents,
    }),
    query,
    limits: { fromMs: query.fromMs ?? MIN_MS, untilMs: query.untilMs ?? MAX_MS },
    queue: [],
    visited: new Map(),
    steps: new Map(),
    remarks: [],
    items: new Map(),
    transformations: new Map(),
    transformed: new Set(),
  };
  if ((query.direction & TRACE_BACK) !== 0) enqueue(run, root, BACK, run.limits, 0);
  if ((query.direction & TRACE_FORWARD) !== 0) enqueue(run, root, FORWARD, run.limits, 0);
  for (let next = 0; next < run.queue.length && !run.isTruncated; next++) visit(run, run.queue[next]!);
  for (const remark of run.remarks) putStep(run, remark);
  return {
    steps: [...run.steps.values()].sort(compareEntries),
    items: [...run.items.values()],
    isTruncated: run.isTruncated || run.isRemarksCut,
  };
}

function enqueue(run: TraceRun, item: NamedItem, mode: Mode, window: Window, depth: number): void {
  if (run.query.maxDepth !== null && depth > run.query.maxDepth) return;
  const clipped = intersect(window, run.limits);
  if (clipped === undefined) return;
  const name = toHex(item.key);
  if (isVisited(run, name, mode, clipped)) return;
  const held = run.visited.get(`${mode.name} ${name}`);
  if (held === undefined) run.visited.set(`${mode.name} ${name}`, [clipped]);
  else held.push(clipped);
  if (!run.items.has(name)) run.items.set(name, { key: item.key, identity: item.identity, depth });
  run.queue.push({ item, mode, window: clipped, depth });
}

function isVisited(run: TraceRun, name: string, mode: Mode, window: Window): boolean {
  return mode.coveredBy.some((covering) =>
    run.visited
      .get(`${covering} ${name}`)
      ?.some((held) => held.fromMs <= window.fromMs && held.untilMs >= window.untilMs),
  );
}

function intersect(a: Window, b: Window): Window | undefined {
  const fromMs = Math.max(a.fromMs, b.fromMs);
  const untilMs = Math.min(a.untilMs, b.untilMs);
  return fromMs <= untilMs ? { fromMs, untilMs } : undefined;
}

function isWithin({ fromMs, untilMs }: Window, timeMs: number): boolean {
  return fromMs <= timeMs && timeMs <= untilMs;
}

function visit(run: TraceRun, next: Visit): void {
  const { item, mode, window, depth } = next;
  const timeline = readTimeline(run, item);
  spend(run, timeline.entries.filter(({ log, isFollowed }) => log !== "observation" || isFollowed).length);
  for (const entry of timeline.entries) {
    const isAhead = entry.isFollowed && entry.leaf.role === (mode.isBack ? ROLES.output : ROLES.input);
    const reach = isAhead && mode.isWhole ? run.limits : window;
    if (!isWithin(reach, entry.facts.eventTimeMs)) continue;
    addStep(run, entry, item.key, depth);
    if (run.isTruncated) return;
    if (isAhead && !(mode.isBack && mode.isCarrier)) followTransformation(run, entry, mode, depth);
  }
  if (run.query.maxDepth !== null && depth >= run.query.maxDepth) return;
  for (const stay of timeline.stays) followCarrier(run, stay, next);
  if (!mode.isCarrier) followContents(run, timeline, next);
  if (mode === BACK && run.query.includeClasses) followClass(run, next);
}

/** What happened to a container while the item was in it. */
function followCarrier(run: TraceRun, stay: Stay, { mode, window, depth }: Visit): void {
  const { releases } = readTimeline(run, stay.parent);
  const clipped = intersect(clipToRelease(stay, releases.get(stay.relation)!), window);
  if (clipped === undefined) return;
  enqueue(run, stay.parent, mode.isBack ? CARRIER_BACK : CARRIER_FORWARD, clipped, depth + 1);
}

function addStep(run: TraceRun, entry: Entry, via: Uint8Array, depth: number): void {
  const { leaf, facts, log, isFollowed, isRetracted, corrections } = entry;
  const step = { event: leaf.event, leaf, facts, depth, via, log, isFollowed, isRetracted, corrections };
  if (log === "observation" && !isFollowed) run.remarks.push(step);
  else putStep(run, step);
}

function putStep(run: TraceRun, step: TraceStep): void {
  const name = eventName(step.event);
  if (run.steps.has(name)) return;
  if (run.steps.size < run.query.maxEvents) run.steps.set(name, step);
  else run.isTruncated = true;
}

/** From outputs back to inputs, from inputs on to outputs, over all events of one transformation. */
function followTransformation(run: TraceRun, entry: Entry, { isBack }: Mode, depth: number): void {
  const name = `${isBack ? "back" : "forward"} ${eventName(entry.leaf.event)}`;
  if (run.transformed.has(name)) return;
  run.transformed.add(name);
  const role = isBack ? ROLES.input : ROLES.output;
  for (const { facts } of [entry, ...readTransformation(run, entry, depth)])
    for (const item of facts.items)
      if (item.role === role) enqueue(run, item, isBack ? BACK : FORWARD, WHOLE, depth + 1);
}

/** The other events of the transformation, shown as steps. */
function readTransformation(run: TraceRun, { facts, leaf }: Entry, depth: number): readonly Entry[] {
  if (facts.transformationId === null) return [];
  const key = computeTransformationKey(run.reader.hasher, leaf.captor, facts.transformationId);
  const name = toHex(key);
  let entries = run.transformations.get(name);
  if (entries === undefined) {
    const listed = run.reader.getTransformation(leaf.captor, facts.transformationId);
    entries = readEntries(run, listed, "transformation").filter((other) =>
      isWithin(run.limits, other.facts.eventTimeMs),
    );
    run.transformations.set(name, entries);
    for (const entry of entries) addStep(run, entry, key, depth);
  }
  spend(run, entries.length);
  return entries.filter(({ isFollowed }) => isFollowed);
}

/** From a container to what it holds: its origins are theirs, and what befell it befell them. */
function followContents(
  run: TraceRun,
  { entries, releases }: Timeline,
  { item: container, mode, window, depth }: Visit,
): void {
  for (const { relation, item, fromMs } of findChildren(run, entries)) {
    const { stays } = readTimeline(run, item);
    if (run.isTruncated) return;
    const known = stays.filter(
      ({ relation: held, parent }) => held === relation && equalBytes(parent.key, container.key),
    );
    // The child's own log says nothing of it where its custodian is another.
    for (const stay of known.length > 0 ? known : [{ fromMs, untilMs: MAX_MS }]) {
      const clipped = clipToRelease(stay, releases.get(relation)!);
      if (intersect(clipped, window) === undefined) continue;
      if (mode.isBack) enqueue(run, item, BACK, { fromMs: MIN_MS, untilMs: clipped.untilMs }, depth + 1);
      else {
        const ahead = item.isClassLevel ? PART_FORWARD : FORWARD;
        enqueue(run, item, ahead, { fromMs: clipped.fromMs, untilMs: MAX_MS }, depth + 1);
      }
    }
  }
}

interface Child {
  readonly relation: Relation;
  readonly item: EventItem;
  /** Of the first event that names it in the container. */
  readonly fromMs: number;
}

/** Each child that was ever put or seen in a container, once per relation. */
function findChildren(run: TraceRun, entries: readonly Entry[]): Iterable<Child> {
  const out = new Map<string, Child>();
  for (const { leaf, facts, containment, isFollowed } of entries) {
    if (!isFollowed || containment === undefined) continue;
    if (leaf.role !== ROLES.parent || facts.action === "DELETE") continue;
    spend(run, containment.children.size);
    for (const [identity, [item]] of containment.children) {
      const name = `${containment.relation} ${identity}`;
      if (!out.has(name))
        out.set(name, { relation: containment.relation, item: item!, fromMs: facts.eventTimeMs });
    }
  }
  return out.values();
}

const QUALIFIED_KEY =
  /^(https:\/\/id\.gs1\.org\/(?:01\/[0-9]{14}|8006\/[0-9]{18}|8010\/[^/]+))\/(?:21|10|235|8011)\/./;
const SERIALISED_KEY = /^(https:\/\/id\.gs1\.org\/(?:8003\/[0-9]{14}|25[35]\/[0-9]{13}))[^/]/;

/** The class of an instance or lot, by its canonical identity; undefined where the standard knows none. */
export function classOf(identity: string): string | undefined {
  return (QUALIFIED_KEY.exec(identity) ?? SERIALISED_KEY.exec(identity))?.[1];
}

function followClass(run: TraceRun, { item, window, depth }: Visit): void {
  const identity = classOf(item.identity);
  if (identity === undefined) return;
  enqueue(run, { key: computeItemKey(run.reader.hasher, identity), identity }, BACK, window, depth + 1);
}
