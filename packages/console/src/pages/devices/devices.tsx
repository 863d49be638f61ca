/** The devices of all vendors. */
import type { ReactNode } from "react";
import { useVendors } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { DeviceTable } from "./device-table.tsx";

export default function Devices(): ReactNode {
  const { devices: words } = useStrings();
  const query = useVendors();
  return (
    <div className="stack">
      <PageHead title={words.title} aside={<p className="muted">{words.lead}</p>} />
      <Panel title={words.title}>
        <Answer query={query}>
          {(vendors) => (
            <DeviceTable
              vendors={vendors.filter(({ devices }) => devices > 0).map(({ vendor }) => vendor)}
              none={words.none}
              hasVendor
            />
          )}
        </Answer>
      </Panel>
    </div>
  );
}
