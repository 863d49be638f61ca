/** Where a device went: a line on blank paper, dashed where it said nothing for long, north up, with a scale. */
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { formatNumber } from "../../ui/format.ts";
import { splitRuns } from "../../ui/gaps.ts";
import type { Place } from "./series.ts";

/** As flat as the charts beside it. */
const WIDTH = 400;
const HEIGHT = 150;
const MARGIN = 24;
const METRES_PER_DEGREE = 111_320;
/** A device that stands still is not drawn as if it raced about. */
const SPAN_METRES_MIN = 50;

export function Track({ places }: { places: readonly Place[] }): ReactNode {
  const { devices: words } = useStrings();
  const last = places.at(-1)!;
  const { points, metresPerPixel } = project(places);
  const runs = splitRuns(points);
  const start = points[0]!;
  const end = points.at(-1)!;
  const scale = chooseScale(metresPerPixel);
  const lat = formatNumber(last.lat, 5);
  const lon = formatNumber(last.lon, 5);
  return (
    <>
      <svg
        className="track"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={words.trackLabel(lat, lon)}
      >
        {runs.slice(1).map((run, i) => (
          <polyline
            key={run[0]!.timeMs}
            className="unknown"
            points={joinPoints([runs[i]!.at(-1)!, run[0]!])}
          />
        ))}
        {runs.map((run) => (
          // The first one twice: a line of one point has its round ends, too.
          <polyline key={run[0]!.timeMs} points={joinPoints([run[0]!, ...run])} />
        ))}
        <circle className="start" cx={start.x} cy={start.y} r={4} />
        <circle className="end" cx={end.x} cy={end.y} r={6} />
        <line
          className="scale"
          x1={MARGIN / 2}
          x2={MARGIN / 2 + scale.metres / metresPerPixel}
          y1={HEIGHT - 10}
          y2={HEIGHT - 10}
        />
        <text x={MARGIN / 2} y={HEIGHT - 16}>
          {scale.label}
        </text>
      </svg>
      <p className="small muted">
        {lat}°, {lon}°
      </p>
    </>
  );
}

interface Point {
  readonly timeMs: number;
  readonly x: number;
  readonly y: number;
}

function joinPoints(points: readonly Point[]): string {
  return points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

/** Equirectangular about the middle: true enough for what a device covers in minutes. */
function project(places: readonly Place[]): { points: Point[]; metresPerPixel: number } {
  const lats = places.map(({ lat }) => lat);
  const lons = places.map(({ lon }) => lon);
  const middleLat = (Math.min(...lats) + Math.max(...lats)) / 2;
  const middleLon = (Math.min(...lons) + Math.max(...lons)) / 2;
  const perLon = METRES_PER_DEGREE * Math.max(Math.cos((middleLat * Math.PI) / 180), 0.01);
  const spanX = Math.max((Math.max(...lons) - Math.min(...lons)) * perLon, SPAN_METRES_MIN);
  const spanY = Math.max((Math.max(...lats) - Math.min(...lats)) * METRES_PER_DEGREE, SPAN_METRES_MIN);
  const metresPerPixel = Math.max(spanX / (WIDTH - 2 * MARGIN), spanY / (HEIGHT - 2 * MARGIN));
  const points = places.map(({ timeMs, lat, lon }) => ({
    timeMs,
    x: WIDTH / 2 + ((lon - middleLon) * perLon) / metresPerPixel,
    y: HEIGHT / 2 - ((lat - middleLat) * METRES_PER_DEGREE) / metresPerPixel,
  }));
  return { points, metresPerPixel };
}

/** A round length of about 80 pixels. */
function chooseScale(metresPerPixel: number): { metres: number; label: string } {
  const wanted = metresPerPixel * 80;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const metres = power * ([5, 2, 1].find((step) => step * power <= wanted) ?? 1);
  const label = metres >= 1_000 ? `${formatNumber(metres / 1_000)} km` : `${formatNumber(metres)} m`;
  return { metres, label };
}
