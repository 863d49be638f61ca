/**
 * Tracing: from an item back to what it came from, forward to what became of it. One algorithm over one narrow
 * reader: the server runs it over the state, a verifier over a bundle.
 */
import type { Address } from "../../core/account.ts";
import { compareBytes, equalBytes, toHex } from "../../core/bytes.ts";
import { bool, type Infer, int, nullable, record, uint } from "../../core/codec/definition.ts";
import type { Hasher } from "../../core/crypto.ts";
import { isRetraction } from "./corrections.ts";
import { computeItemKey, computeTransformationKey } from "./facts.ts";
import type { Relation } from "./items.ts";
import { type EventFacts, type EventId, FLAGS, ROLES, type TraceLeaf } from "./messages.ts";
import {
  clipToRelease,
  findStays,
  MAX_MS,
  MIN_MS,
  type NamedItem,
  relationOf,
  type Stay,
  type Window,
} from "./stays.ts";

export const TRACE_BACK = 1;
export const TRACE_FORWARD = 2;
export const TRACE_BOTH = 3;
export const OBSERVATIONS_IGNORE = 0;
export const OBSERVATIONS_SHOW = 1;
export const OBSERVATIONS_FOLLOW = 2;
export const TRACE_EVENTS_MAX = 100_000;

export const traceQuery = record(1, {
  /** 1 back, 2 forward, 3 both: ancestors and descendants, not everything that is connected. */
  direction: uint(3),
  /** Steps from item to item; null: no limit. */
  maxDepth: nullable(uint(1_000)),
  /** Events that claim a time outside are neither shown nor followed. */
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

/** What tracing reads. Everything it returns must be whole, or the trace is not. */
export interface TraceReader {
  readonly hasher: Pick<Hasher, "sha256">;
  /** Events by the item's custodians; none where nothing is recorded. */
  getCustody(item: NamedItem): readonly TraceLeaf[];
  /** Events by others. */
  getObservations(item: NamedItem): readonly TraceLeaf[];
  /** The events of one captor under one transformationID. */
  getTransformation(captor: Address, transformationId: string): readonly TraceLeaf[];
  getFacts(event: EventId): EventFacts;
  /** The declarations of the event's captor that it is in error. */
  getCorrections(event: EventId): readonly TraceLeaf[];
}

export type LogName = "custody" | "observation" | "transformation";

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

/** A carrier is followed for what happened to it and its own carriers, not into what else it carries. */
type Mode = "back" | "forward" | "carrier-back" | "carrier-forward";

interface Visit {
  readonly item: NamedItem;
  readonly mode: Mode;
  readonly window: Window;
  readonly depth: number;
}

interface Entry {
  readonly leaf: TraceLeaf;
  readonly facts: EventFacts;
  readonly log: LogName;
  readonly isFollowed: boolean;
  readonly isRetracted: boolean;
  readonly corrections: readonly TraceLeaf[];
}

interface TraceRun {
  readonly reader: TraceReader;
  readonly query: TraceQuery;
  readonly limits: Window;
  readonly queue: Visit[];
  readonly visited: Map<string, Window[]>;
  readonly steps: Map<string, TraceStep>;
  /** Shown but not followed by an outsider's word: these come last, so that they crowd out nothing. */
  readonly remarks: TraceStep[];
  readonly items: Map<string, TracedItem>;
  readonly timelines: Map<string, readonly Entry[]>;
  work: number;
  isTruncated: boolean;
}

/** Entries looked at per event that may be returned: bounds the work of items with very long logs. */
const WORK_PER_EVENT = 64;
const WORK_MIN = 16_384;

/** Traces the item of this canonical identity. */
export function traceItem(reader: TraceReader, identity: string, query: TraceQuery): TraceResult {
  const root = { key: computeItemKey(reader.hasher, identity), identity };
  const run: TraceRun = {
    reader,
    query,
    limits: { fromMs: query.fromMs ?? MIN_MS, untilMs: query.untilMs ?? MAX_MS },
    queue: [],
    visited: new Map(),
    steps: new Map(),
    remarks: [],
    items: new Map(),
    timelines: new Map(),
    work: WORK_MIN + WORK_PER_EVENT * query.maxEvents,
    isTruncated: false,
  };
  if ((query.direction & TRACE_BACK) !== 0) enqueue(run, root, "back", run.limits, 0);
  if ((query.direction & TRACE_FORWARD) !== 0) enqueue(run, root, "forward", run.limits, 0);
  for (let next = 0; next < run.queue.length && !run.isTruncated; next++) visit(run, run.queue[next]!);
  for (const remark of run.remarks) putStep(run, remark);
  return {
    steps: [...run.steps.values()].sort(compareEntries),
    items: [...run.items.values()],
    isTruncated: run.isTruncated,
  };
}

function enqueue(run: TraceRun, item: NamedItem, mode: Mode, window: Window, depth: number): void {
  if (run.query.maxDepth !== null && depth > run.query.maxDepth) return;
  const clipped = intersect(window, run.limits);
  if (clipped === undefined) return;
  const name = toHex(item.key);
  if (isVisited(run, name, mode, clipped)) return;
  const held = run.visited.get(`${mode} ${name}`);
  if (held === undefined) run.visited.set(`${mode} ${name}`, [clipped]);
  else held.push(clipped);
  if (!run.items.has(name)) run.items.set(name, { key: item.key, identity: item.identity, depth });
  run.queue.push({ item, mode, window: clipped, depth });
}

/** A full visit covers one as a carrier. */
function isVisited(run: TraceRun, name: string, mode: Mode, window: Window): boolean {
  const modes = [mode, mode === "carrier-back" ? "back" : mode === "carrier-forward" ? "forward" : mode];
  return modes.some((covering) =>
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
  const { key } = item;
  const timeline = readTimeline(run, item);
  for (const entry of timeline) {
    if (!isWithin(window, entry.facts.eventTimeMs)) continue;
    addStep(run, entry, key, depth);
    if (run.isTruncated) return;
    if (!entry.isFollowed) continue;
    followTransformation(run, entry, mode, depth);
    if (mode === "back" || mode === "forward") followContents(run, entry, next);
  }
  if (run.query.maxDepth === null || depth < run.query.maxDepth)
    for (const stay of findStays(key, timeline)) followCarrier(run, stay, next);
  if (mode === "back" && run.query.includeClasses) followClass(run, next);
}

/** What happened to a container while the item was in it. */
function followCarrier(run: TraceRun, stay: Stay, { mode, window, depth }: Visit): void {
  const clipped = intersect(clipToRelease(stay, readTimeline(run, stay.parent)), window);
  const ahead = mode === "back" || mode === "carrier-back" ? "carrier-back" : "carrier-forward";
  if (clipped !== undefined) enqueue(run, stay.parent, ahead, clipped, depth + 1);
}

function eventName({ capture, index }: EventId): string {
  return `${toHex(capture)} ${index}`;
}

function addStep(run: TraceRun, entry: Entry, via: Uint8Array, depth: number): void {
  const step = { ...entry, event: entry.leaf.event, depth, via };
  if (entry.log === "observation" && !entry.isFollowed) run.remarks.push(step);
  else putStep(run, step);
}

function putStep(run: TraceRun, step: TraceStep): void {
  const name = eventName(step.event);
  if (run.steps.has(name)) return;
  if (run.steps.size < run.query.maxEvents) run.steps.set(name, step);
  else run.isTruncated = true;
}

/** All entries of an item's two logs, by claimed time. */
function readTimeline(run: TraceRun, item: NamedItem): readonly Entry[] {
  const name = toHex(item.key);
  let timeline = run.timelines.get(name);
  if (timeline === undefined) {
    const { reader, query } = run;
    const custody = reader.getCustody(item);
    // Of what nobody owns there is no better word.
    const isOpen = query.observations !== OBSERVATIONS_IGNORE || custody.length === 0;
    const observations = isOpen ? reader.getObservations(item) : [];
    const entries = [
      ...custody.map((leaf) => readEntry(run, leaf, "custody")),
      ...observations.map((leaf) => readEntry(run, leaf, "observation")),
    ];
    timeline = entries.sort(compareEntries);
    run.timelines.set(name, timeline);
  }
  run.work -= timeline.length;
  if (run.work < 0) run.isTruncated = true;
  return timeline;
}

function readEntry({ reader, query }: TraceRun, leaf: TraceLeaf, log: LogName): Entry {
  const facts = reader.getFacts(leaf.event);
  const corrections = reader.getCorrections(leaf.event);
  const isRetracted = corrections.some(({ event }) => isRetraction(reader.getFacts(event).declaration));
  const isTrusted =
    log !== "observation" || query.observations === OBSERVATIONS_FOLLOW || (leaf.flags & FLAGS.unowned) !== 0;
  const isFollowed = isTrusted && !isRetracted && facts.declaration === null;
  return { leaf, facts, log, isFollowed, isRetracted, corrections };
}

function compareEntries(a: Pick<Entry, "facts" | "leaf">, b: Pick<Entry, "facts" | "leaf">): number {
  return (
    a.facts.eventTimeMs - b.facts.eventTimeMs ||
    a.leaf.height - b.leaf.height ||
    compareBytes(a.leaf.event.capture, b.leaf.event.capture) ||
    a.leaf.event.index - b.leaf.event.index
  );
}

/** From outputs back to inputs, from inputs on to outputs, over all events of one transformation. */
function followTransformation(run: TraceRun, entry: Entry, mode: Mode, depth: number): void {
  const { role } = entry.leaf;
  const isBack = mode === "back" && role === ROLES.output;
  const isForward = (mode === "forward" || mode === "carrier-forward") && role === ROLES.input;
  if (!isBack && !isForward) return;
  for (const { facts } of [entry, ...readTransformation(run, entry, depth)]) {
    const timeMs = facts.eventTimeMs;
    for (const item of facts.items) {
      if (isBack && item.role === ROLES.input)
        enqueue(run, item, "back", { fromMs: MIN_MS, untilMs: timeMs }, depth + 1);
      if (isForward && item.role === ROLES.output)
        enqueue(run, item, "forward", { fromMs: timeMs, untilMs: MAX_MS }, depth + 1);
    }
  }
}

/** The other events of the transformation, shown as steps. */
function readTransformation(run: TraceRun, { facts, leaf }: Entry, depth: number): Entry[] {
  if (facts.transformationId === null) return [];
  const key = computeTransformationKey(run.reader.hasher, leaf.captor, facts.transformationId);
  const name = `transformation ${toHex(key)}`;
  const known = run.timelines.get(name);
  if (known !== undefined) return followedWithin(run, known);
  const listed = run.reader.getTransformation(leaf.captor, facts.transformationId);
  const entries = listed.map((other) => readEntry(run, other, "transformation"));
  run.timelines.set(name, entries);
  run.work -= entries.length;
  for (const entry of entries)
    if (isWithin(run.limits, entry.facts.eventTimeMs)) addStep(run, entry, key, depth);
  return followedWithin(run, entries);
}

function followedWithin({ limits }: TraceRun, entries: readonly Entry[]): Entry[] {
  return entries.filter(({ isFollowed, facts }) => isFollowed && isWithin(limits, facts.eventTimeMs));
}

/** From a container to what it holds: its origins are theirs, and what befell it befell them. */
function followContents(
  run: TraceRun,
  { leaf, facts }: Entry,
  { item: container, mode, window, depth }: Visit,
): void {
  const relation = relationOf(facts);
  if (leaf.role !== ROLES.parent || facts.action === "DELETE" || relation === undefined) return;
  if (run.query.maxDepth !== null && depth >= run.query.maxDepth) return;
  for (const item of facts.items) {
    if (item.role !== ROLES.child) continue;
    const stay = findStay(run, relation, container, item, facts.eventTimeMs);
    if (intersect(stay, window) === undefined) continue;
    const ahead =
      mode === "back"
        ? { fromMs: MIN_MS, untilMs: Math.min(window.untilMs, stay.untilMs) }
        : { fromMs: Math.max(window.fromMs, stay.fromMs), untilMs: MAX_MS };
    enqueue(run, item, mode, ahead, depth + 1);
  }
}

/** How long the child stands in the parent, by its own log where that tells, else from this event on. */
function findStay(
  run: TraceRun,
  relation: Relation,
  parent: NamedItem,
  child: NamedItem,
  timeMs: number,
): Stay {
  const stay = findStays(child.key, readTimeline(run, child)).find(
    (held) => held.relation === relation && equalBytes(held.parent.key, parent.key) && isWithin(held, timeMs),
  );
  const fromHere = { relation, parent, fromMs: timeMs, untilMs: MAX_MS };
  return clipToRelease(stay ?? fromHere, readTimeline(run, parent));
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
  enqueue(run, { key: computeItemKey(run.reader.hasher, identity), identity }, "back", window, depth + 1);
}
