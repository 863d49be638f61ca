/** The journey step by step, oldest first. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { Download } from "../../ui/download.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Empty } from "../../ui/states.tsx";
import { Text, Time } from "../../ui/values.tsx";
import type { Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { toPlainText } from "../../words/foreign-text.ts";
import { formatSpan, isConcern, nameDisposition, nameFlag, nameStep } from "../../words/steps.ts";
import { Place } from "./place.tsx";
import { placeName } from "./places.ts";
import { stepsOf } from "./whereabouts.ts";

const STEPS_SHOWN = 60;

interface Props {
  readonly identity: string;
  readonly events: readonly TracedEvent[];
  /** One for each event, or none. */
  readonly sources: readonly string[];
  readonly vendors: Vendors;
}

export function stepId({ capture, event }: Pick<TracedEvent, "capture" | "event">): string {
  return `step-${capture.slice(0, 16)}-${event.index}`;
}

export function Timeline({ identity, events, sources, vendors }: Props): ReactNode {
  const { item } = useStrings();
  const [shownMax, setShownMax] = useState(STEPS_SHOWN);
  const [isWide, setWide] = useState(false);
  const own = new Set(stepsOf(identity, events));
  const steps = events
    .map((traced, i) => ({ traced, source: sources[i] ?? "" }))
    .filter(({ traced }) => isWide || own.has(traced));
  if (events.length === 0) return <Empty>{item.journeyEmpty}</Empty>;
  return (
    <>
      {own.size === events.length ? null : (
        <label className="check no-print">
          <input type="checkbox" checked={isWide} onChange={() => setWide(!isWide)} />
          {item.withOrigins(events.length - own.size)}
        </label>
      )}
      <ol className="timeline">
        {steps.slice(0, shownMax).map(({ traced, source }) => (
          <Step
            key={`${traced.capture}:${traced.event.index}`}
            traced={traced}
            source={source}
            vendors={vendors}
            identity={identity}
            isOwn={own.has(traced)}
          />
        ))}
      </ol>
      {steps.length > shownMax ? (
        <Button onClick={() => setShownMax(shownMax + 200)}>{item.showMore}</Button>
      ) : null}
    </>
  );
}

interface StepProps {
  readonly traced: TracedEvent;
  readonly source: string;
  readonly vendors: Vendors;
  /** Of the page's item. */
  readonly identity: string;
  readonly isOwn: boolean;
}

function Step({ traced, source, vendors, identity, isOwn }: StepProps): ReactNode {
  const { item, verdict } = useStrings();
  const { event, captor, isRetracted, flags, log, recordedMs } = traced;
  const concerns = flags.filter(isConcern);
  const agreements = flags.filter((flag) => !isConcern(flag));
  const disposition = nameDisposition(item, event.disposition);
  const tone = isRetracted ? "retracted" : concerns.length > 0 ? "minded" : isOwn ? "" : "far";
  return (
    <li className={`step ${tone}`} id={stepId(traced)}>
      <div className="step-head">
        <h3>{isRetracted ? <s>{nameStep(item, event)}</s> : <Text value={nameStep(item, event)} />}</h3>
        {disposition === undefined ? null : (
          <Badge tone={/recalled|stolen|damaged|not conform/.test(disposition) ? "bad" : "plain"}>
            <Text value={disposition} lengthMax={60} />
          </Badge>
        )}
        {isRetracted ? <Badge tone="warn">{item.retracted}</Badge> : null}
        {log === "observation" ? <Badge tone="warn">{item.observation}</Badge> : null}
        <Badge tone="good">✓ {item.proven}</Badge>
        <Delay recordedMs={recordedMs} eventMs={Date.parse(event.eventTime)} />
      </div>
      {isOwn ? null : <p className="muted small">{item.origin}</p>}
      <ul className="step-notes">
        {concerns.map((flag) => (
          <li key={flag} className="concern">
            {nameFlag(item, flag)}
          </li>
        ))}
        {agreements.map((flag) => (
          <li key={flag} className="agreement">
            {nameFlag(item, flag)}
          </li>
        ))}
      </ul>
      <p className="said">
        <VendorName vendor={captor} vendors={vendors} />
        {placeName(event) === null ? null : (
          <>
            {" · "}
            <Place event={event} />
          </>
        )}
        {" · "}
        <Time ms={Date.parse(event.eventTime)} />
      </p>
      {isOnlyAbout(event, identity) ? null : <Items event={event} identity={identity} />}
      <details className="more no-print">
        <summary>{item.details}</summary>
        <dl className="pairs">
          <dt>{item.claimedTime}</dt>
          <dd>
            <Time ms={Date.parse(event.eventTime)} />
          </dd>
          <dt>{item.recorded}</dt>
          <dd>
            <Time ms={recordedMs} />,{" "}
            <Link to={`/blocks/${traced.height}`}>{verdict.block(traced.height)}</Link>
          </dd>
        </dl>
        <Receipt traced={traced} />
        {source === "" ? null : (
          <>
            <h4>{item.source}</h4>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keys */}
            <pre dir="ltr" tabIndex={0}>
              {formatSource(source)}
            </pre>
          </>
        )}
      </details>
    </li>
  );
}

