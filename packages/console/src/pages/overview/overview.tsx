/** The chain as it moves. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { client } from "../../node/client.ts";
import { useLive } from "../../node/live.ts";
import { usePresence, useStatistics, useStatus, useValidators, useVendors } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { EventRows, mergeNewest, StatementRows } from "../../ui/activity.tsx";
import { formatDuration, formatNumber } from "../../ui/format.ts";
import { useHold } from "../../ui/hold.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Figure, Panel } from "../../ui/panel.tsx";
import { Ago } from "../../ui/values.tsx";
import "./overview.css";
import { RateChart } from "./rate-chart.tsx";
import { ValidatorRing } from "./validator-ring.tsx";

export default function Overview(): ReactNode {
  const { overview } = useStrings();
  return (
    <div className="stack">
      <PageHead title={overview.title} aside={<p className="muted">{overview.lead}</p>} />
      <Figures />
      <div className="overview-pictures">
        <Panel title={overview.rate} aside={<span className="muted small">{overview.rateWindow}</span>}>
          <RateChart />
        </Panel>
        <Panel title={overview.validators}>
          <ValidatorRing />
        </Panel>
      </div>
      <Activity />
    </div>
  );
}

function Figures(): ReactNode {
  const { overview } = useStrings();
  const { blocks } = useLive();
  const status = useStatus();
  const statistics = useStatistics().data;
  const validators = useValidators().data;
  const vendors = useVendors().data;
  const presence = usePresence();
  const online = [...presence.values()].filter(({ isOnline, via }) => isOnline && via === "mqtt").length;
  const newest = blocks.at(-1);
  const height = newest?.height ?? status.data?.height;
  const timeMs = newest?.timeMs ?? status.data?.timeMs;
  const devices = statistics?.devices ?? vendors?.reduce((sum, vendor) => sum + vendor.devices, 0);
  const finality = statistics?.finalityMs;
  return (
    <div className="cards">
      <Figure
        label={overview.height}
        value={height === undefined ? "–" : <Link to={`/blocks/${height}`}>{formatNumber(height)}</Link>}
        note={timeMs === undefined ? undefined : <Ago ms={timeMs} />}
      />
      {finality === undefined || finality === null ? null : (
        <Figure
          label={overview.finality}
          value={formatDuration(finality.p50)}
          note={overview.finalityNote(formatDuration(finality.p99))}
        />
      )}
      <Figure
        label={overview.validators}
        value={validators === undefined ? "–" : formatNumber(validators.current.validators.length)}
        note={validators === undefined ? undefined : overview.quorum(validators.votesNeeded)}
      />
      <Figure
        label={overview.devices}
        value={devices === undefined ? "–" : <Link to="/devices">{formatNumber(devices)}</Link>}
        note={online === 0 ? undefined : overview.online(formatNumber(online))}
      />
      <Figure
        label={overview.vendors}
        value={
          vendors === undefined ? (
            "–"
          ) : (
            <Link to="/vendors">{formatNumber(statistics?.vendors ?? vendors.length)}</Link>
          )
        }
      />
      {statistics === undefined ? null : (
        <Figure
          label={overview.statements}
          value={<Link to="/statements">{formatNumber(statistics.statements)}</Link>}
          note={overview.blocksPerMinute(formatNumber(statistics.blocksPerMinute))}
        />
      )}
    </div>
  );
}

const ROWS = 8;

/** What is newest; it can be held, for what moves is hard to read. */
function Activity(): ReactNode {
  const { overview } = useStrings();
  const live = useLive();
  const events = useQuery({
    queryKey: ["events", "newest"],
    queryFn: () => client.listEvents({ limit: ROWS }),
  });
  const statements = useQuery({
    queryKey: ["statements", "newest"],
    queryFn: () => client.listStatements({ limit: ROWS }),
  });
  const { value: heard, button } = useHold(live);
  return (
    <>
      <div className="row overview-hold">
        <h2>{overview.activity}</h2>
        {button}
      </div>
      <div className="overview-lists">
        <Panel title={overview.newestEvents}>
          <EventRows events={mergeNewest(events.data?.items ?? [], heard.events, ROWS)} />
        </Panel>
        <Panel title={overview.newestStatements} aside={<Link to="/statements">{overview.all}</Link>}>
          <StatementRows statements={mergeNewest(statements.data?.items ?? [], heard.statements, ROWS)} />
        </Panel>
      </div>
    </>
  );
}
