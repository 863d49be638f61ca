/** Blocks as they become final. */
import type { BlockSummary } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import { client } from "../../node/client.ts";
import { useLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { formatBytes, formatNumber } from "../../ui/format.ts";
import { useHold } from "../../ui/hold.tsx";
import { BlockLink } from "../../ui/links.tsx";
import { usePaged } from "../../ui/more-rows.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { Hex, Time } from "../../ui/values.tsx";
import { BlockStrip } from "./block-strip.tsx";

const PAGE = 30;
const LIVE_ROWS = 60;

export default function Blocks(): ReactNode {
  const { blocks: words } = useStrings();
  const { value: heard, button } = useHold(useLive().blocks);
  const { rows: asked, foot } = usePaged<BlockSummary>({
    queryKey: ["blocks", "list"],
    fetchPage: (cursor) => client.listBlocks({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }),
  });
  const rows = joinNewest(asked ?? [], heard);
  return (
    <div className="stack">
      <PageHead title={words.title} aside={<p className="muted">{words.lead}</p>} />
      <Panel title={words.strip}>
        <BlockStrip blocks={rows} />
      </Panel>
      <Panel title={words.title} aside={button}>
        {asked !== undefined && rows.length === 0 ? <Empty>{words.none}</Empty> : null}
        {rows.length === 0 ? null : (
          <Table
            caption={words.title}
            rows={rows}
            keyOf={({ height }) => height}
            columns={[
              { head: words.height, cell: ({ height }) => <BlockLink height={height} /> },
              { head: words.time, cell: ({ timeMs }) => <Time ms={timeMs} /> },
              { head: words.statements, cell: (row) => formatNumber(row.statements), isNumber: true },
              { head: words.size, cell: (row) => formatBytes(row.sizeBytes), isNumber: true },
              { head: words.proposer, cell: (row) => <Hex value={row.proposer} /> },
              { head: words.hash, cell: (row) => <Hex value={row.hash} /> },
            ]}
          />
        )}
        {foot}
      </Panel>
    </div>
  );
}

/** Newest first, each once; what was heard goes before what was asked for, as far as it reaches down to it. */
function joinNewest(asked: readonly BlockSummary[], heard: readonly BlockSummary[]): readonly BlockSummary[] {
  const newestAsked = asked[0]?.height ?? 0;
  const newer = heard.filter(({ height }) => height > newestAsked).slice(-LIVE_ROWS);
  return [...newer.reverse(), ...asked];
}
