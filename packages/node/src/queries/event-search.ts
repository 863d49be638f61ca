/** Finding events by what they say: one index drives, the others are asked about each candidate. */
import { concatBytes, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import {
  BIZ_STEPS,
  DISPOSITIONS,
  readTerm,
  upgradeCbvUrn,
  type Vocabulary,
} from "@lhg/protocol/epcis/vocabulary";
import { findEventsByAlias } from "@lhg/protocol/modules/trace/trace-reader";
import type { QueryContext } from "./context.ts";
import { requireEventRecord, viewEvent } from "./events.ts";
import {
  decodeEventRef,
  EVENT_PLACE_BYTES,
  type EventField,
  encodeEventTime,
  eventTermPrefix,
} from "./index-format.ts";
import { closePage, openPage, type PageArgs, type Paging, readHex } from "./paging.ts";
import type { EventSummary, Page } from "./views.ts";

/** Filters that all must hold. Words of the CBV may be bare, identities in any form. */
export interface ListEventsArgs extends PageArgs {
  readonly item?: string;
  readonly transformationId?: string;
  readonly readPoint?: string;
  readonly bizLocation?: string;
  readonly vendor?: string;
  readonly disposition?: string;
  readonly bizStep?: string;
  readonly action?: string;
  readonly type?: string;
  /** Claimed times, both inclusive. */
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** An eventID or event hash id; goes with no other filter. */
  readonly alias?: string;
}

/** Filters from the one that leaves fewest events to the one that leaves most. */
const FILTERS: readonly (readonly [
  name: Exclude<keyof ListEventsArgs, "cursor" | "limit" | "fromMs" | "untilMs" | "alias">,
  field: EventField,
  read: (text: string, name: string) => string,
])[] = [
  ["item", "item", readIdentity],
  ["transformationId", "transformation", readIdentity],
  ["readPoint", "readPoint", readIdentity],
  ["bizLocation", "bizLocation", readIdentity],
  ["vendor", "vendor", (text, name) => toHex(readHex(text, 20, name))],
  ["disposition", "disposition", (text, name) => readTermFilter(DISPOSITIONS, text, name)],
  ["bizStep", "bizStep", (text, name) => readTermFilter(BIZ_STEPS, text, name)],
  ["action", "action", (text) => text],
  ["type", "type", (text) => text],
];

function readIdentity(text: string, name: string): string {
  return canonicalIdentity(text, name).key;
}

/** A word of the CBV or a URI as the URI that events are indexed by. Throws `epcis.term`. */
export function readTermFilter(vocabulary: Vocabulary, text: string, field: string): string {
  return readTerm(
    vocabulary,
    { kind: "string", value: upgradeCbvUrn(text), start: 0, end: text.length },
    field,
    new Map(),
  );
}

const CANDIDATES_PER_SCAN = 256;
/** Candidates looked at for one page: a rare combination of common filters goes on by cursor. */
const CANDIDATES_MAX = 4_096;

interface Found {
  readonly place: Uint8Array;
  readonly value: Uint8Array;
}

/** Newest claimed time first. A page may be short and yet have a next one. */
export async function listEvents(context: QueryContext, args: ListEventsArgs): Promise<Page<EventSummary>> {
  if (args.alias !== undefined) return listByAlias(context, args, args.alias);
  const paging = openPage(context, "listEvents", args, EVENT_PLACE_BYTES);
  const prefixes = FILTERS.flatMap(([name, field, read]) => {
    const given = args[name];
    return given === undefined ? [] : [eventTermPrefix(context.crypto, field, read(given, name))];
  });
  if (prefixes.length === 0) prefixes.push(eventTermPrefix(context.crypto, "any", ""));
  const { found, lookedUpTo } = await search(context, paging, prefixes, args);
  const page = closePage(
    paging,
    found,
    ({ value }) => viewRef(context, value),
    ({ place }) => place,
  );
  return page.next === undefined && lookedUpTo !== undefined
    ? { ...page, next: paging.cursorAt(lookedUpTo) }
    : page;
}

function viewRef(context: QueryContext, value: Uint8Array): EventSummary {
  const ref = decodeEventRef(value);
  const found = requireEventRecord(context, ref);
  return viewEvent(ref, found, found.facts);
}

async function search(
  { store }: QueryContext,
  { after, limit }: Paging,
  [driver, ...others]: readonly Uint8Array[],
  { fromMs, untilMs }: ListEventsArgs,
): Promise<{ found: Found[]; lookedUpTo?: Uint8Array }> {
  const prefix = driver!;
  const start = untilMs === undefined ? new Uint8Array(0) : encodeEventTime(untilMs);
  const lt = concatBytes(prefix, fromMs === undefined ? MAX_PLACE : encodeEventTime(fromMs - 1));
  let gte = after === undefined ? concatBytes(prefix, start) : concatBytes(prefix, after, Uint8Array.of(0));
  const found: Found[] = [];
  for (let looked = 0; looked < CANDIDATES_MAX; looked += CANDIDATES_PER_SCAN) {
    const entries = await store.scan({ gte, lt, limit: CANDIDATES_PER_SCAN });
    for (const { key, value } of entries) {
      const place = key.slice(prefix.length);
      if (!others.every((other) => store.get(concatBytes(other, place)) !== undefined)) continue;
      found.push({ place, value });
      if (found.length > limit) return { found };
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < CANDIDATES_PER_SCAN) return { found };
    gte = concatBytes(last.key, Uint8Array.of(0));
  }
  return { found, lookedUpTo: gte.slice(prefix.length, -1) };
}

/** Behind every place. */
const MAX_PLACE = new Uint8Array(EVENT_PLACE_BYTES + 1).fill(0xff);

const ALIAS_CURSOR_BYTES = 4;

function listByAlias(context: QueryContext, args: ListEventsArgs, alias: string): Page<EventSummary> {
  const { cursor: _cursor, limit: _limit, alias: _alias, ...others } = args;
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new LhgError("query.conflict", "does not go together with alias", other);
  const paging = openPage(context, "listEvents", args, ALIAS_CURSOR_BYTES);
  const { after, limit } = paging;
  const start = after === undefined ? 0 : Buffer.from(after).readUInt32BE() + 1;
  const found = findEventsByAlias(context.crypto, context.state, alias)
    .map((id, order) => ({ id, order }))
    .slice(start, start + limit + 1);
  return closePage(
    paging,
    found,
    ({ id }) => {
      const record = requireEventRecord(context, id);
      return viewEvent(id, record, record.facts);
    },
    ({ order }) => {
      const position = Buffer.alloc(ALIAS_CURSOR_BYTES);
      position.writeUInt32BE(order);
      return position;
    },
  );
}
