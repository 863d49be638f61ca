/** `/items?id=<uri>`: one item; without an identity, a way to one. */

import { LhgError } from "@lhg/protocol/core/errors";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Finder, NoItem } from "./finder.tsx";
import { ItemPage } from "./item-page.tsx";
import { readId } from "./read-id.ts";
import { Recent } from "./recent.tsx";
import "./items.css";
import "../../verify/verdict.css";

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
  if (identity !== undefined)
    return <ItemPage key={identity.key} identity={identity.key} isKind={identity.kind === "class"} />;
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
        <Recent path="/items" />
      </Panel>
    </div>
  );
}
