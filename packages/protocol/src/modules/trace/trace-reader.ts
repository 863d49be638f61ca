/** Reads traces out of the state: the committed heads say how long each log is. */
import { toHex } from "../../core/bytes.ts";
import { decode } from "../../core/codec/definition.ts";
import type { Hasher } from "../../core/crypto.ts";
import { assertInvariant, LhgError } from "../../core/errors.ts";
import { getLeaf, type LogHead, type LogId } from "../../core/state/log.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { getList, listKeysOf, listLog } from "./aliases.ts";
import { correctionLog, getCorrections } from "./corrections.ts";
import { computeTransformationKey } from "./facts.ts";
import { custodyLog, getItem, observationLog } from "./items.ts";
import { type EventId, type EventRecord, eventRecord, type TraceLeaf, traceLeaf } from "./messages.ts";
import type { TraceReader } from "./timelines.ts";
import { eventRecordKey } from "./trace.ts";

/** Leaves of one log that are read for a trace at most. */
export const LOG_LEAVES_MAX = 100_000;

/** The encoded leaves of a log from index `from` on, at most `count` of them. */
export function readLeafBytes(
  state: StateReader,
  id: LogId,
  head: LogHead,
  from = 0,
  count = LOG_LEAVES_MAX,
): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let index = from; index < Math.min(head.size, from + count); index++) {
    const leaf = getLeaf(state, id, index);
    assertInvariant(leaf !== undefined, "leaves of traces are kept");
    out.push(leaf);
  }
  return out;
}

export function readLeaves(
  state: StateReader,
  id: LogId,
  head: LogHead,
  from?: number,
  count?: number,
): TraceLeaf[] {
  return readLeafBytes(state, id, head, from, count).map((leaf) => decode(traceLeaf, leaf, "leaf"));
}

function readWholeLog(state: StateReader, id: LogId, head: LogHead | undefined): TraceLeaf[] {
  if (head === undefined) return [];
  if (head.size > LOG_LEAVES_MAX)
    throw new LhgError("trace.log-too-long", `an item on the way has ${head.size} events`, "identity");
  return readLeaves(state, id, head);
}

/** The derived record of an event; undefined where no capture that executed holds it. */
export function getEventRecord(state: StateReader, event: EventId): EventRecord | undefined {
  const stored = state.getDerived(eventRecordKey(event));
  return stored === undefined ? undefined : decode(eventRecord, stored, "event");
}

/** The events known by an eventID or a hash id of CBV 2.0, oldest first; `count` at most of each list. */
export function findEventsByAlias(
  hasher: Pick<Hasher, "sha256">,
  state: StateReader,
  alias: string,
  count = 1_000,
): EventId[] {
  const found = new Map<string, EventId>();
  for (const key of listKeysOf(hasher, alias)) {
    const head = getList(state, key);
    if (head === undefined) continue;
    for (const { event } of readLeaves(state, listLog(key), head, 0, count))
      found.set(`${toHex(event.capture)} ${event.index}`, event);
  }
  return [...found.values()];
}

/** A reader over the state, or over a view of it at an earlier height. Throws `trace.log-too-long`, `trace.body-pruned`. */
export function stateTraceReader(hasher: Pick<Hasher, "sha256">, state: StateReader): TraceReader {
  return {
    hasher,
    getCustody: ({ key }) => readWholeLog(state, custodyLog(key), getItem(state, key)?.custody),
    getObservations: ({ key }) => readWholeLog(state, observationLog(key), getItem(state, key)?.observations),
    getTransformation: (captor, transformationId) => {
      const key = computeTransformationKey(hasher, captor, transformationId);
      return readWholeLog(state, listLog(key), getList(state, key));
    },
    getFacts: (event) => {
      const found = getEventRecord(state, event);
      // Leaves outlast what follows from captures: a node that began with a snapshot has none of it.
      if (found === undefined)
        throw new LhgError(
          "trace.body-pruned",
          `what ${toHex(event.capture)} says is not kept here`,
          "capture",
        );
      return found.facts;
    },
    getCorrections: (event) => readWholeLog(state, correctionLog(event), getCorrections(state, event)?.log),
  };
}
