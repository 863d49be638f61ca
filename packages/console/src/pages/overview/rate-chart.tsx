/** Statements a second, moving with the chain's time. */
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { type LiveBlock, readLive, useConnection } from "../../node/live.ts";
import { useSeedBlocks } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { prefersStill } from "../../ui/motion.ts";
import { TimeChart } from "../../ui/time-chart.tsx";
import { useNow } from "../../ui/values.tsx";
import { computeRates, joinBlocks } from "./rates.ts";

const WINDOW_MS = 120_000;
const BUCKET_MS = 2_000;
const SPAN_MS_MIN = 20_000;
const DRAW_MS = 250;
const DRAW_STILL_MS = 2_000;

export function RateChart(): ReactNode {
  const { overview } = useStrings();
  const asked = useSeedBlocks();
  const nowMs = useNow(prefersStill() ? DRAW_STILL_MS : DRAW_MS);
  const { blocks } = readLive();
  const lostAtMs = useLostAt();
  const chainNowMs = (lostAtMs ?? nowMs) + readClockOffset(blocks.at(-1));
  const bucket = Math.floor(chainNowMs / BUCKET_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: points change once a bucket, whatever blocks came meanwhile
  const { times, values } = useMemo(
    () =>
      computeRates(joinBlocks(asked, blocks), {
        nowMs: bucket * BUCKET_MS,
        windowMs: WINDOW_MS,
        bucketMs: BUCKET_MS,
      }),
    [asked, bucket],
  );
  // The axis grows with what is known, until it spans the window.
  const known = values.findIndex((value) => value !== null);
  const firstMs = known < 0 ? 0 : Math.min(times[known]!, chainNowMs - SPAN_MS_MIN);
  const lines = useMemo(() => [{ label: overview.rate, values }], [overview.rate, values]);
  return (
    <TimeChart
      label={overview.rateLabel}
      unit={overview.perSecond}
      times={times}
      lines={lines}
      span={{ fromMs: Math.max(chainNowMs - WINDOW_MS + BUCKET_MS, firstMs), untilMs: chainNowMs }}
      heightPx={210}
      isFilled
    />
  );
}

/** While the node is away nothing is known of the chain: the picture stands still. */
function useLostAt(): number | undefined {
  const isLost = useConnection() === "lost";
  const [lostAtMs, setLostAtMs] = useState<number>();
  useEffect(() => setLostAtMs(isLost ? Date.now() : undefined), [isLost]);
  return lostAtMs;
}

/** The chain's clock less this machine's, as of the newest block heard of. */
function readClockOffset(block: LiveBlock | undefined): number {
  if (block === undefined) return 0;
  return block.timeMs - (Date.now() - (performance.now() - block.heardMs));
}
