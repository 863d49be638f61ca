/** What an event changes in the state: containment, beginnings and ends, quantities, hand-over. */
import { equalBytes } from "../../core/bytes.ts";
import { failStatement } from "../../core/status.ts";
import { COUNTED_ALL, COUNTED_NONE, COUNTED_SOME } from "./aliases.ts";
import { link, unlink, unlinkAll } from "./containment.ts";
import { findCustodian, findRecipient, handOver, isVoidingShipment } from "./custody.ts";
import { appendLeaf, type EventRun, fieldOf, hasRole, isCommissioning, type Subject } from "./event-run.ts";
import { AGGREGATION, ASSOCIATION, findLink, type Relation } from "./items.ts";
import { FLAGS, ROLES } from "./messages.ts";
import { countQuantity, quantityChange, yieldsTooMuch } from "./quantities.ts";

/** Changes the state and sets flags. Returns which of the event's quantities were counted. */
export function applyEffects(run: EventRun): number {
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

function passOn({ context, items, event, captor, subjects }: EventRun): void {
  const recipient = findRecipient(context.state, items, event, captor);
  if (recipient === undefined) return;
  for (const subject of subjects) {
    if (!subject.inCustody) continue;
    handOver(context.state, subject.entry, subject.isClass, captor, recipient);
    subject.flags |= FLAGS.handedOver;
  }
}
