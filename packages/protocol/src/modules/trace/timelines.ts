/** What a trace reads: the logs of an item as one timeline, each event once. */
import type { Address } from "../../core/account.ts";
import { compareBytes, toHex } from "../../core/bytes.ts";
import type { Hasher } from "../../core/crypto.ts";
import { isRetraction } from "./corrections.ts";
import { AGGREGATION, ASSOCIATION, type Relation } from "./items.ts";
import { type EventFacts, type EventId, FLAGS, type TraceLeaf } from "./messages.ts";
import {
  type ContainmentView,
  findReleases,
  findStays,
  type NamedItem,
  type Stay,
  viewContainment,
} from "./stays.ts";

/** An event, read once for all logs that it stands in. */
export interface EventView {
  readonly facts: EventFacts;
  readonly containment: ContainmentView | undefined;
  readonly isRetracted: boolean;
  readonly corrections: readonly TraceLeaf[];
}

export interface Entry extends EventView {
  readonly leaf: TraceLeaf;
  readonly log: LogName;
  readonly isFollowed: boolean;
}

/** What is known of an item; stays and releases are found once. */
export interface Timeline {
  readonly entries: readonly Entry[];
  readonly stays: readonly Stay[];
  readonly releases: ReadonlyMap<Relation, readonly number[]>;
}

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

/** What a trace has read so far, and how much more it may read. */
export interface Reading {
  readonly reader: TraceReader;
  /** Whether what others than the custodian say of an item is read, and whether it is followed. */
  readonly readsObservations: boolean;
  readonly followsObservations: boolean;
  readonly timelines: Map<string, Timeline>;
  readonly events: Map<string, EventView>;
  work: number;
  isTruncated: boolean;
  /** What may still be read of remarks: observations that are shown and not followed. They have a share of their own. */
  remarkWork: number;
  isRemarksCut: boolean;
}

/** Items of remarks read in one trace: outsiders may add any number, and crowd out no custodian's word. */
const REMARK_WORK = 16_384;

export function startReading(
  from: Pick<Reading, "reader" | "readsObservations" | "followsObservations" | "work">,
): Reading {
  return {
    ...from,
    timelines: new Map(),
    events: new Map(),
    isTruncated: false,
    remarkWork: REMARK_WORK,
    isRemarksCut: false,
  };
}

export function spend(run: Reading, work: number): void {
  run.work -= work;
  if (run.work < 0) run.isTruncated = true;
}

/** All entries of an item's two logs, by claimed time. */
export function readTimeline(run: Reading, item: NamedItem): Timeline {
  const name = toHex(item.key);
  const known = run.timelines.get(name);
  if (known !== undefined) return known;
  const { reader } = run;
  const custody = reader.getCustody(item);
  // Of what nobody owns there is no better word.
  const isOpen = run.readsObservations || custody.length === 0;
  const observations = isOpen ? reader.getObservations(item) : [];
  const entries = [
    ...readEntries(run, custody, "custody"),
    ...readEntries(run, observations, "observation"),
  ].sort(compareEntries);
  const timeline = {
    entries,
    stays: findStays(item.identity, entries),
    releases: new Map(RELATIONS.map((relation) => [relation, findReleases(relation, entries)])),
  };
  run.timelines.set(name, timeline);
  return timeline;
}

const RELATIONS: readonly Relation[] = [AGGREGATION, ASSOCIATION];

/** Reads the events of leaves, until the trace has read as much as it may. */
export function readEntries(run: Reading, leaves: readonly TraceLeaf[], log: LogName): Entry[] {
  const out: Entry[] = [];
  for (const leaf of leaves) {
    const isRemark = log === "observation" && !run.followsObservations && (leaf.flags & FLAGS.unowned) === 0;
    if (run.isTruncated) break;
    if (isRemark && run.remarkWork < 0) {
      run.isRemarksCut = true;
      break;
    }
    const view = readEvent(run, leaf.event, isRemark);
    const isFollowed = !isRemark && !view.isRetracted && view.facts.declaration === null;
    out.push({ ...view, leaf, log, isFollowed });
  }
  return out;
}

function readEvent(run: Reading, event: EventId, isRemark: boolean): EventView {
  const name = eventName(event);
  const known = run.events.get(name);
  if (known !== undefined) return known;
  const { reader } = run;
  const facts = reader.getFacts(event);
  const corrections = reader.getCorrections(event);
  const isRetracted = corrections.some((leaf) => isRetraction(reader.getFacts(leaf.event).declaration));
  const view = { facts, containment: viewContainment(facts), isRetracted, corrections };
  run.events.set(name, view);
  if (isRemark) run.remarkWork -= 1 + facts.items.length;
  else spend(run, 1 + facts.items.length);
  return view;
}

export function compareEntries(a: Pick<Entry, "facts" | "leaf">, b: Pick<Entry, "facts" | "leaf">): number {
  return (
    a.facts.eventTimeMs - b.facts.eventTimeMs ||
    a.leaf.height - b.leaf.height ||
    compareBytes(a.leaf.event.capture, b.leaf.event.capture) ||
    a.leaf.event.index - b.leaf.event.index
  );
}

export function eventName({ capture, index }: EventId): string {
  return `${toHex(capture)} ${index}`;
}
