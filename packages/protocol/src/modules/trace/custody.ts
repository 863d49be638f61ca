/** Whose word on an item counts, and how custody passes from one vendor to another. */
import type { Address } from "../../core/account.ts";
import { equalBytes } from "../../core/bytes.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { failStatement } from "../../core/status.ts";
import type { EpcisEvent } from "../../epcis/event-model.ts";
import { BIZ_STEPS, SOURCE_DESTINATION_TYPES } from "../../epcis/vocabulary.ts";
import { ADMITTED, getVendor } from "../identity/vendors.ts";
import {
  AGGREGATION,
  findLink,
  getClassStanding,
  HANDED_OVER,
  type ItemEntry,
  type ItemSet,
  RECEIVED,
  type Relation,
  setClassStanding,
} from "./items.ts";

/** Containers in containers: a walk up never takes more steps. */
export const DEPTH_MAX = 64;

const SENDING_STEPS = bizSteps("shipping", "departing");
const RECEIVING_STEPS = bizSteps("receiving", "accepting", "arriving");
const VOIDING_STEPS = bizSteps("void_shipping");
const POSSESSING_PARTY = `${SOURCE_DESTINATION_TYPES.base}possessing_party`;
const OWNING_PARTY = `${SOURCE_DESTINATION_TYPES.base}owning_party`;

function bizSteps(...names: readonly string[]): ReadonlySet<string | undefined> {
  return new Set(names.map((name) => BIZ_STEPS.base + name));
}

export const isReceiving = (event: EpcisEvent): boolean => RECEIVING_STEPS.has(event.bizStep);
export const isVoidingShipment = (event: EpcisEvent): boolean => VOIDING_STEPS.has(event.bizStep);

/** The item's containers from the nearest out. Fails the statement `trace.depth` beyond DEPTH_MAX of them. */
export function walkUp(items: ItemSet, entry: ItemEntry, relation: Relation, field: string): ItemEntry[] {
  const out: ItemEntry[] = [];
  for (let at = entry; ; ) {
    const link = findLink(at.draft, relation);
    if (link === undefined) return out;
    if (out.length === DEPTH_MAX)
      failStatement("trace.depth", `items may be contained at most ${DEPTH_MAX} deep`, field);
    at = items.require(link.parent);
    out.push(at);
  }
}

/** Who answers for a thing that stands alone. */
export function ownCustodian(entry: ItemEntry): Address | null {
  return entry.draft.custodian ?? entry.holder;
}

/** Who answers for a thing: the custodian of its outermost container, since custody follows the container. */
export function findCustodian(items: ItemSet, entry: ItemEntry, field: string): Address | null {
  let custodian = ownCustodian(entry);
  for (const container of walkUp(items, entry, AGGREGATION, field))
    custodian = ownCustodian(container) ?? custodian;
  return custodian;
}

/** Whether `vendor` answers for a class or lot: it holds the prefix, or has received some of it. */
export function holdsClass(state: StateReader, entry: ItemEntry, vendor: Address): boolean {
  if (entry.holder !== null && equalBytes(entry.holder, vendor)) return true;
  return getClassStanding(state, entry.key, vendor) === RECEIVED;
}

/** The admitted vendor to which an event that ships says that possession, or else ownership, passes. */
export function findRecipient(
  state: StateReader,
  items: ItemSet,
  event: EpcisEvent,
  captor: Address,
): Address | undefined {
  if (!SENDING_STEPS.has(event.bizStep)) return undefined;
  for (const type of [POSSESSING_PARTY, OWNING_PARTY])
    for (const destination of event.destinations) {
      if (destination.type !== type) continue;
      const vendor = items.findHolder(destination.identity);
      if (vendor === null) continue;
      // Sold but not sent: who owns it changes, who has it does not.
      if (equalBytes(vendor, captor)) return undefined;
      if (getVendor(state, vendor)?.standing === ADMITTED) return vendor;
    }
  return undefined;
}

export function handOver(
  state: StateAccess,
  entry: ItemEntry,
  isClass: boolean,
  from: Address,
  to: Address,
): void {
  if (!isClass) entry.draft.pending = { from, to };
  else if (getClassStanding(state, entry.key, to) === 0) setClassStanding(state, entry.key, to, HANDED_OVER);
}

/** Whether the vendor that answers for the thing is handing it over to `vendor`. */
export function isHandedOver(items: ItemSet, entry: ItemEntry, vendor: Address, field: string): boolean {
  const { pending } = entry.draft;
  if (pending === null || !equalBytes(pending.to, vendor)) return false;
  const custodian = findCustodian(items, entry, field);
  return custodian !== null && equalBytes(custodian, pending.from);
}

/** Completes the hand-over of some of a class to `vendor`, if one is under way. */
export function receiveClass(state: StateAccess, entry: ItemEntry, vendor: Address): boolean {
  if (getClassStanding(state, entry.key, vendor) !== HANDED_OVER) return false;
  setClassStanding(state, entry.key, vendor, RECEIVED);
  return true;
}
