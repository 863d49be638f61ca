/** The validators in a ring: who proposed the newest block, and how much of the last ones. */
import type { ReactNode } from "react";
import { useLive } from "../../node/live.ts";
import { useSeedBlocks, useValidators } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { formatNumber } from "../../ui/format.ts";
import { Table } from "../../ui/table.tsx";
import { Hex } from "../../ui/values.tsx";
import { joinBlocks } from "./rates.ts";

const BLOCKS = 100;
const RADIUS = 74;
const CENTRE = 100;

interface Dot {
  readonly operator: string;
  readonly number: number;
  readonly blocks: number;
}

export function ValidatorRing(): ReactNode {
  const { overview } = useStrings();
  const validators = useValidators().data;
  const { blocks } = useLive();
  const asked = useSeedBlocks();
  const known = joinBlocks(asked, blocks).slice(-BLOCKS);
  const newest = known.at(-1)?.proposer;
  const counts = new Map<string, number>();
  for (const { proposer } of known) counts.set(proposer, (counts.get(proposer) ?? 0) + 1);
  const dots = (validators?.current.validators ?? []).map(
    ({ operator }, i): Dot => ({ operator, number: i + 1, blocks: counts.get(operator) ?? 0 }),
  );
  const newestNumber = dots.find(({ operator }) => operator === newest)?.number;
  const needed = validators?.votesNeeded ?? 0;
  return (
    <>
      <svg
        className="ring"
        viewBox="0 0 200 200"
        role="img"
        aria-label={overview.ringLabel(dots.length, needed, newestNumber ?? 0)}
      >
        <circle className="ring-line" cx={CENTRE} cy={CENTRE} r={RADIUS} />
        {dots.map((dot) => (
          <RingDot key={dot.operator} dot={dot} count={dots.length} isNewest={dot.operator === newest} />
        ))}
        <text x={CENTRE} y={CENTRE - 2} className="ring-count">
          {needed}/{dots.length}
        </text>
        <text x={CENTRE} y={CENTRE + 18} className="ring-note">
          {overview.sign}
        </text>
      </svg>
      <details className="small">
        <summary className="muted">{overview.proposers}</summary>
        <Table
          caption={overview.proposers}
          rows={dots}
          keyOf={({ operator }) => operator}
          columns={[
            { head: overview.number, cell: ({ number }) => number },
            { head: overview.operator, cell: ({ operator }) => <Hex value={operator} /> },
            {
              head: overview.proposed(known.length),
              cell: (dot) => formatNumber(dot.blocks),
              isNumber: true,
            },
          ]}
        />
      </details>
    </>
  );
}

function RingDot({ dot, count, isNewest }: { dot: Dot; count: number; isNewest: boolean }): ReactNode {
  const angle = (2 * Math.PI * (dot.number - 1)) / count - Math.PI / 2;
  const x = CENTRE + RADIUS * Math.cos(angle);
  const y = CENTRE + RADIUS * Math.sin(angle);
  const radius = Math.min(16, (0.8 * Math.PI * RADIUS) / Math.max(count, 1));
  return (
    <g className={isNewest ? "ring-dot newest" : "ring-dot"}>
      <circle cx={x} cy={y} r={radius} />
      {radius >= 9 ? (
        <text x={x} y={y + 4.5}>
          {dot.number}
        </text>
      ) : null}
    </g>
  );
}
