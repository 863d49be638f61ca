/** Devices of some vendors, with what is known of each now. */
import type { Device } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { client } from "../../node/client.ts";
import { usePresence } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { VendorLink } from "../../ui/links.tsx";
import { Empty } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Ago, Hex, Text } from "../../ui/values.tsx";
import { DeviceStanding } from "./device-standing.tsx";

const DEVICES_MAX = 200;
const REFRESH_MS = 4_000;

export function DeviceTable({
  vendors,
  none,
  hasVendor = false,
}: {
  vendors: readonly string[];
  none: string;
  hasVendor?: boolean;
}): ReactNode {
  const { devices: words } = useStrings();
  const presence = usePresence();
  const query = useQuery({
    queryKey: ["devices", ...vendors],
    queryFn: async () => {
      const pages = await Promise.all(
        vendors.map((vendor) => client.listDevices(vendor, { limit: DEVICES_MAX })),
      );
      return pages.flatMap(({ items }) => items);
    },
    refetchInterval: REFRESH_MS,
  });
  const columns: Column<Device>[] = [
    {
      head: words.model,
      cell: ({ device, model }) => (
        <Link to={`/devices/${device}`}>
          <Text value={model} lengthMax={60} />
        </Link>
      ),
    },
    { head: words.address, cell: ({ device }) => <Hex value={device} /> },
    ...(hasVendor
      ? [{ head: words.vendor, cell: ({ vendor }: Device) => <VendorLink address={vendor} /> }]
      : []),
    {
      head: words.standing,
      cell: (device) => <DeviceStanding device={device} presence={presence.get(device.device)} />,
    },
    {
      head: words.lastSeen,
      cell: ({ lastSeen }) => (lastSeen === undefined ? words.never : <Ago ms={lastSeen.timeMs} />),
    },
  ];
  return (
    <Answer query={query}>
      {(devices) =>
        devices.length === 0 ? (
          <Empty>{none}</Empty>
        ) : (
          <Table caption={words.title} rows={devices} keyOf={({ device }) => device} columns={columns} />
        )
      }
    </Answer>
  );
}
