/** Places in order on a map that comes with the page. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { fitView, loadLand, project, zoomView } from "./map-view.ts";
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

/** Degrees; the outline of the land holds no more detail. */
const ZOOMED_WIDTH_MIN = 12;

/** `isPath` draws the way from stop to stop. */
export function WorldMap({ stops, isPath = false }: { stops: readonly Stop[]; isPath?: boolean }): ReactNode {
  const { item } = useStrings();
  const land = useQuery({ queryKey: ["land"], queryFn: loadLand, staleTime: Number.POSITIVE_INFINITY });
  const [zoom, setZoom] = useState(0);
  const last = stops.at(-1);
  if (last === undefined) return null;
  const whole = fitView(stops.map(({ point }) => point));
  const view = zoomView(whole, last.point, zoom);
  const zoomMax = Math.max(0, Math.floor(Math.log2(whole.width / ZOOMED_WIDTH_MIN)));
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
      {zoomMax === 0 ? null : (
        <div className="map-zoom no-print">
          <Button aria-label={item.zoomIn} disabled={zoom >= zoomMax} onClick={() => setZoom(zoom + 1)}>
            +
          </Button>
          <Button aria-label={item.zoomOut} disabled={zoom === 0} onClick={() => setZoom(zoom - 1)}>
            −
          </Button>
        </div>
      )}
      {land.isError ? <figcaption className="muted">{item.mapFailed}</figcaption> : null}
    </figure>
  );
}

function Dot({ stop, number, unit }: { stop: Stop; number: number; unit: number }): ReactNode {
  const { x, y } = project(stop.point);
  const drawn = (
    <>
      <title>{stop.label}</title>
      <circle className={stop.isDoubtful ? "dot doubtful" : "dot"} cx={x} cy={y} r={2.5 * unit} />
      <text className="dot-number" x={x} y={y + unit} fontSize={2.8 * unit} textAnchor="middle">
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
