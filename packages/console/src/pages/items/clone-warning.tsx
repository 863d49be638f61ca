/** One number at two places that one thing can't have been at. */
import type { ReactNode } from "react";
import type { Strings } from "../../strings/en.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Text } from "../../ui/values.tsx";
import { toPlainText } from "../../words/foreign-text.ts";
import { describeItem } from "../../words/identity.ts";
import { WorldMap } from "./map.tsx";
import { formatPoint, parseGeo, placeName } from "./places.ts";
import { stepId } from "./step.tsx";
import type { Doubt, Sighting } from "./whereabouts.ts";

export function CloneWarning({ doubts }: { doubts: readonly Doubt[] }): ReactNode {
  const { item } = useStrings();
  const [worst] = doubts;
  if (worst === undefined) return null;
  const { first, second } = worst;
  return (
    <section className="note bad clone" role="alert" data-clone={worst.reason}>
      <h2>{item.cloneTitle}</h2>
      <p>
        <Text value={describeDoubt(item, worst)} lengthMax={600} />
      </p>
      <WorldMap
        isPath
        stops={[first, second].map((sighting) => ({
          point: sighting.point,
          label: describePlace(item, sighting),
          href: `#${stepId(sighting.step)}`,
          isDoubtful: true,
        }))}
      />
      {doubts.length === 1 ? null : <p>{item.cloneMore(doubts.length - 1)}</p>}
    </section>
  );
}

type Words = Strings["item"];

function describeDoubt(words: Words, { reason, first, second, distanceKm }: Doubt): string {
  const [a, b] = [describePlace(words, first), describePlace(words, second)];
  const km = Math.round(distanceKm);
  if (reason === "elsewhere") return words.cloneElsewhere(a, b, km);
  return words.cloneSpeed(a, b, km, describeGap(words, second.timeMs - first.timeMs));
}

function describePlace(words: Words, { step: { event }, point }: Sighting): string {
  const name = placeName(event);
  if (name === null || parseGeo(name) !== undefined) return formatPoint(point);
  return `${toPlainText(describeItem(words, name), 80)} (${formatPoint(point)})`;
}

const MINUTE_MS = 60_000;

function describeGap(words: Words, gapMs: number): string {
  const minutes = Math.round(gapMs / MINUTE_MS);
  return minutes < 120 ? words.minutes(minutes) : words.hours(Math.round(minutes / 60));
}
