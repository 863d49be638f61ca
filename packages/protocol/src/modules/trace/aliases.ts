/**
 * Other names of events: the CBV hash and the eventID lead to lists of events, since neither is unique, and a
 * list is a log, so that it can be shown to be whole. What decides about repetition and correction is not
 * the list, which anyone may lengthen, but one entry per captor.
 */
import type { Address } from "../../core/account.ts";
import { equalBytes } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { encode, record, uint } from "../../core/codec/definition.ts";
import type { Hasher } from "../../core/crypto.ts";
import { appendToLog, emptyLogHead, type LogHead, type LogId, logHead } from "../../core/state/log.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { ITEMS } from "../../core/state/partition.ts";
import { holdLogs } from "../../core/state/stored-log.ts";
import { defineTable } from "../../core/state/table.ts";
import { parseHashId } from "./facts.ts";
import {
  type EventFacts,
  type EventId,
  eventId,
  TRACE_MODULE,
  type TraceLeaf,
  traceLeaf,
} from "./messages.ts";

type Sha256 = Pick<Hasher, "sha256">;

const LOG_LIST = 3;

const lists = defineTable<[Uint8Array], { log: LogHead }>(
  "event list",
  TRACE_MODULE,
  4,
  record(1, { log: logHead }),
);

/** Key of the list of events with this CBV hash. */
export function computeHashKey(hasher: Sha256, hash: Uint8Array): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-event-hash", hash]));
}

/** Key of the list of events whose eventID is this text; whether it is true of them is not asked. */
export function computeAliasKey(hasher: Sha256, alias: string): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-event-alias", alias]));
}

/** The lists in which events of this name can stand: a hash id of CBV 2.0 may be a hash and an eventID. */
export function listKeysOf(hasher: Sha256, alias: string): Uint8Array[] {
  const hash = parseHashId(alias);
  const named = computeAliasKey(hasher, alias);
  return hash === undefined ? [named] : [computeHashKey(hasher, hash), named];
}

/** The eventID where it says more than the event's own hash does. */
export function distinctAlias({ eventId: alias, hash }: EventFacts): string | undefined {
  if (alias === null) return undefined;
  const claimed = parseHashId(alias);
  return claimed !== undefined && equalBytes(claimed, hash) ? undefined : alias;
}

export function listLog(key: Uint8Array): LogId {
  return [TRACE_MODULE, LOG_LIST, key];
}

export const listLogs = holdLogs(lists, ({ log }, _, [key]) => [{ id: listLog(key), head: log }]);

export function getList(state: StateReader, key: Uint8Array): LogHead | undefined {
  return lists.get(state, ITEMS, key)?.log;
}

/** Key of a list's record in the items partition. */
export function listStateKey(key: Uint8Array): Uint8Array {
  return lists.key(key);
}

export const listRecord = lists.codec;

export function appendToList(hasher: Sha256, state: StateAccess, key: Uint8Array, leaf: TraceLeaf): void {
  const head = getList(state, key) ?? emptyLogHead(hasher);
  const log = appendToLog(hasher, state, listLog(key), head, encode(traceLeaf, leaf));
  lists.set(state, ITEMS, { log }, key);
}

/** Which of the quantities of an event were counted. */
export const COUNTED_NONE = 0;
export const COUNTED_ALL = 1;
export const COUNTED_SOME = 2;

const ownEvent = record(1, { event: eventId, counted: uint(2) });
export interface OwnEvent {
  readonly event: EventId;
  readonly counted: number;
}
const ownEvents = defineTable<[Uint8Array], OwnEvent>("captor's event", TRACE_MODULE, 5, ownEvent);

/** The captor's own latest event with this content (computeFactsDigest) and hash. */
export function computeOwnKey(
  hasher: Sha256,
  captor: Address,
  hash: Uint8Array,
  factsDigest: Uint8Array,
): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-own-event", captor, hash, factsDigest]));
}

/** The captor's own latest event under this eventID. */
export function computeOwnAliasKey(hasher: Sha256, captor: Address, alias: string): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-own-alias", captor, alias]));
}

export function getOwnEvent(state: StateReader, key: Uint8Array): OwnEvent | undefined {
  return ownEvents.get(state, ITEMS, key);
}

export function setOwnEvent(state: StateAccess, key: Uint8Array, value: OwnEvent): void {
  ownEvents.set(state, ITEMS, value, key);
}
