/** The events of a captured document. */
import type { EventSummary, Statement } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { useSearchParams } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { Badge } from "../../ui/badge.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Facts, Text, Time } from "../../ui/values.tsx";
import { describeItem } from "../../words/identity.ts";
import { isConcern, nameDisposition, nameFlag, nameStep } from "../../words/steps.ts";
import "./statements.css";

const EVENTS_MAX = 20;
const ITEMS_SHOWN = 12;
/** Slices of a document: its head and tail are no events. */
const ENDS = 2;

export function CaptureEvents({ capture: { id, slices } }: { capture: Statement }): ReactNode {
  const { statements: words } = useStrings();
  const [search] = useSearchParams();
  const wanted = Number(search.get("event") ?? Number.NaN);
  const total = Math.max(0, (slices ?? ENDS) - ENDS);
  const first = Number.isInteger(wanted) && wanted >= EVENTS_MAX ? wanted : 0;
  const indexes = Array.from({ length: Math.min(total - first, EVENTS_MAX) }, (_, i) => first + i);
  const query = useQuery({
    queryKey: ["capture-events", id, first],
    queryFn: () => Promise.all(indexes.map((index) => client.getEvent(`${id}:${index}`))),
    staleTime: 10_000,
  });
  return (
    <Panel title={words.eventsTitle}>
      <Answer query={query}>
        {(events) => (
          <>
            <ol className="capture-events">
              {events.map((event) => (
                <EventCard key={event.id} event={event} isWanted={event.id === `${id}:${wanted}`} />
              ))}
            </ol>
            {events.length < total ? <p className="muted">{words.eventsCut(events.length, total)}</p> : null}
          </>
        )}
      </Answer>
    </Panel>
  );
}

function EventCard({ event, isWanted }: { event: EventSummary; isWanted: boolean }): ReactNode {
  const { events: words, item } = useStrings();
  const card = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isWanted) card.current?.scrollIntoView({ block: "center" });
  }, [isWanted]);
  return (
    <li ref={card} className={isWanted ? "wanted" : undefined}>
      <h3>
        <Text value={nameStep(item, event)} />
      </h3>
      <Facts
        facts={[
          [words.type, `${event.type}${event.action === undefined ? "" : `, ${event.action}`}`],
          [words.time, <Time key="time" ms={event.eventTimeMs} />],
          event.disposition === undefined
            ? undefined
            : [
                words.disposition,
                <Text key="disposition" value={nameDisposition(item, event.disposition) ?? ""} />,
              ],
          event.readPoint === undefined
            ? undefined
            : [words.place, <Text key="place" value={describeItem(item, event.readPoint)} />],
          [
            words.what,
            <span key="what">
              {event.items.slice(0, ITEMS_SHOWN).map(({ identity, role }, i) => (
                <span key={`${identity} ${role}`}>
                  {i === 0 ? "" : ", "}
                  <ItemLink identity={identity} />
                </span>
              ))}
              {event.itemsTotal > ITEMS_SHOWN ? ` ${words.andOthers(event.itemsTotal - ITEMS_SHOWN)}` : ""}
            </span>,
          ],
          [words.hash, <code key="hash">{event.hash}</code>],
          event.flags.length === 0
            ? undefined
            : [
                words.flags,
                <span key="flags" className="row">
                  {event.flags.map((flag) => (
                    <Badge key={flag} tone={isConcern(flag) ? "warn" : "plain"}>
                      <Text value={nameFlag(item, flag)} />
                    </Badge>
                  ))}
                </span>,
              ],
        ]}
      />
    </li>
  );
}
