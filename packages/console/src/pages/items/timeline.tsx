/** The journey step by step, oldest first. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { type ReactNode, useState } from "react";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { Empty } from "../../ui/states.tsx";
import { Time } from "../../ui/values.tsx";
import { saveFile } from "../../verify/download.ts";
import { Text } from "../../verify/text.tsx";
import type { Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { ItemLink } from "./item-link.tsx";
import { Place } from "./place.tsx";
import { placeName } from "./places.ts";
import { formatSpan, isConcern, nameDisposition, nameFlag, nameStep } from "./step-words.ts";
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
  const [isNarrow, setNarrow] = useState(false);
  const own = new Set(stepsOf(identity, events));
  const steps = events
    .map((traced, i) => ({ traced, source: sources[i] ?? "" }))
    .filter(({ traced }) => !isNarrow || own.has(traced));
  if (events.length === 0) return <Empty>{item.journeyEmpty}</Empty>;
  return (
    <>
      {own.size === events.length ? null : (
        <label className="row no-print">
          <input type="checkbox" checked={isNarrow} onChange={() => setNarrow(!isNarrow)} />
          {item.onlyThis}
        </label>
      )}
      <ol className="timeline">
        {steps.slice(0, shownMax).map(({ traced, source }) => (
          <Step
            key={`${traced.capture}:${traced.event.index}`}
            traced={traced}
            source={source}
            vendors={vendors}
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
  readonly isOwn: boolean;
}

function Step({ traced, source, vendors, isOwn }: StepProps): ReactNode {
  const { item } = useStrings();
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
            <Text value={disposition} max={60} />
          </Badge>
        )}
        {isRetracted ? <Badge tone="warn">{item.retracted}</Badge> : null}
        {log === "observation" ? <Badge tone="warn">{item.observation}</Badge> : null}
        <Badge tone="good">✓ {item.proven}</Badge>
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
      <dl className="pairs">
        <dt>{item.said}</dt>
        <dd>
          <VendorName vendor={captor} vendors={vendors} />
        </dd>
        {placeName(event) === null ? null : (
          <>
            <dt>{item.at}</dt>
            <dd>
              <Place event={event} />
            </dd>
          </>
        )}
        <dt>{item.claimedTime}</dt>
        <dd>
          <Time ms={Date.parse(event.eventTime)} />
        </dd>
        <dt>{item.recorded}</dt>
        <dd>
          <Time ms={recordedMs} /> <Delay recordedMs={recordedMs} eventMs={Date.parse(event.eventTime)} />
        </dd>
        <Items event={event} />
      </dl>
      <div className="row no-print">
        <Receipt traced={traced} />
        {source === "" ? null : (
          <details className="source">
            <summary>{item.source}</summary>
            <pre dir="ltr">{source.slice(0, 20_000)}</pre>
          </details>
        )}
      </div>
    </li>
  );
}

/** Clocks differ: what is recorded a minute before it is said to have happened says nothing. */
const CLOCK_MS = 60_000;

function Delay({ recordedMs, eventMs }: { recordedMs: number; eventMs: number }): ReactNode {
  const { item } = useStrings();
  if (eventMs - recordedMs > CLOCK_MS) return <Badge tone="warn">{item.early}</Badge>;
  const span = formatSpan(item, recordedMs - eventMs);
  return span === undefined ? null : <span className="muted">({item.lateBy(span)})</span>;
}

const ITEMS_SHOWN = 4;
const ITEMS_UNFOLDED_MAX = 300;
type Claimed = TracedEvent["event"]["items"][number];

function Items({ event }: { event: TracedEvent["event"] }): ReactNode {
  const { item } = useStrings();
  const byRole = new Map<string, Claimed[]>();
  for (const named of event.items) {
    const held = byRole.get(named.role);
    if (held === undefined) byRole.set(named.role, [named]);
    else held.push(named);
  }
  const nameRole = (role: string): string =>
    role === "parent" && event.action === "DELETE" ? item.parentOut : (item.roles[role] ?? role);
  return [...byRole].map(([role, items]) => (
    <div key={role} className="contents">
      <dt>{nameRole(role)}</dt>
      <dd>
        <ItemList items={items} />
      </dd>
    </div>
  ));
}

function ItemList({ items }: { items: readonly Claimed[] }): ReactNode {
  const { item } = useStrings();
  const line = (named: Claimed): ReactNode => (
    <li key={named.identity}>
      <ItemLink identity={named.identity} />
      {named.quantity === undefined ? null : (
        <span className="muted">
          {" "}
          × <Text value={named.quantity} max={60} />
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

function Receipt({ traced }: { traced: TracedEvent }): ReactNode {
  const { item } = useStrings();
  const [hasFailed, setFailed] = useState(false);
  const id = `${traced.capture}:${traced.event.index}`;
  const save = async (): Promise<void> => {
    setFailed(false);
    try {
      const { bytes } = await client.getEventReceipt(id);
      saveFile(`${traced.capture.slice(0, 12)}-${traced.event.index}.receipt`, bytes, "application/cbor");
    } catch {
      setFailed(true);
    }
  };
  return (
    <>
      <Button onClick={() => void save()}>{item.receipt}</Button>
      {hasFailed ? <span role="alert">{item.receiptFailed}</span> : null}
    </>
  );
}
