import { type ReactNode, useState } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Empty } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Time } from "../../ui/values.tsx";
import type { Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import { Place } from "../items/place.tsx";
import { type Origin, timeOf } from "./affected.ts";
import { Pager, ROWS_SHOWN } from "./pager.tsx";

export function Origins({ origins, vendors }: { origins: readonly Origin[]; vendors: Vendors }): ReactNode {
  const { item, recall } = useStrings();
  const [start, setStart] = useState(0);
  if (origins.length === 0) return <Empty />;
  return (
    <>
      <Table
        caption={recall.originsTitle}
        rows={origins.slice(start, start + ROWS_SHOWN)}
        keyOf={({ identity }) => identity}
        columns={[
          { head: recall.itemHead, cell: ({ identity }) => <ItemLink identity={identity} /> },
          { head: recall.depth, cell: ({ depth }) => depth, isNumber: true },
          {
            head: item.said,
            cell: ({ first }) =>
              first === undefined ? null : <VendorName vendor={first.captor} vendors={vendors} />,
          },
          {
            head: item.at,
            cell: ({ first }) => (first === undefined ? null : <Place event={first.event} />),
          },
          {
            head: item.claimedTime,
            cell: ({ first }) => (first === undefined ? null : <Time ms={timeOf(first)} />),
          },
        ]}
      />
      <Pager start={start} count={origins.length} onTurn={setStart} />
    </>
  );
}
