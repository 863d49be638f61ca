import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Empty } from "../../ui/states.tsx";
import { clampText, Text } from "../../verify/text.tsx";
import { readIdentity } from "./identity-words.ts";
import { describeShort } from "./item-link.tsx";
import { type Stop, WorldMap } from "./map.tsx";
import { distanceKm, formatPoint, parseGeo, placeName, pointOf } from "./places.ts";
import { nameStep } from "./step-words.ts";
import { stepId } from "./timeline.tsx";

/** Nearer than this is the same place. */
const SAME_PLACE_KM = 5;

/** The ways of the item and of what it came from, in order of claimed time. */
export function JourneyMap({
  events,
  doubtful,
}: {
  events: readonly TracedEvent[];
  doubtful: ReadonlySet<TracedEvent>;
}): ReactNode {
  const { item } = useStrings();
  const stops: Stop[] = [];
  const placeless = new Set<string>();
  for (const traced of events) {
    if (traced.isRetracted) continue;
    const point = pointOf(traced.event);
    const name = placeName(traced.event);
    if (point === undefined) {
      if (name !== null) placeless.add(name);
      continue;
    }
    const last = stops.at(-1);
    const isDoubtful = doubtful.has(traced);
    if (last !== undefined && !isDoubtful && distanceKm(last.point, point) < SAME_PLACE_KM) continue;
    const where =
      name === null || parseGeo(name) !== undefined
        ? formatPoint(point)
        : describeShort(item, readIdentity(name));
    stops.push({
      point,
      label: `${clampText(nameStep(item, traced.event), 40)}, ${clampText(where, 80)}`,
      href: `#${stepId(traced)}`,
      isDoubtful,
    });
  }
  if (stops.length === 0 && placeless.size === 0) return <Empty>{item.mapNone}</Empty>;
  return (
    <>
      {stops.length === 0 ? <Empty>{item.mapNone}</Empty> : <WorldMap stops={stops} isPath />}
      <ol className="stops">
        {stops.map(({ label, href, point }) => (
          <li key={href}>
            <a href={href}>
              <Text value={label} />
            </a>{" "}
            <span className="muted small">{formatPoint(point)}</span>
          </li>
        ))}
      </ol>
      {placeless.size === 0 ? null : (
        <p className="small">
          {item.mapPlaceless}:{" "}
          {[...placeless].slice(0, 20).map((name, i) => (
            <span key={name}>
              {i === 0 ? "" : ", "}
              <Text value={describeShort(item, readIdentity(name))} max={80} />
            </span>
          ))}
        </p>
      )}
    </>
  );
}
