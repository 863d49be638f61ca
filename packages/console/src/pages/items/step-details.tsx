/** What a step says beyond its line: when it was recorded and where, what else it names, its receipt, its bytes. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Download } from "../../ui/download.tsx";
import { ItemLink, StatementLink } from "../../ui/links.tsx";
import { Text, Time } from "../../ui/values.tsx";
import { toPlainText } from "../../words/foreign-text.ts";
import { formatSpan, isConcern, nameFlag } from "../../words/steps.ts";

const SOURCE_SHOWN_MAX = 20_000;

interface Props {
  readonly traced: TracedEvent;
  /** As it was signed, or empty. */
  readonly source: string;
  /** Of the page's item. */
  readonly identity: string;
  readonly isOwn: boolean;
  readonly isOpen: boolean;
  /** When the other side says it took over what this step handed over. */
  readonly receivedMs: number | undefined;
}

export function StepDetails({ traced, source, identity, isOwn, isOpen, receivedMs }: Props): ReactNode {
  const { item, verdict } = useStrings();
  const { capture, event, flags, height, recordedMs } = traced;
  const span = formatSpan(item, recordedMs - Date.parse(event.eventTime));
  return (
    <details className="more" open={isOpen}>
      <summary>{item.details}</summary>
      <div className="stack tight">
        {isOwn ? null : <p className="muted small">{item.origin}</p>}
        {flags
          .filter((flag) => !isConcern(flag))
          .map((flag) => (
            <p key={flag} className="agreement">
              {flag === "handedOver" && receivedMs !== undefined ? (
                <>
                  {item.receivedOn} <Time ms={receivedMs} isShort />
                </>
              ) : (
                nameFlag(item, flag)
              )}
            </p>
          ))}
        {isOnlyAbout(event, identity) ? null : <Items event={event} identity={identity} />}
        <dl className="pairs">
          <dt>{item.recorded}</dt>
          <dd>
            <Time ms={recordedMs} />, <Link to={`/blocks/${height}`}>{verdict.block(height)}</Link>
            {span === undefined ? null : <span className="muted"> ({item.lateBy(span)})</span>}
          </dd>
          <dt>{item.statement}</dt>
          <dd>
            <StatementLink id={capture} length={18} />
          </dd>
        </dl>
        <div className="no-print">
          <Receipt traced={traced} />
        </div>
        {source === "" ? null : (
          <details className="signed no-print">
            <summary>{item.source}</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keys */}
            <pre className="source" dir="ltr" tabIndex={0}>
              {toPlainText(source, SOURCE_SHOWN_MAX, /[\n\t]/)}
            </pre>
          </details>
        )}
      </div>
    </details>
  );
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
      <ul className="bare-list close">{items.slice(0, ITEMS_SHOWN).map(line)}</ul>
      {rest.length === 0 ? null : (
        <details>
          <summary>{item.moreItems(rest.length)}</summary>
          <ul className="bare-list close">{rest.slice(0, ITEMS_UNFOLDED_MAX).map(line)}</ul>
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
