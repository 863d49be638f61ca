/** One statement: who signed it, what it says, what came of it, and the proof of all that. */
import type { Statement } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useParams } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { StatementTitle, StatusBadge } from "../../ui/activity.tsx";
import { Answer } from "../../ui/answer.tsx";
import { Download } from "../../ui/download.tsx";
import { formatBytes, formatNumber } from "../../ui/format.ts";
import { JsonTree } from "../../ui/json-tree.tsx";
import { AccountLink, BlockLink, DeviceLink, VendorLink } from "../../ui/links.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Facts, Hex, Text, Time } from "../../ui/values.tsx";
import "./statements.css";
import { CaptureEvents } from "./capture-events.tsx";
import { FailedCapture } from "./failed-capture.tsx";
import { ReceiptCheck } from "./receipt-check.tsx";

const WAIT_MS = 2_000;

export default function StatementPage(): ReactNode {
  const { statements: words } = useStrings();
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["statement", id],
    queryFn: () => client.getStatement(encodeURIComponent(id)),
    refetchInterval: ({ state }) => (state.data?.isProvable === false ? WAIT_MS : false),
  });
  const title = query.data === undefined ? words.kinds.transaction : words.kinds[query.data.kind];
  return (
    <div className="stack">
      <PageHead
        title={`${title} ${id.slice(0, 8)}`}
        shown={query.data === undefined ? undefined : <StatementTitle statement={query.data} />}
        kind={words.one}
        aside={query.data === undefined ? null : <StatusBadge status={query.data.status} />}
      />
      <Answer query={query} missing={words.missing}>
        {(statement) => <Content statement={statement} />}
      </Answer>
    </div>
  );
}

function Content({ statement }: { statement: Statement }): ReactNode {
  const { statements: words } = useStrings();
  return (
    <>
      {statement.failure === undefined ? null : (
        <div className="note bad">
          <p>
            <strong>{words.failedBecause}</strong> <Text value={statement.failure.message} lengthMax={600} />
          </p>
          {statement.kind === "capture" ? <FailedCapture statement={statement} /> : null}
          {statement.failure.field === "" ? null : (
            <code>
              <Text value={statement.failure.field} />
            </code>
          )}
        </div>
      )}
      <Panel title={words.about}>
        <Facts
          facts={[
            [words.id, <code key="id">{statement.id}</code>],
            [words.signer, <Signer key="signer" statement={statement} />],
            [
              words.key,
              <span key="key">
                {statement.signedBy.alg} <Hex value={statement.signedBy.bytes} length={18} />
              </span>,
            ],
            [words.block, <BlockLink key="block" height={statement.height} />],
            [words.time, <Time key="time" ms={statement.timeMs} />],
            [words.partition, <Partition key="partition" partition={statement.partition} />],
            [words.position, formatNumber(statement.index)],
            [words.provable, statement.isProvable ? words.provableYes : words.provableNot],
            [words.size, formatBytes(statement.sizeBytes)],
            statement.kind === "transaction" ? [words.gas, formatNumber(statement.gasUsed)] : undefined,
            statement.touched.length === 0
              ? undefined
              : [words.touched, formatNumber(statement.touched.length)],
          ]}
        />
      </Panel>
      {statement.kind === "capture" && statement.status.code === 0 ? (
        <CaptureEvents capture={statement} />
      ) : null}
      <Panel title={words.payload}>
        <JsonTree value={statement.payload} />
      </Panel>
      {statement.kind === "capture" ? null : <Notices statement={statement} />}
      <Receipt statement={statement} />
    </>
  );
}

/** The account that signed, as the payload of each kind names it. */
function Signer({ statement: { kind, payload, partition } }: { statement: Statement }): ReactNode {
  const { sender, device, vendor } = payload as Readonly<Record<string, string | undefined>>;
  if (kind === "transaction" && sender !== undefined) return <AccountLink address={sender} />;
  if (kind === "capture" && vendor !== undefined) return <VendorLink address={vendor} />;
  const [, owner] = partition.split(":");
  return (
    <span className="row">
      {device === undefined ? null : <DeviceLink address={device} />}
      {owner === undefined ? null : <VendorLink address={owner} />}
    </span>
  );
}

function Partition({ partition }: { partition: string }): ReactNode {
  const [kind, address] = partition.split(":");
  return kind === "vendor" && address !== undefined ? (
    <VendorLink address={address} />
  ) : (
    <Text value={partition} />
  );
}

function Notices({ statement: { notices } }: { statement: Statement }): ReactNode {
  const { statements: words } = useStrings();
  const names = words.notices as Readonly<Record<string, string>>;
  return (
    <Panel title={words.noticesTitle}>
      {notices.length === 0 ? <Empty>{words.noNotices}</Empty> : null}
      <ul className="bare-list">
        {notices.map(({ module, kind, attributes }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: notices have no other name and never change
          <li key={i}>
            <strong>{names[`${module}.${kind}`] ?? `${module}.${kind}`}</strong>
            <JsonTree value={attributes} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Receipt({ statement: { id, kind, statement } }: { statement: Statement }): ReactNode {
  const { statements: words } = useStrings();
  return (
    <Panel title={words.receipt}>
      <p className="muted">{words.receiptNote}</p>
      <div className="row">
        <Download
          label={words.download}
          name={`receipt-${id.slice(0, 12)}.cbor`}
          type="application/cbor"
          fetchBytes={async () => (await client.getReceipt(id)).bytes}
        />
        {kind === "capture" ? (
          <Download
            label={words.document}
            name={`document-${id.slice(0, 12)}.jsonld`}
            fetchBytes={() => client.getDocument(id)}
          />
        ) : null}
        <a href={`/verifier.html#url=/api/v1/statements/${id}/receipt`}>{words.verify}</a>
      </div>
      <ReceiptCheck id={id} />
      <details>
        <summary>{words.raw}</summary>
        <code className="bytes">{statement.slice(0, 8_000)}</code>
      </details>
    </Panel>
  );
}
