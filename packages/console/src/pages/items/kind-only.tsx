/** A number of a kind of things that has no record of its own: what it is, who has it, and which of its things are known. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { VendorLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Finder } from "./finder.tsx";
import { Recent } from "./recent.tsx";

export function KindOnly({ kind }: { kind: string }): ReactNode {
  const { item } = useStrings();
  const holder = useQuery({ queryKey: ["holder", kind], queryFn: () => client.getHolder(kind) });
  return (
    <>
      <section className="note" role="status">
        <p>
          <strong>{item.kindOnly}</strong> {item.kindOnlyMore}
        </p>
        {holder.data === undefined ? null : (
          <p>
            {item.kindHolder} <VendorLink address={holder.data.vendor.vendor} />.
          </p>
        )}
      </section>
      <Panel title={item.find}>
        <Finder path="/items" />
        <p>
          <Link to="/scan">{item.scan}</Link>
        </p>
      </Panel>
      <Panel title={item.kindItems}>
        <Recent path="/items" kind={kind} />
      </Panel>
    </>
  );
}
