/** One item: what it is, whether its journey is verified, and the journey itself. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { Link } from "react-router";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Text } from "../../ui/values.tsx";
import type { TraceProof } from "../../verify/messages.ts";
import { type Question, useTrace } from "../../verify/use-trace.ts";
import { useVendors, type Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { VerdictPanel } from "../../verify/verdict-panel.tsx";
import { readIdentity } from "../../words/identity.ts";
import { findConcerns, nameFlag } from "../../words/steps.ts";
import { CloneWarning } from "./clone-warning.tsx";
import { readDetails } from "./event-details.ts";
import { Finder } from "./finder.tsx";
import { JourneyGraph } from "./graph.tsx";
import { JourneyMap } from "./journey-map.tsx";
import { KindOnly } from "./kind-only.tsx";
import { PresentState } from "./present-state.tsx";
import { SensorStrip } from "./sensor-strip.tsx";
import { Timeline } from "./timeline.tsx";
import { type Doubt, findDoubts, stepsOf } from "./whereabouts.ts";

const EVENTS_MAX = 1_000;

/** `isKind`: the identity names a kind of things, such as a GTIN without serial and lot. */
export function ItemPage({ identity, isKind }: { identity: string; isKind: boolean }): ReactNode {
  const { item, verdict } = useStrings();
  const question: Question = {
    identity,
    direction: "both",
    maxEvents: EVENTS_MAX,
    observations: "show",
    wantsSources: true,
  };
  const answer = useTrace(question);
  useNews(identity, answer.refetch);
  const proof = answer.data?.kind === "proven" ? answer.data.proof : undefined;
  const vendors = useVendors(
    listVendors(answer.data?.kind === "refused" ? answer.data.refusal.step?.captor : undefined, proof),
  );
  const doubts = useMemo(
    () => (proof === undefined ? [] : findDoubts(identity, proof.verdict.events)),
    [identity, proof],
  );
  const concerns = proof === undefined ? undefined : findConcerns(identity, proof.verdict.events);
  if (isKind && proof?.verdict.events.length === 0)
    return (
      <div className="stack item-page">
        <Head identity={identity} proof={proof} vendors={vendors} />
        <Panel title={item.find}>
          <Finder path="/items" />
          <p>
            <Link to="/scan">{item.scan}</Link>
          </p>
        </Panel>
        <KindOnly kind={identity} path="/items" />
      </div>
    );
  return (
    <div className="stack item-page">
      <Head identity={identity} proof={proof} vendors={vendors} />
      <VerdictPanel
        answer={answer}
        vendors={vendors}
        concerns={[
          ...(doubts.length === 0 ? [] : [item.cloneTitle]),
          ...(concerns === undefined || concerns.steps === 0
            ? []
            : [
                verdict.flagged(
                  concerns.steps,
                  concerns.flags.map((flag) => nameFlag(item, flag)),
                ),
              ]),
        ]}
      />
      <CloneWarning doubts={doubts} />
      {proof === undefined || proof.verdict.events.length === 0 ? null : (
        <Journey identity={identity} proof={proof} vendors={vendors} doubts={doubts} />
      )}
    </div>
  );
}

function listVendors(accused: string | undefined, proof: TraceProof | undefined): string[] {
  const captors = proof?.verdict.events.map(({ captor }) => captor) ?? [];
  const custodians = (proof?.states ?? []).flatMap(({ custodian, pending }) => [
    ...(custodian === null ? [] : [custodian]),
    ...(pending === null ? [] : [pending.to]),
  ]);
  return [...(accused === undefined ? [] : [accused]), ...captors, ...custodians];
}

/** An event that names the item has come in: its proof is there a block later. */
function useNews(identity: string, refetch: () => unknown): void {
  const { events } = useLive();
  const newest = events.findLast(({ items }) => items.some((named) => named.identity === identity))?.id;
  useEffect(() => {
    if (newest !== undefined) void refetch();
  }, [newest, refetch]);
}

interface HeadProps {
  readonly identity: string;
  readonly proof: TraceProof | undefined;
  readonly vendors: Vendors;
}

