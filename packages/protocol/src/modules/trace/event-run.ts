/** What executing one event works on, and how it joins the logs of items. */
import type { Address } from "../../core/account.ts";
import { encode } from "../../core/codec/definition.ts";
import type { JsonObject } from "../../core/json.ts";
import type { StatementContext } from "../../core/module.ts";
import { appendToLog } from "../../core/state/log.ts";
import type { EpcisEvent } from "../../epcis/event-model.ts";
import { itemPath } from "./facts.ts";
import { custodyLog, type ItemEntry, type ItemSet, observationLog } from "./items.ts";
import { type EventFacts, type EventId, ROLES, type TraceLeaf, traceLeaf } from "./messages.ts";

/** What the events of one capture share. */
export interface CaptureRun {
  readonly context: StatementContext;
  readonly captor: Address;
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
export interface Subject {
  readonly entry: ItemEntry;
  isClass: boolean;
  /** Indexes into facts.items. */
  readonly ordinals: number[];
  /** Whether the captor answers for the item, so that its word changes the state. */
  inCustody: boolean;
  flags: number;
}

/** All that executing one event works on. */
export interface EventRun extends CaptureRun, CapturedEvent {
  readonly subjects: readonly Subject[];
  /** Of the event as a whole; every leaf bears them. */
  flags: number;
}

/** JSON path of an item of the event. */
export function fieldOf({ node, path }: Pick<CapturedEvent, "node" | "path">, ordinal: number): string {
  return itemPath(node, path, ordinal);
}

/** Whether an event in this role brings an item into being. */
export function isCommissioning(facts: EventFacts, role: number): boolean {
  if (role === ROLES.output) return true;
  return facts.type === "ObjectEvent" && facts.action === "ADD" && role === ROLES.epc;
}

export function hasRole(facts: EventFacts, ordinals: readonly number[], role: number): boolean {
  return ordinals.some((ordinal) => facts.items[ordinal]!.role === role);
}

export function makeLeaf(run: EventRun, role: number, flags: number): TraceLeaf {
  const { statementLeafHash, height, timeMs } = run.context;
  const { id, sliceHash, captor } = run;
  return { event: id, sliceHash, statementLeafHash, captor, role, flags, height, timeMs };
}

export function appendLeaf(
  run: EventRun,
  entry: ItemEntry,
  role: number,
  inCustody: boolean,
  flags: number,
): void {
  const { hasher, state } = run.context;
  const { draft, key } = entry;
  const leaf = encode(traceLeaf, makeLeaf(run, role, flags));
  if (inCustody) draft.custody = appendToLog(hasher, state, custodyLog(key), draft.custody, leaf);
  else draft.observations = appendToLog(hasher, state, observationLog(key), draft.observations, leaf);
  run.context.touch(key);
}
