/** Executes one event of a capture: who may say it, what it changes, and the logs that it joins. */
import type { Address } from "../../core/account.ts";
import { equalBytes } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { encode } from "../../core/codec/definition.ts";
import type { JsonObject } from "../../core/json.ts";
import type { StatementContext } from "../../core/module.ts";
import { appendToLog } from "../../core/state/log.ts";
import { failStatement } from "../../core/status.ts";
import type { EpcisEvent } from "../../epcis/event-model.ts";
import { matchesPrefix } from "../../epcis/identity.ts";
import {
  appendToList,
  COUNTED_ALL,
  COUNTED_NONE,
  COUNTED_SOME,
  computeAliasKey,
  computeHashKey,
  computeOwnAliasKey,
  computeOwnKey,
  distinctAlias,
  getOwnEvent,
  type OwnEvent,
  setOwnEvent,
} from "./aliases.ts";
import { link, unlink, unlinkAll } from "./containment.ts";
import { appendCorrection, getCorrections, isSameEvent } from "./corrections.ts";
import {
  findCustodian,
  findRecipient,
  handOver,
  holdsClass,
  isHandedOver,
  isReceiving,
  isVoidingShipment,
  receiveClass,
} from "./custody.ts";
import { computeFactsDigest, computeTransformationKey, itemPath } from "./facts.ts";
import {
  AGGREGATION,
  ASSOCIATION,
  custodyLog,
  findLink,
  type ItemEntry,
  type ItemSet,
  observationLog,
  type Relation,
} from "./items.ts";
import {
  type EventFacts,
  type EventId,
  eventRecord,
  FLAGS,
  NOTICE_DUPLICATE,
  NOTICE_EVENT,
  ROLES,
  TRACE_MODULE,
  type TraceLeaf,
  traceLeaf,
} from "./messages.ts";
import { countQuantity, quantityChange, reverseChange, yieldsTooMuch } from "./quantities.ts";

/** What the events of one capture share. */
export interface CaptureRun {
  readonly context: StatementContext;
  readonly captor: Address;
  /** How many slices the capture has. */
  readonly slices: number;
  readonly items: ItemSet;
  /** Prefixes that the signing key is limited to; undefined: all that the vendor may say. */
  readonly scope: readonly string[] | undefined;
}

export interface CapturedEvent {
  readonly id: EventId;
  readonly node: JsonObject;
  /** JSON path of the event in the document. */
  readonly path: string;
  readonly sliceHash: Uint8Array;
  readonly event: EpcisEvent;
  readonly facts: EventFacts;
  readonly digest: Uint8Array;
}

/** An item of the event, in all the roles that it has there. */
interface Subject {
  readonly entry: ItemEntry;
  isClass: boolean;
  /** Indexes into facts.items. */
  readonly ordinals: number[];
  /** Whether the captor answers for the item, so that its word changes the state. */
  inCustody: boolean;
  flags: number;
}

/** All that executing one event works on. */
interface EventRun extends CaptureRun, CapturedEvent {
  readonly subjects: readonly Subject[];
  /** Of the event as a whole; every leaf bears them. */
  flags: number;
}

export function executeEvent(run: CaptureRun, captured: CapturedEvent): void {
  const { context, captor } = run;
  const { facts } = captured;
  const { hasher, state } = context;
  checkScope(run, captured);
  const ownKey = computeOwnKey(hasher, captor, facts.hash, captured.digest);
  const own = getOwnEvent(state, ownKey);
  if (own !== undefined && getCorrections(state, own.event)?.isRetracted !== 1) {
    answerDuplicate(run, captured, own.event);
    return;
  }
  const event: EventRun = { ...run, ...captured, subjects: openSubjects(run, captured), flags: 0 };
  completeHandOvers(event);
  for (const subject of event.subjects) judge(event, subject);
  checkCommissioning(event);
  let counted: number = COUNTED_NONE;
  if (facts.declaration === null) counted = applyEffects(event);
  else correct(event);
  appendLeaves(event);
  appendAliases(event, ownKey, { event: captured.id, counted });
  const flags = event.subjects.reduce((all, subject) => all | subject.flags, event.flags);
  putEventRecord(run, captured, flags, null);
  context.emit(TRACE_MODULE, NOTICE_EVENT, context.statementId, captured.id.index, flags);
}

function fieldOf({ node, path }: Pick<CapturedEvent, "node" | "path">, ordinal: number): string {
  return itemPath(node, path, ordinal);
}

function checkScope({ scope }: CaptureRun, captured: CapturedEvent): void {
  if (scope === undefined) return;
  captured.event.items.forEach((item, ordinal) => {
    if (!scope.some((prefix) => matchesPrefix(item, prefix)))
      failStatement("trace.scope", "is beyond the scope of the signing key", fieldOf(captured, ordinal));
  });
}

