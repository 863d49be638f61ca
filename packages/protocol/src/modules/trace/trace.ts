/** Executes one event of a capture: who may say it, what it changes, and the logs that it joins. */
import { equalBytes } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { encode } from "../../core/codec/definition.ts";
import { failStatement } from "../../core/status.ts";
import { matchesPrefix } from "../../epcis/identity.ts";
import {
  appendToList,
  COUNTED_NONE,
  computeAliasKey,
  computeHashKey,
  computeOwnAliasKey,
  computeOwnKey,
  distinctAlias,
  getOwnEvent,
  type OwnEvent,
  setOwnEvent,
} from "./aliases.ts";
import { unlink } from "./containment.ts";
import { getCorrections } from "./corrections.ts";
import { findCustodian, holdsClass, isHandedOver, isReceiving, receiveClass } from "./custody.ts";
import { correct } from "./declarations.ts";
import { applyEffects } from "./effects.ts";
import {
  appendLeaf,
  type CapturedEvent,
  type CaptureRun,
  type EventRun,
  fieldOf,
  isCommissioning,
  makeLeaf,
  type Subject,
} from "./event-run.ts";
import { computeTransformationKey } from "./facts.ts";
import { AGGREGATION, type ItemEntry } from "./items.ts";
import {
  type EventId,
  eventRecord,
  FLAGS,
  NOTICE_DUPLICATE,
  NOTICE_EVENT,
  ROLES,
  TRACE_MODULE,
} from "./messages.ts";

/** Executes an event of a capture, or fails the statement: `trace.*`. */
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
