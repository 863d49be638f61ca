/** The journey step by step, oldest first. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { type ReactNode, useMemo, useState } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Empty } from "../../ui/states.tsx";
import type { Vendors } from "../../verify/use-vendors.ts";
import { findReceipts } from "./handovers.ts";
import { Step } from "./step.tsx";
import { stepsOf } from "./whereabouts.ts";

const STEPS_SHOWN = 60;

interface Props {
  readonly identity: string;
  readonly events: readonly TracedEvent[];
  /** One for each event, or none. */
  readonly sources: readonly string[];
  readonly vendors: Vendors;
}

export function Timeline({ identity, events, sources, vendors }: Props): ReactNode {
  const { item } = useStrings();
  const [shownMax, setShownMax] = useState(STEPS_SHOWN);
  const [isWide, setWide] = useState(false);
  const receipts = useMemo(() => findReceipts(identity, events), [identity, events]);
  const own = new Set(stepsOf(identity, events));
  const steps = events
    .map((traced, i) => ({ traced, source: sources[i] ?? "" }))
    .filter(({ traced }) => isWide || own.has(traced));
  if (events.length === 0) return <Empty>{item.journeyEmpty}</Empty>;
  return (
    <>
      {own.size === events.length ? null : (
        <label className="check no-print">
          <input type="checkbox" checked={isWide} onChange={() => setWide(!isWide)} />
          {item.withOrigins(events.length - own.size)}
        </label>
      )}
      <ol className="timeline">
        {steps.slice(0, shownMax).map(({ traced, source }) => (
          <Step
            key={`${traced.capture}:${traced.event.index}`}
            traced={traced}
            source={source}
            vendors={vendors}
            identity={identity}
            isOwn={own.has(traced)}
            receivedMs={readTime(receipts.get(traced))}
          />
        ))}
      </ol>
      {steps.length > shownMax ? (
        <Button onClick={() => setShownMax(shownMax + 200)}>{item.showMore}</Button>
      ) : null}
    </>
  );
}

function readTime(traced: TracedEvent | undefined): number | undefined {
  return traced === undefined ? undefined : Date.parse(traced.event.eventTime);
}
