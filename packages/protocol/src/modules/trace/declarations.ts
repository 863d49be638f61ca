/** Events that declare an earlier one in error: which one they mean, and what of it is undone. */
import {
  COUNTED_ALL,
  COUNTED_NONE,
  COUNTED_SOME,
  computeOwnAliasKey,
  computeOwnKey,
  getOwnEvent,
  type OwnEvent,
} from "./aliases.ts";
import { unlink } from "./containment.ts";
import { appendCorrection, isSameEvent } from "./corrections.ts";
import { type EventRun, fieldOf, makeLeaf, type Subject } from "./event-run.ts";
import { computeFactsDigest } from "./facts.ts";
import type { Relation } from "./items.ts";
import { type EventFacts, FLAGS, ROLES } from "./messages.ts";
import { countQuantity, quantityChange, reverseChange } from "./quantities.ts";

/** Finds the captor's event that this one declares in error, and undoes what can be undone of it. */
export function correct(run: EventRun): void {
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
