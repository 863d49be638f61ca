/** Statements and events in one line each, as they stand in lists that move. */
import type { EventSummary, StatementSummary } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useStrings } from "../strings/strings.tsx";
import { nameStep } from "../words/steps.ts";
import { Badge } from "./badge.tsx";
import { capitalize } from "./format.ts";
import { BlockLink, ItemLink, toEventPath, VendorLink } from "./links.tsx";
import { Empty } from "./states.tsx";
import { Ago, Hex, Text } from "./values.tsx";

export function EventRows({ events }: { events: readonly EventSummary[] }): ReactNode {
  const { events: words } = useStrings();
  if (events.length === 0) return <Empty>{words.none}</Empty>;
  return (
    <ol className="rows">
      {events.map((event) => (
        <li key={event.id} className="under">
          <EventRow event={event} />
        </li>
      ))}
    </ol>
  );
}

function EventRow({ event }: { event: EventSummary }): ReactNode {
  const { events: words, item } = useStrings();
  const first = event.items[0];
  return (
    <>
      <div className="rows-main">
        <Link to={toEventPath(event)}>
          <Text value={nameStep(item, event)} lengthMax={60} />
        </Link>{" "}
        {first === undefined ? null : (
          <span>
            <ItemLink identity={first.identity} />
            {event.itemsTotal > 1 ? (
              <span className="muted"> {words.andOthers(event.itemsTotal - 1)}</span>
            ) : null}
          </span>
        )}
      </div>
      <div className="rows-aside small muted">
        <VendorLink address={event.vendor} />
        <Ago ms={event.timeMs} />
      </div>
    </>
  );
}

export function StatementRows({ statements }: { statements: readonly StatementSummary[] }): ReactNode {
  const { statements: words } = useStrings();
  if (statements.length === 0) return <Empty>{words.none}</Empty>;
  return (
    <ol className="rows">
      {statements.map((statement) => (
        <li key={statement.id}>
          <div className="rows-main">
            <Link to={`/statements/${statement.id}`}>
              <StatementTitle statement={statement} />
            </Link>{" "}
            <Hex value={statement.id} />{" "}
            {statement.status.code === 0 ? null : <StatusBadge status={statement.status} />}
          </div>
          <div className="rows-aside small muted">
            <span>
              {words.block} <BlockLink height={statement.height} />
            </span>
            <Ago ms={statement.timeMs} />
          </div>
        </li>
      ))}
    </ol>
  );
}

/** What a statement does, in words: its kind, or the messages of a transaction. */
export function StatementTitle({
  statement: { kind, payload },
}: {
  statement: Pick<StatementSummary, "kind" | "payload">;
}): ReactNode {
  const { statements: words } = useStrings();
  const types = kind === "transaction" ? readMessageTypes(payload) : [];
  if (types.length === 0) return words.kinds[kind];
  const names = [...new Set(types)].map(
    (type) => (words.messages as Readonly<Record<string, string>>)[type] ?? type,
  );
  return <Text value={names.join(", ")} lengthMax={80} />;
}

function readMessageTypes(payload: unknown): string[] {
  const messages = (payload as { messages?: unknown } | undefined)?.messages;
  if (!Array.isArray(messages)) return [];
  return messages.map((message) => String((message as { type?: unknown }).type));
}

/** What became of a statement, in words. */
export function StatusBadge({ status }: { status: StatementSummary["status"] }): ReactNode {
  const { statements: words } = useStrings();
  if (status.code === 0) return <Badge tone="good">{words.done}</Badge>;
  const reason = (words.outcomes as Readonly<Record<string, string>>)[status.name];
  return <Badge tone="bad">{reason === undefined ? status.name : capitalize(reason)}</Badge>;
}

/** Newest first, each once: what was asked for and what was heard since. */
export function mergeNewest<T extends { readonly id: string; readonly height: number }>(
  asked: readonly T[],
  heard: readonly T[],
  count: number,
): T[] {
  const all = new Map<string, T>();
  for (const entry of [...heard].reverse()) all.set(entry.id, entry);
  for (const entry of asked) if (!all.has(entry.id)) all.set(entry.id, entry);
  return [...all.values()].sort((a, b) => b.height - a.height).slice(0, count);
}
