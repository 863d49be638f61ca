import { decodeUtf8, toHex } from "@lhg/protocol/core/bytes";
import { formatDecimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { parseSlice } from "@lhg/protocol/epcis/document";
import { sliceKey } from "@lhg/protocol/modules/trace/capture";
import { correctionLog, getCorrections } from "@lhg/protocol/modules/trace/corrections";
import {
  type EventFacts,
  type EventId,
  type EventRecord,
  flagNames,
  roleName,
} from "@lhg/protocol/modules/trace/messages";
import { getEventRecord, readLeaves } from "@lhg/protocol/modules/trace/trace-reader";
import type { QueryContext } from "./context.ts";
import { readHex } from "./paging.ts";
import { buildReceipt, requireProvable, viewProof } from "./proofs.ts";
import { historyPruned, isProvable } from "./stored.ts";
import type { EventSummary, EventView } from "./views.ts";

export function formatEventId({ capture, index }: EventId): string {
  return `${toHex(capture)}:${index}`;
}

const EVENT_ID = /^([0-9a-f]{64}):(0|[1-9][0-9]{0,5})$/;

/** Throws `event.id`. */
function parseEventId(text: string): EventId {
  const match = EVENT_ID.exec(text);
  if (match === null) throw new LhgError("event.id", "must be <statement id in hex>:<index>", "id");
  return { capture: readHex(match[1]!, 32, "id"), index: Number(match[2]) };
}

/** What leaves of logs and records of events both say beside the facts. */
export type EventOrigin = Pick<EventRecord, "captor" | "flags" | "height" | "timeMs">;

const ITEMS_IN_LISTS = 100;

export function viewEvent(
  id: EventId,
  origin: EventOrigin,
  facts: EventFacts,
  itemsMax: number = ITEMS_IN_LISTS,
): EventSummary {
  const { action, eventId, bizStep, disposition, readPoint, bizLocation, transformationId } = facts;
  return {
    id: formatEventId(id),
    height: origin.height,
    timeMs: origin.timeMs,
    vendor: toHex(origin.captor),
    type: facts.type,
    ...(action === null ? {} : { action }),
    eventTimeMs: facts.eventTimeMs,
    eventTimeZoneOffset: facts.eventTimeZoneOffset,
    ...(eventId === null ? {} : { eventId }),
    hash: `ni:///sha-256;${toHex(facts.hash)}?ver=CBV2.0`,
    ...(bizStep === null ? {} : { bizStep }),
    ...(disposition === null ? {} : { disposition }),
    ...(readPoint === null ? {} : { readPoint }),
    ...(bizLocation === null ? {} : { bizLocation }),
    ...(transformationId === null ? {} : { transformationId }),
    items: facts.items.slice(0, itemsMax).map(viewItem),
    itemsTotal: facts.items.length,
    flags: flagNames(origin.flags),
  };
}

function viewItem({
  identity,
  role,
  isClassLevel,
  quantity,
}: EventFacts["items"][number]): EventSummary["items"][number] {
  const amount =
    quantity === null ? {} : { quantity: { value: formatDecimal(quantity.value), uom: quantity.uom } };
  return { identity, role: roleName(role), isClassLevel, ...amount };
}

/** Throws `event.not-found`, or `history.pruned` where an older block may hold it. */
export function requireEventRecord(context: QueryContext, id: EventId): EventRecord {
  const found = getEventRecord(context.state, id);
  if (found === undefined && context.firstHeight > 1) throw historyPruned(context, "id");
  if (found === undefined) throw new LhgError("event.not-found", "no capture holds this event", "id");
  return found;
}

/** Without a slice's comma and white space. */
function readSource({ state }: QueryContext, { capture, index }: EventId): { source?: string } {
  const slice = state.getDerived(sliceKey(capture, index + 1));
  return slice === undefined ? {} : { source: decodeUtf8(slice.subarray(0, parseSlice(slice).end)) };
}

const CORRECTIONS_MAX = 100;

/** Throws `event.id`, `event.not-found`. The proof is the capture's receipt with this event opened. */
export function getEvent(
  context: QueryContext,
  { id, proof = false }: { readonly id: string; readonly proof?: boolean },
): EventView {
  const event = parseEventId(id);
  const found = requireEventRecord(context, event);
  const corrected = getCorrections(context.state, event);
  const corrections =
    corrected === undefined
      ? []
      : readLeaves(context.state, correctionLog(event), corrected.log, 0, CORRECTIONS_MAX);
  return {
    ...viewEvent(event, found, found.facts, found.facts.items.length),
    isProvable: isProvable(context, found.height),
    ...(found.duplicateOf === null ? {} : { duplicateOf: formatEventId(found.duplicateOf) }),
    corrections: corrections.map((leaf) => formatEventId(leaf.event)),
    isRetracted: corrected?.isRetracted === 1,
    ...readSource(context, event),
    ...(proof
      ? {
          proof: viewProof(
            "receipt",
            requireProvable(context),
            buildReceipt(context, toHex(event.capture), event.index),
          ),
        }
      : {}),
  };
}
