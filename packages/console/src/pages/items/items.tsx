/** `/items?id=<uri>`: one item; without an identity, a way to one. */

import { LhgError } from "@lhg/protocol/core/errors";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { nameStep } from "../../words/steps.ts";
import { Finder, NoItem } from "./finder.tsx";
import { ItemPage } from "./item-page.tsx";
import { readId } from "./read-id.ts";
import "./items.css";
import "../../verify/verdict.css";
import { Text } from "../../ui/values.tsx";

export default function Items(): ReactNode {
  const strings = useStrings();
  const [search] = useSearchParams();
  const id = search.get("id")?.trim() ?? "";
  const identity = readId(id);
  if (identity instanceof LhgError)
    return (
      <div className="stack">
        <h1>{strings.sections.items}</h1>
        <NoItem text={id} error={identity} />
        <Finder path="/items" />
      </div>
    );
  if (identity !== undefined) return <ItemPage key={identity.key} identity={identity.key} />;
  return (
    <div className="stack">
      <h1>{strings.sections.items}</h1>
      <Panel title={strings.item.find}>
        <Finder path="/items" />
        <p>
          <Link to="/scan">{strings.item.scan}</Link>
        </p>
      </Panel>
      <Panel title={strings.item.recent}>
        <Recent />
      </Panel>
    </div>
  );
}

const RECENT_MAX = 30;

/** Items of the newest events, each once. */
function Recent(): ReactNode {
  const { item } = useStrings();
  const { events } = useLive();
  const seen = new Map<string, string>();
  for (const event of events.toReversed())
    for (const { identity } of event.items.slice(0, 3))
      if (!seen.has(identity) && seen.size < RECENT_MAX) seen.set(identity, nameStep(item, event));
  if (seen.size === 0) return <Empty>{item.recentNone}</Empty>;
  return (
    <ul className="bare-list recent">
      {[...seen].map(([identity, step]) => (
        <li key={identity}>
          <ItemLink identity={identity} />{" "}
          <span className="muted">
            <Text value={step} lengthMax={60} />
          </span>
        </li>
      ))}
    </ul>
  );
}
