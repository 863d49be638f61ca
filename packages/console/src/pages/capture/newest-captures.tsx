/** What this vendor captured last, as the node's live stream tells it. */
import type { EventSummary, Vendor } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Text, Time } from "../../ui/values.tsx";
import { nameStep } from "../../words/steps.ts";

const SHOWN_MAX = 6;

export function NewestCaptures({ vendor }: { vendor: Vendor | undefined }): ReactNode {
  const { capture } = useStrings();
  const { events } = useLive();
  const { data } = useQuery({
    queryKey: ["newest-captures", vendor?.vendor],
    queryFn: () => client.listEvents({ vendor: vendor!.vendor, limit: SHOWN_MAX }),
    enabled: vendor !== undefined,
  });
  if (vendor === undefined) return null;
  const heard = events.filter((event) => event.vendor === vendor.vendor).reverse();
  const byId = new Map([...heard, ...(data?.items ?? [])].map((event) => [event.id, event]));
  const newest = [...byId.values()].sort((a, b) => b.height - a.height).slice(0, SHOWN_MAX);
  return (
    <Panel title={capture.newest}>
      {newest.length === 0 ? <Empty /> : null}
      <ul className="capture-list">
        {newest.map((event) => (
          <li key={event.id}>
            <Happened event={event} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Happened({ event }: { event: EventSummary }): ReactNode {
  const { capture, item } = useStrings();
  const first = event.items[0];
  return (
    <>
      <span>
        <strong>
          <Text value={nameStep(item, event)} lengthMax={80} />
        </strong>{" "}
        {first === undefined ? null : <ItemLink identity={first.identity} />}{" "}
        {event.itemsTotal > 1 ? <span className="muted">{capture.more(event.itemsTotal - 1)}</span> : null}
      </span>
      <span className="muted small">
        <Time ms={event.timeMs} />
      </span>
    </>
  );
}
