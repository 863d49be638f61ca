/** One device: what it is, what it measures, what it was told. */
import type { Device } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useParams } from "react-router";
import { client } from "../../node/client.ts";
import { usePresence } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { formatNumber } from "../../ui/format.ts";
import { BlockLink, StatementLink, VendorLink } from "../../ui/links.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Ago, Facts, Hex, Text } from "../../ui/values.tsx";
import { Commands } from "./commands.tsx";
import { DeviceStanding } from "./device-standing.tsx";
import { Readings } from "./readings.tsx";

const REFRESH_MS = 4_000;

export default function DevicePage(): ReactNode {
  const { devices: words } = useStrings();
  const { address = "" } = useParams();
  const presence = usePresence();
  const query = useQuery({
    queryKey: ["device", address],
    queryFn: () => client.getDevice(encodeURIComponent(address)),
    refetchInterval: REFRESH_MS,
  });
  const { data } = query;
  return (
    <div className="stack">
      <PageHead
        title={data?.model ?? words.kind}
        shown={data === undefined ? undefined : <Text value={data.model} lengthMax={128} />}
        kind={words.kind}
        aside={data === undefined ? null : <DeviceStanding device={data} presence={presence.get(address)} />}
      />
      <Answer query={query} missing={words.missing}>
        {(device) => (
          <>
            <Readings device={device.device} />
            <Commands device={device.device} />
            <About device={device} />
            <Streams device={device.device} />
          </>
        )}
      </Answer>
    </div>
  );
}

function About({ device }: { device: Device }): ReactNode {
  const { devices: words } = useStrings();
  const { lastSeen } = device;
  const presence = usePresence().get(device.device);
  return (
    <Panel title={words.about}>
      <Facts
        facts={[
          [words.address, <code key="address">{device.device}</code>],
          [words.vendor, <VendorLink key="vendor" address={device.vendor} />],
          [
            words.key,
            <span key="key">
              {device.key.alg} <Hex value={device.key.bytes} length={18} />
            </span>,
          ],
          device.previousKeys.length === 0
            ? undefined
            : [
                words.previousKeys,
                <span key="previous" className="row">
                  {device.previousKeys.map(({ bytes }) => (
                    <Hex key={bytes} value={bytes} />
                  ))}
                </span>,
              ],
          device.capabilities.length === 0
            ? undefined
            : [
                words.capabilities,
                <span key="capabilities" className="row">
                  {device.capabilities.map((name) => (
                    <Text key={name} value={name} lengthMax={64} />
                  ))}
                </span>,
              ],
          [words.registered, <BlockLink key="registered" height={device.registeredAtHeight} />],
          [
            words.limit,
            device.creditsPerDayMax === null ? words.limitDefault : formatNumber(device.creditsPerDayMax),
          ],
          lastSeen === undefined
            ? [words.lastSeen, words.never]
            : [
                words.lastSeen,
                <span key="seen" className="row">
                  <Ago ms={lastSeen.timeMs} />
                  <StatementLink id={lastSeen.statementId} />
                </span>,
              ],
          presence === undefined
            ? undefined
            : [
                presence.isOnline ? words.online : words.offline,
                <span key="presence" className="row">
                  <Ago ms={presence.sinceMs} />
                  {words.via(presence.via.toUpperCase())}
                </span>,
              ],
        ]}
      />
    </Panel>
  );
}

function Streams({ device }: { device: string }): ReactNode {
  const { devices: words } = useStrings();
  const query = useQuery({
    queryKey: ["streams", device],
    queryFn: () => client.listStreams(device),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Panel title={words.streams}>
      <Answer query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{words.noStreams}</Empty>
          ) : (
            <Table
              caption={words.streams}
              rows={items}
              keyOf={({ stream }) => stream}
              columns={[
                { head: words.stream, cell: ({ stream }) => stream },
                { head: words.headSeq, cell: ({ headSeq }) => formatNumber(headSeq), isNumber: true },
                { head: words.collections, cell: (row) => formatNumber(row.collections), isNumber: true },
                { head: words.readings, cell: ({ readings }) => formatNumber(readings), isNumber: true },
                {
                  head: words.gaps,
                  cell: ({ gaps }) =>
                    gaps.length === 0
                      ? words.noGaps
                      : gaps.map(({ from, to }) => words.gap(from, to)).join(", "),
                },
              ]}
            />
          )
        }
      </Answer>
    </Panel>
  );
}
