/** Who may record on this chain. */
import type { ReactNode } from "react";
import { useVendors } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { formatNumber } from "../../ui/format.ts";
import { VendorLink } from "../../ui/links.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Prefixes, Standing } from "./vendor-parts.tsx";

const PREFIXES_SHOWN = 4;

export default function Vendors(): ReactNode {
  const { vendors: words } = useStrings();
  const query = useVendors();
  return (
    <div className="stack">
      <PageHead title={words.title} aside={<p className="muted">{words.lead}</p>} />
      <Panel title={words.title}>
        <Answer query={query}>
          {(vendors) =>
            vendors.length === 0 ? (
              <Empty>{words.none}</Empty>
            ) : (
              <Table
                caption={words.title}
                rows={vendors}
                keyOf={({ vendor }) => vendor}
                columns={[
                  { head: words.name, cell: ({ vendor }) => <VendorLink address={vendor} /> },
                  { head: words.standing, cell: ({ standing }) => <Standing standing={standing} /> },
                  {
                    head: words.prefixes,
                    cell: ({ prefixes }) => <Prefixes prefixes={prefixes} countMax={PREFIXES_SHOWN} />,
                  },
                  { head: words.devices, cell: ({ devices }) => formatNumber(devices), isNumber: true },
                  { head: words.captures, cell: (row) => formatNumber(row.nextCaptureSeq), isNumber: true },
                  { head: words.credits, cell: ({ credits }) => formatNumber(credits), isNumber: true },
                ]}
              />
            )
          }
        </Answer>
      </Panel>
    </div>
  );
}
