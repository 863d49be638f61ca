/** What blocks did, for those who watch. */

import { decodeCbor } from "@lhg/protocol/core/codec/cbor";
import { STATUS } from "@lhg/protocol/core/status";
import { sliceCountKey } from "@lhg/protocol/modules/trace/capture";
import { getEventRecord } from "@lhg/protocol/modules/trace/trace-reader";
import { viewSummary } from "./blocks.ts";
import type { QueryContext } from "./context.ts";
import { viewEvent } from "./events.ts";
import { blockContentsKey, decodeContents, type StatementEntry } from "./index-format.ts";
import { requireBlock, viewEntry } from "./stored.ts";
import type { ActivityView, EventSummary } from "./views.ts";

const STATEMENTS_SHOWN = 100;
const EVENTS_SHOWN = 100;

export function getActivity(context: QueryContext, { height }: { readonly height: number }): ActivityView {
  const block = requireBlock(context, height);
  const contents = context.store.get(blockContentsKey(height));
  const entries = contents === undefined ? [] : decodeContents(contents);
  const { timeMs } = block.header;
  return {
    block: viewSummary(context, block),
    statements: entries
      .slice(0, STATEMENTS_SHOWN)
      .map((entry) => viewEntry(entry, { height, position: entry.position }, timeMs)),
    statementsTotal: entries.length,
    ...readEvents(context, entries),
  };
}

function readEvents(
  { state }: QueryContext,
  entries: readonly StatementEntry[],
): { events: EventSummary[]; eventsTotal: number } {
  const events: EventSummary[] = [];
  let eventsTotal = 0;
  for (const { id, kind, status } of entries) {
    if (kind !== "capture" || status !== STATUS.ok) continue;
    const slices = state.getDerived(sliceCountKey(id));
    const count = slices === undefined ? 0 : Number(decodeCbor(slices)) - 2;
    eventsTotal += count;
    for (let index = 0; index < count && events.length < EVENTS_SHOWN; index++) {
      const found = getEventRecord(state, { capture: id, index });
      if (found !== undefined && found.duplicateOf === null)
        events.push(viewEvent({ capture: id, index }, found, found.facts));
    }
  }
  return { events, eventsTotal };
}
