/** One block: what it says, what is in it, who made it final. */
import { fromHex } from "@lhg/protocol/core/bytes";
import type { Json } from "@lhg/protocol/core/codec/definition";
import type { Block } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { StatementRows } from "../../ui/activity.tsx";
import { Answer } from "../../ui/answer.tsx";
import { Download } from "../../ui/download.tsx";
import { formatBytes, formatNumber } from "../../ui/format.ts";
import { JsonTree } from "../../ui/json-tree.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Facts, Hex, Text, Time } from "../../ui/values.tsx";
import { Signers } from "./signers.tsx";

const WAIT_MS = 2_000;

export default function BlockPage(): ReactNode {
  const { blocks: words } = useStrings();
  const { height = "" } = useParams();
  const query = useQuery({
    queryKey: ["block", height],
    queryFn: () => client.getBlock(encodeURIComponent(height), { proof: true }),
    // Until the next block seals what came of it.
    refetchInterval: ({ state }) => (state.data?.isProvable === false ? WAIT_MS : false),
  });
  const title = /^[0-9]{1,15}$/.test(height) ? words.one(formatNumber(Number(height))) : words.one(height);
  return (
    <div className="stack">
      <PageHead title={title} aside={<Neighbours height={Number(height)} />} />
      <Answer query={query} missing={words.missing}>
        {(block) => <Content block={block} />}
      </Answer>
    </div>
  );
}

function Neighbours({ height }: { height: number }): ReactNode {
  const { blocks: words } = useStrings();
  if (!Number.isSafeInteger(height)) return null;
  return (
    <p className="row">
      {height > 1 ? <Link to={`/blocks/${height - 1}`}>← {words.previous}</Link> : null}
      <Link to={`/blocks/${height + 1}`}>{words.next} →</Link>
    </p>
  );
}

function Content({ block }: { block: Block }): ReactNode {
  const { blocks: words, values } = useStrings();
  const header = block.header as Readonly<Record<string, Json>>;
  const field = (name: keyof typeof words.fields): readonly [string, ReactNode] | undefined => {
    const value = header[name];
    if (value === undefined) return undefined;
    const text = String(value);
    const isHash = /^[0-9a-f]{64}$/.test(text);
    const shown = isHash ? <Hex value={text} length={26} /> : <Text value={text} />;
    return [words.fields[name], shown];
  };
  const { proof } = block;
  return (
    <>
      <Panel title={words.about}>
        <Facts
          facts={[
            [words.hash, <code key="hash">{block.hash}</code>],
            [words.time, <Time key="time" ms={block.timeMs} />],
            [words.proposer, <Hex key="proposer" value={block.proposer} length={26} />],
            [words.statements, formatNumber(block.statements)],
            [words.size, formatBytes(block.sizeBytes)],
            [words.isWorking, block.isWorking ? values.yes : values.no],
            [words.provable, block.isProvable ? words.provableYes : words.provableNot],
            block.height <= 1
              ? undefined
              : [
                  words.parent,
                  <Link key="parent" to={`/blocks/${block.height - 1}`}>
                    <Hex value={String(header.parent)} length={26} />
                  </Link>,
                ],
            field("appHash"),
            field("transactionsRoot"),
            field("resultsHash"),
            field("validatorsHash"),
            field("nextValidatorsHash"),
            // The first block has none before it, and CometBFT's stands in its own header.
            /^0*$/.test(String(header.lastCertificateHash)) ? undefined : field("lastCertificateHash"),
            field("chainId"),
            field("protocolVersion"),
          ]}
        />
        <details>
          <summary>{words.raw}</summary>
          <JsonTree value={block.header} />
        </details>
      </Panel>
      <Inside block={block} />
      <Panel title={words.certificate}>
        {proof === undefined ? (
          <Empty>{words.certificateNone}</Empty>
        ) : (
          <>
            <Signers proof={proof.bytes} chainId={String(header.chainId)} />
            <div className="row">
              <Download
                label={words.download}
                name={`block-${block.height}.cbor`}
                fetchBytes={async () => fromHex(proof.bytes)}
              />
            </div>
          </>
        )}
      </Panel>
    </>
  );
}

function Inside({ block }: { block: Block }): ReactNode {
  const { blocks: words } = useStrings();
  const query = useQuery({
    queryKey: ["activity", block.height],
    queryFn: () => client.getActivity(block.height),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Panel title={words.inside}>
      {block.statements === 0 ? (
        <Empty>{words.insideNone}</Empty>
      ) : (
        <Answer query={query}>
          {({ statements, statementsTotal }) => (
            <>
              <StatementRows statements={statements} />
              {statements.length < statementsTotal ? (
                <p className="muted">{words.cut(statements.length, statementsTotal)}</p>
              ) : null}
            </>
          )}
        </Answer>
      )}
      {block.skipped.length === 0 ? null : (
        <>
          <h3>{words.skipped}</h3>
          <p className="muted">{words.skippedNote}</p>
          <ul>
            {block.skipped.map(({ position, code, field }) => (
              <li key={position}>
                {position}: <code>{code}</code> <Text value={field} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}