function Head({ identity, proof, vendors }: HeadProps): ReactNode {
  const { item } = useStrings();
  const parts = readIdentity(identity);
  const named = useMemo(() => findName(identity, proof), [identity, proof]);
  const kind =
    parts.lot !== undefined
      ? item.kindLot
      : parts.serial !== undefined && parts.name === "gtin"
        ? item.kindSerial
        : item.names[parts.name];
  const number = parts.serial ?? parts.lot ?? parts.value;
  const title = named?.name ?? (parts.name === "other" ? parts.value : `${kind} ${number}`);
  return (
    <header className="item-head">
      <div className="stack tight">
        <h1>
          <Text value={title} lengthMax={120} />
        </h1>
        {named === undefined ? null : (
          <p className="muted small">
            {kind}, {item.namedBy} <VendorName vendor={named.by} vendors={vendors} />
          </p>
        )}
        <dl className="pairs">
          {parts.name === "other" ? null : (
            <>
              <dt>{item.names[parts.name]}</dt>
              <dd className="mono">
                <Text value={parts.value} />
              </dd>
            </>
          )}
          {(["serial", "lot", "extension"] as const).map((name) =>
            parts[name] === undefined ? null : (
              <div key={name} className="contents">
                <dt>{item[name]}</dt>
                <dd className="mono">
                  <Text value={parts[name]} />
                </dd>
              </div>
            ),
          )}
        </dl>
        <p className="mono small identity">
          <Text value={identity} lengthMax={1_024} />
        </p>
      </div>
      <nav className="item-actions no-print" aria-label={item.title}>
        <Link className="button" to={`/labels?id=${encodeURIComponent(identity)}`}>
          {item.label}
        </Link>
        <Link className="button" to={`/recall?id=${encodeURIComponent(identity)}`}>
          {item.recall}
        </Link>
        <CopyButton text={identity} />
      </nav>
    </header>
  );
}

/** The name that an event about this very item gives it. */
function findName(identity: string, proof: TraceProof | undefined): { name: string; by: string } | undefined {
  for (const [i, { event, captor }] of (proof?.verdict.events ?? []).entries()) {
    if (!event.items.some((named) => named.identity === identity && /^(?:epc|output)$/.test(named.role)))
      continue;
    const { productName } = readDetails(proof!.sources[i] ?? "", event.eventTime);
    if (productName !== null) return { name: productName, by: captor };
  }
  return undefined;
}

function CopyButton({ text }: { text: string }): ReactNode {
  const { item } = useStrings();
  const [isCopied, setCopied] = useState(false);
  if (navigator.clipboard === undefined) return null;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return <Button onClick={() => void copy()}>{isCopied ? item.copied : item.copy}</Button>;
}

interface JourneyProps extends HeadProps {
  readonly proof: TraceProof;
  readonly doubts: readonly Doubt[];
}

function Journey({ identity, proof, vendors, doubts }: JourneyProps): ReactNode {
  const { item } = useStrings();
  const { events, items } = proof.verdict;
  const identities = useMemo(() => items.map((traced) => traced.identity), [items]);
  const details = useMemo(
    () => events.map(({ event }, i) => readDetails(proof.sources[i] ?? "", event.eventTime)),
    [events, proof],
  );
  const readings = useMemo(() => {
    const own = new Set<TracedEvent>(stepsOf(identity, events));
    return details.flatMap((one, i) => (events[i]!.isRetracted || !own.has(events[i]!) ? [] : one.readings));
  }, [identity, events, details]);
  const gateways = [...new Set(details.flatMap(({ gateway }) => gateway ?? []))];
  const transformationIds = useMemo(() => details.map((one) => one.transformationId), [details]);
  const doubtful = new Set(doubts.flatMap(({ first, second }) => [first.step, second.step]));
  return (
    <div className="item-columns">
      <Panel title={item.map}>
        <JourneyMap identity={identity} events={events} doubtful={doubtful} />
      </Panel>
      <div className="stack">
        <Panel title={item.state}>
          <PresentState identity={identity} states={proof.states} vendors={vendors} />
        </Panel>
        <Panel title={item.sensors}>
          {gateways.map((name) => (
            <p key={name} className="note warn">
              <Text value={item.gatewayVouches(name)} lengthMax={300} />
            </p>
          ))}
          <SensorStrip readings={readings} />
        </Panel>
      </div>
      <div className="wide">
        <Panel title={item.graph}>
          <JourneyGraph
            identity={identity}
            events={events}
            items={identities}
            transformationIds={transformationIds}
          />
        </Panel>
      </div>
      <div className="wide">
        <Panel title={item.journey} aside={<Badge>{events.length}</Badge>}>
          <Timeline identity={identity} events={events} sources={proof.sources} vendors={vendors} />
        </Panel>
      </div>
    </div>
  );
}
