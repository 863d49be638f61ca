/** Corrections: an event's captor alone declares it in error, in a log of the event's own. */
import { equalBytes } from "../../core/bytes.ts";
import { encode, type Infer, record, uint } from "../../core/codec/definition.ts";
import type { Hasher } from "../../core/crypto.ts";
import { appendToLog, emptyLogHead, type LogId, logHead } from "../../core/state/log.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { ITEMS } from "../../core/state/partition.ts";
import { holdLogs } from "../../core/state/stored-log.ts";
import { defineTable } from "../../core/state/table.ts";
import { ERROR_REASONS } from "../../epcis/vocabulary.ts";
import { type EventFacts, type EventId, TRACE_MODULE, type TraceLeaf, traceLeaf } from "./messages.ts";

const LOG_CORRECTIONS = 4;
const DID_NOT_OCCUR = `${ERROR_REASONS.base}did_not_occur`;

/** Present once an event is declared in error. */
export const correctionRecord = record(1, {
  log: logHead,
  /** 1 once its captor has declared that it did not occur. */
  isRetracted: uint(1),
});
export type CorrectionRecord = Infer<typeof correctionRecord>;

const corrections = defineTable<[Uint8Array, number], CorrectionRecord>(
  "corrections",
  TRACE_MODULE,
  6,
  correctionRecord,
);

export function correctionLog({ capture, index }: EventId): LogId {
  return [TRACE_MODULE, LOG_CORRECTIONS, capture, index];
}

export const correctionLogs = holdLogs(corrections, ({ log }, _, [capture, index]) => [
  { id: correctionLog({ capture, index }), head: log },
]);

export function getCorrections(state: StateReader, event: EventId): CorrectionRecord | undefined {
  return corrections.get(state, ITEMS, event.capture, event.index);
}

/** Key of the record of an event's corrections in the items partition. */
export function correctionStateKey(event: EventId): Uint8Array {
  return corrections.key(event.capture, event.index);
}

/** Whether a declaration says that the event did not occur at all. */
export function isRetraction(declaration: EventFacts["declaration"]): boolean {
  return declaration?.reason === DID_NOT_OCCUR;
}

/** Appends a correction to its event's log. Returns whether it is the first to say that the event did not occur. */
export function appendCorrection(
  hasher: Pick<Hasher, "sha256">,
  state: StateAccess,
  original: EventId,
  leaf: TraceLeaf,
  declaration: EventFacts["declaration"],
): boolean {
  const held = getCorrections(state, original) ?? { log: emptyLogHead(hasher), isRetracted: 0 };
  const log = appendToLog(hasher, state, correctionLog(original), held.log, encode(traceLeaf, leaf));
  const isFirst = held.isRetracted === 0 && isRetraction(declaration);
  const value = { log, isRetracted: isFirst ? 1 : held.isRetracted };
  corrections.set(state, ITEMS, value, original.capture, original.index);
  return isFirst;
}

export function isSameEvent(a: EventId, b: EventId): boolean {
  return a.index === b.index && equalBytes(a.capture, b.capture);
}