/** The captor has this event: it stands in the logs already, and is not written again. */
function answerDuplicate(run: CaptureRun, captured: CapturedEvent, original: EventId): void {
  putEventRecord(run, captured, 0, original);
  const { context } = run;
  context.emit(
    TRACE_MODULE,
    NOTICE_DUPLICATE,
    context.statementId,
    captured.id.index,
    original.capture,
    original.index,
  );
}

function openSubjects({ items }: CaptureRun, { facts, event }: CapturedEvent): Subject[] {
  const subjects = new Map<ItemEntry, Subject>();
  facts.items.forEach(({ key, isClassLevel }, ordinal) => {
    const entry = items.open(key, event.items[ordinal]!);
    let subject = subjects.get(entry);
    if (subject === undefined) {
      subject = { entry, isClass: isClassLevel, ordinals: [], inCustody: false, flags: 0 };
      subjects.set(entry, subject);
    }
    // A URI named once with and once without a quantity is a class here.
    subject.isClass ||= isClassLevel;
    subject.ordinals.push(ordinal);
  });
  return [...subjects.values()];
}

/** Before anything is judged: who receives what was handed over to it answers for it in this very event. */
function completeHandOvers(run: EventRun): void {
  const { captor, items, event, facts } = run;
  if (facts.declaration !== null || !isReceiving(event)) return;
  const received: Subject[] = [];
  for (const subject of run.subjects) {
    const field = fieldOf(run, subject.ordinals[0]!);
    const isReceived = subject.isClass
      ? receiveClass(run.context.state, subject.entry, captor)
      : isHandedOver(items, subject.entry, captor, field);
    if (!isReceived) continue;
    subject.flags |= FLAGS.received;
    if (!subject.isClass) received.push(subject);
  }
  for (const { entry } of received) {
    entry.draft.custodian = captor;
    entry.draft.pending = null;
  }
  // What is received without its container has left it.
  for (const { entry, ordinals } of received) {
    const field = fieldOf(run, ordinals[0]!);
    const custodian = findCustodian(items, entry, field);
    if (custodian !== null && equalBytes(custodian, captor)) continue;
    unlink({ state: run.context.state, items }, AGGREGATION, entry, field);
    entry.draft.custodian = captor;
  }
}

function judge({ context, captor, items, ...captured }: EventRun, subject: Subject): void {
  const { entry, isClass } = subject;
  if (isClass) {
    subject.inCustody = holdsClass(context.state, entry, captor);
    if (entry.holder === null && !subject.inCustody) subject.flags |= FLAGS.unowned;
  } else {
    const custodian = findCustodian(items, entry, fieldOf(captured, subject.ordinals[0]!));
    subject.inCustody = custodian !== null && equalBytes(custodian, captor);
    if (custodian === null) subject.flags |= FLAGS.unowned;
  }
  if (!subject.inCustody) subject.flags |= FLAGS.observed;
}

/** Whether an event in this role brings an item into being. */
function isCommissioning(facts: EventFacts, role: number): boolean {
  if (role === ROLES.output) return true;
  return facts.type === "ObjectEvent" && facts.action === "ADD" && role === ROLES.epc;
}

/** Only the holder of a prefix brings items under it into being. */
function checkCommissioning(run: EventRun): void {
  const { facts, captor } = run;
  for (const { entry, ordinals } of run.subjects) {
    if (entry.holder === null || equalBytes(entry.holder, captor)) continue;
    for (const ordinal of ordinals)
      if (isCommissioning(facts, facts.items[ordinal]!.role))
        failStatement(
          "trace.prefix-not-owned",
          "is under another vendor's prefix, and only that vendor commissions it",
          fieldOf(run, ordinal),
        );
  }
}

/** Changes the state and sets flags. Returns which of the event's quantities were counted. */
function applyEffects(run: EventRun): number {
  const { facts, event } = run;
  if (yieldsTooMuch(facts)) run.flags |= FLAGS.outputExceedsInput;
  if (facts.type === "AggregationEvent") contain(run, AGGREGATION);
  else if (facts.type === "AssociationEvent") contain(run, ASSOCIATION);
  const counted = { some: false, all: true };
  for (const subject of run.subjects)
    for (const ordinal of subject.ordinals) applyRole(run, subject, ordinal, counted);
  if (isVoidingShipment(event)) {
    for (const { entry, inCustody } of run.subjects) if (inCustody) entry.draft.pending = null;
  } else passOn(run);
  if (!counted.some) return COUNTED_NONE;
  return counted.all ? COUNTED_ALL : COUNTED_SOME;
}

