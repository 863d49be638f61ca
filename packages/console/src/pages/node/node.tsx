/** The operator's view: is it ready, does it keep up, what holds on this chain. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useConnection } from "../../node/live.ts";
import { useStatus } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { formatAge, formatAmount, formatBytes, formatDuration, formatNumber } from "../../ui/format.ts";
import { BlockLink } from "../../ui/links.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Figure, Panel } from "../../ui/panel.tsx";
import { Ago, Facts } from "../../ui/values.tsx";
import { LAG_SECONDS_MAX, MachinePanel, useMetrics, WorkPanel } from "./machine.tsx";
import "./node.css";
import { findMetric } from "./prometheus.ts";
import { ParametersPanel, ValidatorsPanel } from "./rules.tsx";

const REFRESH_MS = 2_000;

export default function NodePage(): ReactNode {
  const { node: words } = useStrings();
  return (
    <div className="stack">
      <PageHead title={words.title} aside={<p className="muted">{words.lead}</p>} />
      <Health />
      <Figures />
      <div className="node-panels">
        <MachinePanel />
        <WorkPanel />
      </div>
      <About />
      <ParametersPanel />
      <ValidatorsPanel />
    </div>
  );
}

/** Two answers an operator looks for first, in a word and a sentence each. */
function Health(): ReactNode {
  const { node: words } = useStrings();
  const connection = useConnection();
  const status = useStatus(REFRESH_MS).data;
  const { metrics } = useMetrics();
  if (connection === "lost") return <Light tone="bad" title={words.away} />;
  if (status === undefined) return null;
  const lag = metrics === undefined ? undefined : findMetric(metrics, "nodejs_eventloop_lag_p99_seconds");
  const isLate = lag !== undefined && lag > LAG_SECONDS_MAX;
  return (
    <div className="lights">
      <Light
        tone={status.isReady ? "good" : "bad"}
        title={status.isReady ? words.isReady : words.isNotReady}
        note={status.isReady ? words.readyNote : words.notReadyNote}
      />
      {lag === undefined ? null : (
        <Light
          tone={isLate ? "warn" : "good"}
          title={isLate ? words.lags : words.keepsUp}
          note={(isLate ? words.lagsNote : words.keepsUpNote)(formatDuration(lag * 1_000))}
        />
      )}
    </div>
  );
}

function Light({
  tone,
  title,
  note,
}: {
  tone: "good" | "bad" | "warn";
  title: string;
  note?: string;
}): ReactNode {
  return (
    <div className={`note ${tone} light`}>
      <p>
        <strong>{title}.</strong> {note}
      </p>
    </div>
  );
}

function Figures(): ReactNode {
  const { node: words } = useStrings();
  const query = useStatus(REFRESH_MS);
  return (
    <Answer query={query}>
      {(status) => (
        <div className="cards">
          <Figure
            label={words.height}
            value={<BlockLink height={status.height} />}
            note={<Ago ms={status.timeMs} />}
          />
          <Figure
            label={words.provable}
            value={status.provableHeight === null ? "–" : formatNumber(status.provableHeight)}
          />
          <Figure
            label={words.waiting}
            value={formatNumber(status.mempool.statements)}
            note={words.waitingNote(formatBytes(status.mempool.sizeBytes))}
          />
          <Figure label={words.uptime} value={formatAge(status.uptimeMs)} />
          <Figure
            label={words.peers}
            value={formatNumber(status.peers)}
            note={status.peers === 0 && status.isValidator ? words.peersNone : undefined}
          />
        </div>
      )}
    </Answer>
  );
}

function About(): ReactNode {
  const { node: words } = useStrings();
  const status = useStatus(REFRESH_MS).data;
  const chain = useQuery({ queryKey: ["chain"], queryFn: () => client.getChain(), staleTime: 60_000 }).data;
  return (
    <Panel title={words.about}>
      <Facts
        facts={[
          status === undefined ? undefined : [words.version, status.version],
          status === undefined ? undefined : [words.chain, <code key="chain">{status.chainId}</code>],
          status === undefined ? undefined : [words.engine, status.engine],
          status === undefined
            ? undefined
            : [words.role, status.isValidator ? words.validator : words.observer],
          chain === undefined
            ? undefined
            : [words.supply, words.ofCap(formatAmount(chain.supply.issued), formatAmount(chain.supply.cap))],
        ]}
      />
      <p className="row">
        <a href="/docs/">{words.docsLink}</a>
        <a href="/api/v1/docs">{words.apiDocsLink}</a>
        <a href="/api/v1/openapi.json">{words.openApiLink}</a>
        <a href="/api/v1/metrics">{words.metricsLink}</a>
      </p>
    </Panel>
  );
}
