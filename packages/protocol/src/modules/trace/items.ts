/** What the state holds of items: logs' heads, custody, containment, quantities. */
import { type Address, address, digest } from "../../core/account.ts";
import { toHex } from "../../core/bytes.ts";
import { array, type Infer, nullable, record, text, uint } from "../../core/codec/definition.ts";
import type { Hasher } from "../../core/crypto.ts";
import { assertInvariant } from "../../core/errors.ts";
import { emptyLogHead, type LogHead, type LogId, logHead } from "../../core/state/log.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { ITEMS } from "../../core/state/partition.ts";
import { holdLogs } from "../../core/state/stored-log.ts";
import { defineTable } from "../../core/state/table.ts";
import { canonicalIdentity, type Identity } from "../../epcis/identity.ts";
import { findHolder } from "../identity/vendors.ts";
import { eventId, exactDecimal, identityText, TRACE_MODULE } from "./messages.ts";

/** AggregationEvents contain, and custody follows the container; AssociationEvents attach. */
export const AGGREGATION = 1;
export const ASSOCIATION = 2;
export type Relation = typeof AGGREGATION | typeof ASSOCIATION;

export const UNITS_MAX = 16;

const parentLink = record(undefined, {
  relation: uint(2),
  parent: digest,
  /** Place among the parent's children, so that either finds the other. */
  index: uint(),
  /** The event that put the item there. */
  event: eventId,
});
export type ParentLink = Infer<typeof parentLink>;

const knownQuantity = record(undefined, {
  uom: text({ max: 3 }),
  /** Produced minus consumed, counted from the first production in this unit on. */
  balance: exactDecimal,
});
export type KnownQuantity = Infer<typeof knownQuantity>;

export const itemRecord = record(1, {
  identity: identityText,
  custody: logHead,
  observations: logHead,
  /** Null: whoever holds the identifier prefix. Of classes always null. */
  custodian: nullable(address),
  /** A hand-over under way; void once `from` no longer answers for the item. */
  pending: nullable(record(undefined, { from: address, to: address })),
  parents: array(parentLink, { max: 2 }),
  aggregatedChildren: uint(),
  associatedChildren: uint(),
  commissioned: nullable(eventId),
  ended: nullable(eventId),
  quantities: array(knownQuantity, { max: UNITS_MAX }),
});
export type ItemRecord = Infer<typeof itemRecord>;

const items = defineTable<[Uint8Array], ItemRecord>("item", TRACE_MODULE, 1, itemRecord);
const children = defineTable<[Uint8Array, number, number], { child: Uint8Array }>(
  "child",
  TRACE_MODULE,
  2,
  record(1, { child: digest }),
);
/** Vendors other than the prefix holder that hold some of a class or lot: 1 handed over to, 2 received. */
const classHolders = defineTable<[Uint8Array, Address], { standing: number }>(
  "class holder",
  TRACE_MODULE,
  3,
  record(1, { standing: uint(2) }),
);
export const HANDED_OVER = 1;
export const RECEIVED = 2;

const LOG_CUSTODY = 1;
const LOG_OBSERVATIONS = 2;

export function custodyLog(key: Uint8Array): LogId {
  return [TRACE_MODULE, LOG_CUSTODY, key];
}

export function observationLog(key: Uint8Array): LogId {
  return [TRACE_MODULE, LOG_OBSERVATIONS, key];
}

export const itemLogs = holdLogs(items, ({ custody, observations }, _, [key]) => [
  { id: custodyLog(key), head: custody },
  { id: observationLog(key), head: observations },
]);

export function getItem(state: StateReader, key: Uint8Array): ItemRecord | undefined {
  return items.get(state, ITEMS, key);
}

/** Key of an item's record in the items partition. */
export function itemStateKey(key: Uint8Array): Uint8Array {
  return items.key(key);
}

export function getChild(
  state: StateReader,
  parent: Uint8Array,
  relation: Relation,
  index: number,
): Uint8Array | undefined {
  return children.get(state, ITEMS, parent, relation, index)?.child;
}

export function setChild(
  state: StateAccess,
  parent: Uint8Array,
  relation: Relation,
  index: number,
  child: Uint8Array | undefined,
): void {
  children.set(state, ITEMS, child === undefined ? undefined : { child }, parent, relation, index);
}

