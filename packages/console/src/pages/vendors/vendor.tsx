/** One vendor: what it may do, its devices, what it did last. */
import type { Vendor } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { EventRows, StatementRows } from "../../ui/activity.tsx";
import { Answer } from "../../ui/answer.tsx";
import { formatNumber } from "../../ui/format.ts";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Facts, Text } from "../../ui/values.tsx";
import { DeviceTable } from "../devices/device-table.tsx";
import "./vendors.css";
import { Prefixes, Standing } from "./vendor-parts.tsx";

const ROWS = 10;
const REFRESH_MS = 4_000;
const PREFIXES_MAX = 200;

export default function VendorPage(): ReactNode {
  const { vendors: words } = useStrings();
  const { address = "" } = useParams();
  const query = useQuery({
    queryKey: ["vendor", address],
    queryFn: () => client.getVendor(encodeURIComponent(address)),
    refetchInterval: REFRESH_MS,
  });
  return (
    <div className="stack">
      <PageHead
        title={query.data?.name ?? words.kind}
        shown={query.data === undefined ? undefined : <Text value={query.data.name} lengthMax={80} />}
        kind={words.kind}
        aside={query.data === undefined ? null : <Standing standing={query.data.standing} />}
      />
      <Answer query={query} missing={words.missing}>
        {(vendor) => <Content vendor={vendor} />}
      </Answer>
    </div>
  );
}

function Content({ vendor }: { vendor: Vendor }): ReactNode {
  const { vendors: words, overview } = useStrings();
  const address = vendor.vendor;
  const events = useQuery({
    queryKey: ["events", "vendor", address],
    queryFn: () => client.listEvents({ vendor: address, limit: ROWS }),
    refetchInterval: REFRESH_MS,
  });
  const statements = useQuery({
    queryKey: ["statements", "vendor", address],
    queryFn: () => client.listStatements({ account: address, limit: ROWS }),
    refetchInterval: REFRESH_MS,
  });
  return (
    <>
      <Panel title={words.about}>
        <Facts
          facts={[
            [words.address, <code key="address">{address}</code>],
            [words.credits, formatNumber(vendor.credits)],
            [words.captures, formatNumber(vendor.nextCaptureSeq)],
            [words.devices, formatNumber(vendor.devices)],
            vendor.group === null ? undefined : [words.group, formatNumber(vendor.group)],
            [words.prefixes, <Prefixes key="prefixes" prefixes={vendor.prefixes} countMax={PREFIXES_MAX} />],
          ]}
        />
      </Panel>
      <Panel title={words.devices}>
        <DeviceTable vendors={[address]} none={words.noDevices} />
      </Panel>
      <div className="vendor-lists">
        <Panel title={words.newestEvents}>
          <Answer query={events}>{({ items }) => <EventRows events={items} />}</Answer>
        </Panel>
        <Panel
          title={words.newestStatements}
          aside={<Link to={`/statements?account=${address}`}>{overview.all}</Link>}
        >
          <Answer query={statements}>{({ items }) => <StatementRows statements={items} />}</Answer>
        </Panel>
      </div>
    </>
  );
}