/** What an event does to one item by itself: its beginning, its end, its quantity. */
function applyRole(
  { facts, id }: EventRun,
  subject: Subject,
  ordinal: number,
  counted: { some: boolean; all: boolean },
): void {
  const { role, quantity } = facts.items[ordinal]!;
  const change = quantityChange(facts, role);
  const { draft } = subject.entry;
  if (!subject.isClass && draft.ended !== null) subject.flags |= FLAGS.afterEnd;
  if (!subject.inCustody) {
    if (change !== undefined && quantity !== null) counted.all = false;
    return;
  }
  if (subject.isClass) {
    if (change === undefined || quantity === null) return;
    const result = countQuantity(subject.entry, change, quantity);
    subject.flags |= result.flags;
    if (result.isCounted) counted.some = true;
    else counted.all = false;
    return;
  }
  if (isCommissioning(facts, role)) {
    if (draft.commissioned !== null) subject.flags |= FLAGS.recommissioned;
    else draft.commissioned = id;
  }
  if (change === "consume" && draft.ended === null) draft.ended = id;
}

function contain(run: EventRun, relation: Relation): void {
  const { facts, context, items } = run;
  if (facts.action === "OBSERVE") return;
  const containment = { state: context.state, items };
  const parent = run.subjects.find(({ ordinals }) => hasRole(facts, ordinals, ROLES.parent));
  const children = run.subjects.filter(({ ordinals }) => hasRole(facts, ordinals, ROLES.child));
  if (parent === undefined) return;
  if (facts.action === "DELETE") {
    release(run, relation, parent, children);
    return;
  }
  for (const child of children) {
    const field = fieldOf(run, child.ordinals.find((ordinal) => facts.items[ordinal]!.role === ROLES.child)!);
    if (child.entry === parent.entry) failStatement("trace.cycle", "would contain itself", field);
    // Amounts of a class stand in many places at once; their containment is in the logs alone.
    if (child.isClass) continue;
    if (!parent.inCustody || !child.inCustody || parent.isClass) child.flags |= FLAGS.notLinked;
    else child.flags |= link(containment, relation, parent.entry, child.entry, run.id, field);
  }
}

/** DELETE takes out the children it names, or all when it names none. */
function release(run: EventRun, relation: Relation, parent: Subject, children: readonly Subject[]): void {
  const { context, items, captor } = run;
  const containment = { state: context.state, items };
  if (!parent.inCustody) return;
  const field = fieldOf(run, parent.ordinals[0]!);
  if (children.length > 0) {
    for (const { entry, inCustody } of children) {
      const held = findLink(entry.draft, relation);
      if (inCustody && held !== undefined && equalBytes(held.parent, parent.entry.key))
        unlink(containment, relation, entry, field);
    }
    return;
  }
  for (const entry of unlinkAll(containment, relation, parent.entry, field)) {
    const custodian = findCustodian(items, entry, field);
    const inCustody = custodian !== null && equalBytes(custodian, captor);
    appendLeaf(run, entry, ROLES.released, inCustody, run.flags | (inCustody ? 0 : FLAGS.observed));
  }
}

function hasRole(facts: EventFacts, ordinals: readonly number[], role: number): boolean {
  return ordinals.some((ordinal) => facts.items[ordinal]!.role === role);
}

function passOn({ context, items, event, captor, subjects }: EventRun): void {
  const recipient = findRecipient(context.state, items, event, captor);
  if (recipient === undefined) return;
  for (const subject of subjects) {
    if (!subject.inCustody) continue;
    handOver(context.state, subject.entry, subject.isClass, captor, recipient);
    subject.flags |= FLAGS.handedOver;
  }
}

/** Finds the captor's event that this one declares in error, and undoes what can be undone of it. */
function correct(run: EventRun): void {
  const { facts } = run;
  const { hasher, state } = run.context;
  run.flags |= FLAGS.correction;
  const original = findOriginal(run);
  if (original === undefined) {
    run.flags |= FLAGS.correctionUnknown;
    return;
  }
  const leaf = makeLeaf(run, ROLES.correction, run.flags);
  if (appendCorrection(hasher, state, original.event, leaf, facts.declaration)) undo(run, original);
}

/** The captor's own earlier event with this content, or else under this eventID. */
function findOriginal({ context, captor, facts }: EventRun): OwnEvent | undefined {
  const { hasher, state } = context;
  const digest = computeFactsDigest(hasher, facts, null);
  const same = getOwnEvent(state, computeOwnKey(hasher, captor, facts.hash, digest));
  if (same !== undefined || facts.eventId === null) return same;
  const named = getOwnEvent(state, computeOwnAliasKey(hasher, captor, facts.eventId));
  if (named === undefined || named.counted === COUNTED_NONE) return named;
  // Its quantities are another content's: what was counted there cannot be told from here.
  return { ...named, counted: COUNTED_SOME };
}

