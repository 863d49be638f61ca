/** Places in order on a map that comes with the page. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { fitView, loadLand, project } from "./map-view.ts";
import type { GeoPoint } from "./places.ts";

export interface Stop {
  readonly point: GeoPoint;
  readonly label: string;
  /** Stands in the dot; else its number in the list. */
  readonly mark?: string;
  /** The step that a reader is led to. */
  readonly href?: string;
  /** Something is wrong here. */
  readonly isDoubtful?: boolean;
}

/** `isPath` draws the way from stop to stop. */
export function WorldMap({ stops, isPath = false }: { stops: readonly Stop[]; isPath?: boolean }): ReactNode {
  const { item } = useStrings();
  const land = useQuery({ queryKey: ["land"], queryFn: loadLand, staleTime: Number.POSITIVE_INFINITY });
  if (stops.length === 0) return null;
  const view = fitView(stops.map(({ point }) => point));
  const unit = view.width / 100;
  const line = stops.map(({ point }) => project(point));
  return (
    <figure className="map">
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset */}
      <svg
        viewBox={`${view.x} ${view.y} ${view.width} ${view.height}`}
        role="group"
        aria-label={item.mapText(stops.length)}
      >
        <rect className="sea" {...view} />
        {land.data === undefined ? null : <path className="land" d={land.data} />}
        {isPath ? <polyline className="way" points={line.map(({ x, y }) => `${x},${y}`).join(" ")} /> : null}
        {stops.map((stop, i) => (
          // Stops are a list in order, and the same place can come twice.
          // biome-ignore lint/suspicious/noArrayIndexKey: the order is the identity
          <Dot key={i} stop={stop} number={i + 1} unit={unit} />
        ))}
      </svg>
      {land.isError ? <figcaption className="muted">{item.mapFailed}</figcaption> : null}
    </figure>
  );
}

function Dot({ stop, number, unit }: { stop: Stop; number: number; unit: number }): ReactNode {
  const { x, y } = project(stop.point);
  const drawn = (
    <>
      <title>{stop.label}</title>
      <circle className={stop.isDoubtful ? "dot doubtful" : "dot"} cx={x} cy={y} r={1.9 * unit} />
      <text className="dot-number" x={x} y={y + 0.75 * unit} fontSize={2.1 * unit} textAnchor="middle">
        {stop.mark ?? number}
      </text>
    </>
  );
  if (stop.href === undefined)
    return (
      // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a group of shapes is no control
      <g role="img" aria-label={stop.label}>
        {drawn}
      </g>
    );
  return (
    <a href={stop.href} aria-label={`${number}. ${stop.label}`}>
      {drawn}
    </a>
  );
}
