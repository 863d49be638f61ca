/** What stands in what: parents and children in the state. */
import { equalBytes } from "../../core/bytes.ts";
import { assertInvariant } from "../../core/errors.ts";
import type { StateAccess } from "../../core/state/overlay.ts";
import { failStatement } from "../../core/status.ts";
import { findCustodian, ownCustodian, walkUp } from "./custody.ts";
import {
  AGGREGATION,
  countChildren,
  findLink,
  getChild,
  type ItemEntry,
  type ItemSet,
  type Relation,
  setChild,
} from "./items.ts";
import { type EventId, FLAGS } from "./messages.ts";

/** Children that one event takes out without naming them; more must be named, and are paid by their bytes. */
const RELEASED_MAX = 1_000;

export interface ContainmentContext {
  readonly state: StateAccess;
  readonly items: ItemSet;
}

function setCount(entry: ItemEntry, relation: Relation, count: number): void {
  if (relation === AGGREGATION) entry.draft.aggregatedChildren = count;
  else entry.draft.associatedChildren = count;
}

/**
 * Puts a child into a parent and returns what is to be flagged. Fails the statement `trace.cycle` where the child
 * contains the parent.
 */
export function link(
  { state, items }: ContainmentContext,
  relation: Relation,
  parent: ItemEntry,
  child: ItemEntry,
  event: EventId,
  field: string,
): number {
  const above = [parent, ...walkUp(items, parent, relation, field)];
  if (above.some((entry) => equalBytes(entry.key, child.key)))
    failStatement("trace.cycle", "would contain itself", field);
  const held = findLink(child.draft, relation);
  if (held !== undefined && equalBytes(held.parent, parent.key)) return 0;
  if (held !== undefined) unlink({ state, items }, relation, child, field);
  const index = countChildren(parent.draft, relation);
  setChild(state, parent.key, relation, index, child.key);
  setCount(parent, relation, index + 1);
  // What was on its way to somebody and is packed goes where its container goes.
  if (relation === AGGREGATION) child.draft.pending = null;
  child.draft.parents = [...child.draft.parents, { relation, parent: parent.key, index, event }];
  return held === undefined ? 0 : FLAGS.reparented;
}

/** Takes a child out; whoever answered for its container answers for it from then on. */
export function unlink(
  { state, items }: ContainmentContext,
  relation: Relation,
  child: ItemEntry,
  field: string,
): void {
  const held = findLink(child.draft, relation);
  assertInvariant(held !== undefined, "only a contained item is taken out");
  if (relation === AGGREGATION) keepCustodian(items, child, field);
  const parent = items.require(held.parent);
  const last = countChildren(parent.draft, relation) - 1;
  if (held.index !== last) {
    const moved = getChild(state, parent.key, relation, last);
    assertInvariant(moved !== undefined, "children are numbered without gaps");
    setChild(state, parent.key, relation, held.index, moved);
    const sibling = items.require(moved);
    sibling.draft.parents = sibling.draft.parents.map((entry) =>
      entry.relation === relation ? { ...entry, index: held.index } : entry,
    );
  }
  setChild(state, parent.key, relation, last, undefined);
  setCount(parent, relation, last);
  child.draft.parents = child.draft.parents.filter((entry) => entry.relation !== relation);
}

function keepCustodian(items: ItemSet, child: ItemEntry, field: string): void {
  const custodian = findCustodian(items, child, field);
  const own = ownCustodian(child);
  if (custodian === null || (own !== null && equalBytes(own, custodian))) return;
  child.draft.custodian = custodian;
  child.draft.pending = null;
}

/** Takes out all children, and returns them. Fails the statement `trace.children` when they are too many. */
export function unlinkAll(
  context: ContainmentContext,
  relation: Relation,
  parent: ItemEntry,
  field: string,
): ItemEntry[] {
  const count = countChildren(parent.draft, relation);
  if (count > RELEASED_MAX)
    failStatement(
      "trace.children",
      `contains ${count} items; more than ${RELEASED_MAX} must be named to be taken out`,
      field,
    );
  const out: ItemEntry[] = [];
  for (let index = count - 1; index >= 0; index--) {
    const key = getChild(context.state, parent.key, relation, index);
    assertInvariant(key !== undefined, "children are numbered without gaps");
    const child = context.items.require(key);
    unlink(context, relation, child, field);
    out.push(child);
  }
  return out.reverse();
}
