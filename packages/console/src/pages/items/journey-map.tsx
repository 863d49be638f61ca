import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Empty } from "../../ui/states.tsx";
import { Text } from "../../ui/values.tsx";
import { toPlainText } from "../../words/foreign-text.ts";
import { describeItem } from "../../words/identity.ts";
import { nameStep } from "../../words/steps.ts";
import { type Stop, WorldMap } from "./map.tsx";
import { distanceKm, formatPoint, parseGeo, placeName, pointOf } from "./places.ts";
import { stepId } from "./step.tsx";
import { wayOf } from "./whereabouts.ts";

/** Longer lists are folded. */
const STOPS_SHOWN = 6;
/** Nearer than this is the same place. */
const SAME_PLACE_KM = 5;

/** The ways of the item and of what it came from, in order of claimed time. */
export function JourneyMap({
  identity,
  events,
  doubtful,
}: {
  identity: string;
  events: readonly TracedEvent[];
  doubtful: ReadonlySet<TracedEvent>;
}): ReactNode {
  const { item } = useStrings();
  const stops: (Stop & { readonly isNamed: boolean })[] = [];
  const placeless = new Set<string>();
  for (const traced of wayOf(identity, events)) {
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
    const isNamed = name !== null && parseGeo(name) === undefined;
    const where = isNamed ? describeItem(item, name) : formatPoint(point);
    stops.push({
      point,
      label: `${toPlainText(nameStep(item, traced.event), 40)}, ${toPlainText(where, 80)}`,
      href: `#${stepId(traced)}`,
      isDoubtful,
      isNamed,
    });
  }
  if (stops.length === 0 && placeless.size === 0) return <Empty>{item.mapNone}</Empty>;
  return (
    <>
      {stops.length === 0 ? <Empty>{item.mapNone}</Empty> : <WorldMap stops={stops} isPath />}
      <details className="stops-list" open={stops.length <= STOPS_SHOWN}>
        <summary>{item.mapStops(stops.length)}</summary>
        <ol className="stops">
          {stops.map(({ label, href, point, isNamed }) => (
            <li key={href}>
              <a href={href}>
                <Text value={label} />
              </a>{" "}
              {isNamed ? <span className="muted small">{formatPoint(point)}</span> : null}
            </li>
          ))}
        </ol>
      </details>
      {placeless.size === 0 ? null : (
        <p className="small">
          {item.mapPlaceless}:{" "}
          {[...placeless].slice(0, 20).map((name, i) => (
            <span key={name}>
              {i === 0 ? "" : ", "}
              <Text value={describeItem(item, name)} lengthMax={80} />
            </span>
          ))}
        </p>
      )}
    </>
  );
}
