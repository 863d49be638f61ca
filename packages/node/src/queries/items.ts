import { toHex } from "@lhg/protocol/core/bytes";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import type { LogHead } from "@lhg/protocol/core/state/log";
import type { StateReader } from "@lhg/protocol/core/state/overlay";
import { ITEMS } from "@lhg/protocol/core/state/partition";
import { canonicalIdentity, type Identity } from "@lhg/protocol/epcis/identity";
import { findHolder } from "@lhg/protocol/modules/identity/vendors";
import { DEPTH_MAX } from "@lhg/protocol/modules/trace/custody";
import { computeItemKey } from "@lhg/protocol/modules/trace/facts";
import {
  AGGREGATION,
  ASSOCIATION,
  countChildren,
  custodyLog,
  findLink,
  getChild,
  getItem,
  type ItemRecord,
  itemStateKey,
  observationLog,
} from "@lhg/protocol/modules/trace/items";
import { roleName } from "@lhg/protocol/modules/trace/messages";
import { getEventRecord, readLeaves } from "@lhg/protocol/modules/trace/trace-reader";
import { openState, type ProofArgs, proveIfAsked } from "./accounts.ts";
import type { QueryContext } from "./context.ts";
import { formatEventId, requireEventRecord, viewEvent } from "./events.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers } from "./paging.ts";
import { requireSome } from "./stored.ts";
import type { ItemChild, ItemEvent, ItemView, Page, RelationName } from "./views.ts";

const RELATIONS = { aggregation: AGGREGATION, association: ASSOCIATION } as const;
const RELATION_NAMES: ReadonlyMap<number, RelationName> = new Map([
  [AGGREGATION, "aggregation"],
  [ASSOCIATION, "association"],
]);

interface FoundItem {
  readonly identity: Identity;
  readonly key: Uint8Array;
  readonly record: ItemRecord;
}

function requireItem({ crypto }: QueryContext, state: StateReader, id: string): FoundItem {
  const identity = canonicalIdentity(id, "id");
  const key = computeItemKey(crypto, identity.key);
  const record = getItem(state, key);
  if (record === undefined) throw new LhgError("item.not-found", "no event names this item", "id");
  return { identity, key, record };
}

function requireRecord(state: StateReader, key: Uint8Array): ItemRecord {
  const found = getItem(state, key);
  assertInvariant(found !== undefined, "a linked item is in the state");
  return found;
}

/** Containers by aggregation from the nearest out, DEPTH_MAX at most: what lies deeper cannot move. */
function findContainers(state: StateReader, record: ItemRecord): { key: Uint8Array; record: ItemRecord }[] {
  const out: { key: Uint8Array; record: ItemRecord }[] = [];
  for (let at = record; out.length < DEPTH_MAX; ) {
    const link = findLink(at, AGGREGATION);
    if (link === undefined) break;
    at = requireRecord(state, link.parent);
    out.push({ key: link.parent, record: at });
  }
  return out;
}

function findOwnCustodian(state: StateReader, { custodian, identity }: ItemRecord): Uint8Array | undefined {
  return custodian ?? findHolder(state, canonicalIdentity(identity, "item"))?.vendor;
}

function viewLog({ size, root }: LogHead): ItemView["custody"] {
  return { size, root: toHex(root) };
}

function hexOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : toHex(bytes);
}

/** By any URI of the item: EPC URN, Digital Link or CURIE. Throws `identity.*`, `item.not-found`. */
export function getItemView(context: QueryContext, args: ProofArgs & { readonly id: string }): ItemView {
  const { state, height } = openState(context, args);
  const { identity, key, record } = requireItem(context, state, args.id);
  const holder = findHolder(state, identity);
  const containers = findContainers(state, record);
  let custodian = findOwnCustodian(state, record);
  for (const container of containers) custodian = findOwnCustodian(state, container.record) ?? custodian;
  const { pending, commissioned, ended } = record;
  return {
    height,
    identity: identity.key,
    key: toHex(key),
    kind: identity.kind,
    holder: holder === undefined ? null : { vendor: toHex(holder.vendor), prefix: holder.prefix },
    custodian: hexOrNull(custodian),
    pending: pending === null ? null : { from: toHex(pending.from), to: toHex(pending.to) },
    containers: containers.map((entry) => ({ identity: entry.record.identity, key: toHex(entry.key) })),
    parents: record.parents.map(({ relation, parent, event }) => ({
      relation: RELATION_NAMES.get(relation)!,
      identity: requireRecord(state, parent).identity,
      key: toHex(parent),
      event: formatEventId(event),
    })),
    children: { aggregation: record.aggregatedChildren, association: record.associatedChildren },
    commissioned: commissioned === null ? null : formatEventId(commissioned),
    ended: ended === null ? null : formatEventId(ended),
    quantities: record.quantities.map(({ uom, balance }) => ({ uom, balance: formatDecimal(balance) })),
    custody: viewLog(record.custody),
    observations: viewLog(record.observations),
    ...proveIfAsked(context, args, ITEMS, itemStateKey(key)),
  };
}

export interface ItemChildrenArgs extends PageArgs {
  readonly id: string;
  /** Aggregation by default. */
  readonly relation?: RelationName;
}

/** What stands in an item now. */
export function listItemChildren(context: QueryContext, args: ItemChildrenArgs): Page<ItemChild> {
  const paging = openPage(context, "listItemChildren", args, NUMBER_BYTES);
  const { state } = context;
  const { key, record } = requireItem(context, state, args.id);
  const relation = RELATIONS[args.relation ?? "aggregation"];
  const last = countChildren(record, relation) - 1;
  return pageNumbers(paging, { first: 0, last, step: 1 }, (index) => {
    const child = getChild(state, key, relation, index);
    if (child === undefined) return undefined;
    return { identity: requireRecord(state, child).identity, key: toHex(child) };
  });
}

export interface ItemEventsArgs extends PageArgs {
  readonly id: string;
  /** What its custodians recorded (the default), or what others observed. */
  readonly log?: "custody" | "observations";
}

/** The events of an item as its log has them, newest first. After a snapshot those before it have no record here and are left out. */
export function listItemEvents(context: QueryContext, args: ItemEventsArgs): Page<ItemEvent> {
  const paging = openPage(context, "listItemEvents", args, NUMBER_BYTES);
  const { state } = context;
  const { key, record } = requireItem(context, state, args.id);
  const isCustody = args.log !== "observations";
  const head = isCustody ? record.custody : record.observations;
  const id = isCustody ? custodyLog(key) : observationLog(key);
  let isPruned = false;
  const page = pageNumbers(paging, { first: head.size - 1, last: 0, step: -1 }, (index) => {
    const [leaf] = readLeaves(state, id, head, index, 1);
    if (leaf === undefined) return undefined;
    isPruned = context.firstHeight > 1 && getEventRecord(state, leaf.event) === undefined;
    if (isPruned) return undefined;
    const { facts } = requireEventRecord(context, leaf.event);
    return { index, role: roleName(leaf.role), event: viewEvent(leaf.event, leaf, facts) };
  });
  return requireSome(context, page, isPruned);
}
