/** A number of a kind of things that has no record of its own: what it is, who has it, and which of its things are known. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { VendorLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Recent } from "./recent.tsx";

/** `path`: the page that the things lead to. */
export function KindOnly({ kind, path }: { kind: string; path: "/items" | "/recall" }): ReactNode {
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
      <Panel title={item.kindItems}>
        <Recent path={path} kind={kind} lotsFirst={path === "/recall"} />
      </Panel>
    </>
  );
}
