/** The last blocks as bars: the taller, the more statements. */
import type { BlockSummary } from "@lhg/sdk/client/types";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import "./blocks.css";

const BARS = 60;
const HEIGHT = 60;

export function BlockStrip({
  blocks,
}: {
  blocks: readonly Pick<BlockSummary, "height" | "statements" | "isWorking">[];
}): ReactNode {
  const { blocks: words } = useStrings();
  const shown = blocks.slice(0, BARS).reverse();
  const most = Math.max(1, ...shown.map(({ statements }) => statements));
  return (
    <svg
      className="block-strip"
      viewBox={`0 0 ${BARS * 10} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={words.strip}
    >
      {shown.map(({ height, statements, isWorking }, i) => {
        const tall = 4 + (statements / most) * (HEIGHT - 4);
        return (
          <rect
            key={height}
            className={isWorking ? "working" : undefined}
            x={(BARS - shown.length + i) * 10 + 1}
            y={HEIGHT - tall}
            width={8}
            height={tall}
            rx={1.5}
          />
        );
      })}
    </svg>
  );
}