export function getClassStanding(state: StateReader, key: Uint8Array, vendor: Address): number {
  return classHolders.get(state, ITEMS, key, vendor)?.standing ?? 0;
}

export function setClassStanding(
  state: StateAccess,
  key: Uint8Array,
  vendor: Address,
  standing: number,
): void {
  classHolders.set(state, ITEMS, standing === 0 ? undefined : { standing }, key, vendor);
}

export type ItemDraft = { -readonly [K in keyof ItemRecord]: ItemRecord[K] };

export interface ItemEntry {
  readonly key: Uint8Array;
  /** What the state holds; undefined: nothing yet. */
  readonly stored: ItemRecord | undefined;
  readonly identity: Identity;
  /** Who holds its identifier prefix; null: nobody owns the namespace. */
  readonly holder: Address | null;
  readonly draft: ItemDraft;
}

/**
 * The items that a capture works on, each read once and written once: every reader of the capture sees the
 * same draft, and nothing is in the state before `flush`.
 */
export class ItemSet {
  private readonly state: StateAccess;
  private readonly emptyHead: LogHead;
  private readonly entries = new Map<string, ItemEntry>();
  private readonly holders = new Map<string, Address | null>();

  constructor(hasher: Pick<Hasher, "sha256">, state: StateAccess) {
    this.state = state;
    this.emptyHead = emptyLogHead(hasher);
  }

  /** The item of this identity, with an empty record where the state has none. */
  open(key: Uint8Array, identity: Identity): ItemEntry {
    const name = toHex(key);
    const held = this.entries.get(name);
    if (held !== undefined) return held;
    const stored = getItem(this.state, key);
    assertInvariant(
      stored === undefined || stored.identity === identity.key,
      "an item key is of one identity",
    );
    return this.add(name, key, stored, identity);
  }

  /** An item that another's record names. */
  require(key: Uint8Array): ItemEntry {
    const name = toHex(key);
    const held = this.entries.get(name);
    if (held !== undefined) return held;
    const stored = getItem(this.state, key);
    assertInvariant(stored !== undefined, "a linked item is in the state");
    return this.add(name, key, stored, canonicalIdentity(stored.identity, "item"));
  }

  /** The vendor with the longest granted prefix, looked up once per company prefix. */
  findHolder(identity: Identity): Address | null {
    // Prefixes of GS1 keys have at most 12 digits.
    const name = identity.gs1 === undefined ? identity.key : identity.gs1.digits.slice(0, 12);
    const known = this.holders.get(name);
    if (known !== undefined) return known;
    const holder = findHolder(this.state, identity)?.vendor ?? null;
    this.holders.set(name, holder);
    return holder;
  }

  flush(): void {
    for (const { key, draft, stored } of this.entries.values())
      if (stored === undefined || isChanged(stored, draft)) items.set(this.state, ITEMS, draft, key);
  }

  private add(name: string, key: Uint8Array, stored: ItemRecord | undefined, identity: Identity): ItemEntry {
    const draft = stored === undefined ? this.emptyRecord(identity.key) : { ...stored };
    const entry = { key, stored, identity, holder: this.findHolder(identity), draft };
    this.entries.set(name, entry);
    return entry;
  }

  private emptyRecord(identity: string): ItemRecord {
    return {
      identity,
      custody: this.emptyHead,
      observations: this.emptyHead,
      custodian: null,
      pending: null,
      parents: [],
      aggregatedChildren: 0,
      associatedChildren: 0,
      commissioned: null,
      ended: null,
      quantities: [],
    };
  }
}

/** Fields are replaced, never changed in place. */
function isChanged(stored: ItemRecord, draft: ItemRecord): boolean {
  return (Object.keys(stored) as (keyof ItemRecord)[]).some((name) => stored[name] !== draft[name]);
}

export function findLink(draft: ItemRecord, relation: Relation): ParentLink | undefined {
  return draft.parents.find((link) => link.relation === relation);
}

export function countChildren(draft: ItemRecord, relation: Relation): number {
  return relation === AGGREGATION ? draft.aggregatedChildren : draft.associatedChildren;
}
