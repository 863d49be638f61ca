import type { EventSummary } from "@lhg/sdk/client/types";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { client, queryClient } from "../../node/client.ts";

/** The most that a node gives in one answer. */
const PAGE_EVENTS = 200;
const PAGES_MAX = 2;

const question = {
  queryKey: ["events", "newest", PAGES_MAX * PAGE_EVENTS],
  queryFn: async (): Promise<readonly EventSummary[]> => {
    const events: EventSummary[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const { items, next } = await client.listEvents({
        limit: PAGE_EVENTS,
        ...(cursor === undefined ? {} : { cursor }),
      });
      events.push(...items);
      if (next === undefined) break;
      cursor = next;
    }
    return events;
  },
  staleTime: 5_000,
};

/** At most 400, newest first. */
export function useNewestEvents(): UseQueryResult<readonly EventSummary[]> {
  return useQuery(question);
}

export function askNewestEvents(): Promise<readonly EventSummary[]> {
  return queryClient.fetchQuery(question);
}