const SOURCE_SHOWN_MAX = 20_000;

function formatSource(source: string): string {
  return toPlainText(source, SOURCE_SHOWN_MAX, /[\n\t]/);
}

/** Clocks differ: what is recorded a minute before it is said to have happened says nothing. */
const CLOCK_MS = 60_000;

function Delay({ recordedMs, eventMs }: { recordedMs: number; eventMs: number }): ReactNode {
  const { item } = useStrings();
  if (eventMs - recordedMs > CLOCK_MS) return <Badge tone="warn">{item.early}</Badge>;
  const span = formatSpan(item, recordedMs - eventMs);
  return span === undefined ? null : <span className="muted small">{item.lateBy(span)}</span>;
}

function isOnlyAbout({ items }: TracedEvent["event"], identity: string): boolean {
  return items.length === 1 && items[0]!.identity === identity && items[0]!.quantity === undefined;
}

const ITEMS_SHOWN = 2;
const ITEMS_UNFOLDED_MAX = 300;
type Claimed = TracedEvent["event"]["items"][number];

/** The page's item stands first in its list. */
function Items({ event, identity }: { event: TracedEvent["event"]; identity: string }): ReactNode {
  const { item } = useStrings();
  const byRole = new Map<string, Claimed[]>();
  for (const named of event.items) {
    const held = byRole.get(named.role);
    if (held === undefined) byRole.set(named.role, [named]);
    else if (named.identity === identity) held.unshift(named);
    else held.push(named);
  }
  const nameRole = (role: string): string =>
    role === "parent" && event.action === "DELETE" ? item.parentOut : (item.roles[role] ?? role);
  return (
    <dl className="step-items">
      {[...byRole].map(([role, items]) => (
        <div key={role}>
          <dt>{nameRole(role)}</dt>
          <dd>
            <ItemList items={items} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function ItemList({ items }: { items: readonly Claimed[] }): ReactNode {
  const { item } = useStrings();
  const line = (named: Claimed): ReactNode => (
    <li key={named.identity}>
      <ItemLink identity={named.identity} />
      {named.quantity === undefined ? null : (
        <span className="muted">
          {" "}
          × <Text value={named.quantity} lengthMax={60} />
        </span>
      )}
    </li>
  );
  const rest = items.slice(ITEMS_SHOWN);
  return (
    <>
      <ul className="plain-list">{items.slice(0, ITEMS_SHOWN).map(line)}</ul>
      {rest.length === 0 ? null : (
        <details>
          <summary>{item.moreItems(rest.length)}</summary>
          <ul className="plain-list">{rest.slice(0, ITEMS_UNFOLDED_MAX).map(line)}</ul>
        </details>
      )}
    </>
  );
}

function Receipt({ traced: { capture, event } }: { traced: TracedEvent }): ReactNode {
  const { item } = useStrings();
  return (
    <Download
      label={item.receipt}
      name={`${capture.slice(0, 12)}-${event.index}.receipt`}
      type="application/cbor"
      fetchBytes={async () => (await client.getEventReceipt(`${capture}:${event.index}`)).bytes}
    />
  );
}