/**
 * An event that did not occur loses what it put into the state, where its captor still answers for the item:
 * links, beginnings, ends, and quantities when all of them were counted. A completed hand-over stays.
 */
function undo(run: EventRun, { event: original, counted }: OwnEvent): void {
  const { context, items, facts } = run;
  const containment = { state: context.state, items };
  if (counted === COUNTED_SOME) run.flags |= FLAGS.notUndone;
  for (const subject of run.subjects) {
    const { entry, isClass, inCustody } = subject;
    const field = fieldOf(run, subject.ordinals[0]!);
    if (isClass) {
      if (counted === COUNTED_ALL) uncount(facts, subject);
      continue;
    }
    const { draft } = entry;
    const links = draft.parents.filter((held) => isSameEvent(held.event, original));
    const isCommissioned = draft.commissioned !== null && isSameEvent(draft.commissioned, original);
    const isEnded = draft.ended !== null && isSameEvent(draft.ended, original);
    if (!inCustody) {
      if (links.length > 0 || isCommissioned || isEnded) subject.flags |= FLAGS.notUndone;
      continue;
    }
    for (const { relation } of links) unlink(containment, relation as Relation, entry, field);
    if (isCommissioned) draft.commissioned = null;
    if (isEnded) draft.ended = null;
  }
}

function uncount(facts: EventFacts, subject: Subject): void {
  for (const ordinal of subject.ordinals) {
    const { role, quantity } = facts.items[ordinal]!;
    const change = quantityChange(facts, role);
    if (change === undefined || quantity === null) continue;
    const { flags, isCounted } = countQuantity(subject.entry, reverseChange(change), quantity);
    subject.flags |= flags;
    if (!isCounted) subject.flags |= FLAGS.notUndone;
  }
}

function makeLeaf(run: EventRun, role: number, flags: number): TraceLeaf {
  const { statementLeafHash, height, timeMs } = run.context;
  const { id, sliceHash, slices, captor } = run;
  return { event: id, sliceHash, slices, statementLeafHash, captor, role, flags, height, timeMs };
}

function appendLeaf(run: EventRun, entry: ItemEntry, role: number, inCustody: boolean, flags: number): void {
  const { hasher, state } = run.context;
  const { draft, key } = entry;
  const leaf = encode(traceLeaf, makeLeaf(run, role, flags));
  if (inCustody) draft.custody = appendToLog(hasher, state, custodyLog(key), draft.custody, leaf);
  else draft.observations = appendToLog(hasher, state, observationLog(key), draft.observations, leaf);
  run.context.touch(key);
}

/** One leaf for every role that an item has in the event. */
function appendLeaves(run: EventRun): void {
  const { facts, captor, context } = run;
  for (const { entry, ordinals, inCustody, flags } of run.subjects)
    for (const role of new Set(ordinals.map((ordinal) => facts.items[ordinal]!.role)))
      appendLeaf(run, entry, role, inCustody, run.flags | flags);
  if (facts.transformationId === null) return;
  const key = computeTransformationKey(context.hasher, captor, facts.transformationId);
  appendToList(context.hasher, context.state, key, makeLeaf(run, ROLES.listed, run.flags));
  context.touch(key);
}

function appendAliases(run: EventRun, ownKey: Uint8Array, own: OwnEvent): void {
  const { context, facts, captor } = run;
  const { hasher, state } = context;
  const leaf = makeLeaf(run, ROLES.listed, run.flags);
  appendToList(hasher, state, computeHashKey(hasher, facts.hash), leaf);
  setOwnEvent(state, ownKey, own);
  const alias = distinctAlias(facts);
  if (alias === undefined) return;
  appendToList(hasher, state, computeAliasKey(hasher, alias), leaf);
  if (facts.declaration === null) setOwnEvent(state, computeOwnAliasKey(hasher, captor, alias), own);
}

/** Where the derived record of an event stands. */
export function eventRecordKey({ capture, index }: EventId): Uint8Array {
  return encodeCbor(["event", capture, index]);
}

function putEventRecord(
  { context, captor }: CaptureRun,
  { id, sliceHash, facts }: CapturedEvent,
  flags: number,
  duplicateOf: EventId | null,
): void {
  const { statementLeafHash, height, timeMs } = context;
  const value = { captor, flags, height, timeMs, sliceHash, statementLeafHash, duplicateOf, facts };
  context.state.putDerived(eventRecordKey(id), encode(eventRecord, value));
}
