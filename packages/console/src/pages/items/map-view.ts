/** The world as numbers of a drawing: equirectangular, x is longitude, y is latitude upside down. */
import { feature } from "topojson-client";
import type { GeoPoint } from "./places.ts";

export interface View {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const ASPECT = 16 / 9;
/** Degrees: a single town is shown on its continent, since there are no names on the map. */
const WIDTH_MIN = 44;
const PADDING = 1.35;

export function project({ latitude, longitude }: GeoPoint): { x: number; y: number } {
  return { x: longitude, y: -latitude };
}

/** A window around all points, never narrower than a country nor wider than the world. */
export function fitView(points: readonly GeoPoint[]): View {
  const xs = points.map((point) => project(point).x);
  const ys = points.map((point) => project(point).y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const wanted = Math.max((right - left) * PADDING, (bottom - top) * PADDING * ASPECT, WIDTH_MIN);
  const width = Math.min(wanted, 360);
  const height = Math.min(width / ASPECT, 180);
  return {
    x: clamp((left + right) / 2 - width / 2, -180, 180 - width),
    y: clamp((top + bottom) / 2 - height / 2, -90, 90 - height),
    width,
    height,
  };
}

/** Half as wide for each step, around a point. */
export function zoomView(view: View, center: GeoPoint, steps: number): View {
  const { x, y } = project(center);
  const [width, height] = [view.width / 2 ** steps, view.height / 2 ** steps];
  return {
    x: clamp(x - width / 2, view.x, view.x + view.width - width),
    y: clamp(y - height / 2, view.y, view.y + view.height - height),
    width,
    height,
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

type Topology = Parameters<typeof feature>[0];

/** The outline of the land, a path of SVG. */
export async function loadLand(): Promise<string> {
  const { default: world } = await import("world-atlas/land-110m.json");
  const topology = world as unknown as Topology;
  const land = feature(topology, topology.objects.land!);
  const shapes = land.type === "FeatureCollection" ? land.features : [land];
  return shapes.map(({ geometry }) => toPath(geometry)).join("");
}

interface Shape {
  readonly type: string;
  readonly coordinates?: unknown;
}

function toPath({ type, coordinates }: Shape): string {
  const polygons = (type === "Polygon" ? [coordinates] : coordinates) as number[][][][];
  return polygons.flat().map(ringToPath).join("");
}

/**
 * A ring that crosses the 180th meridian is drawn on beyond the edge, and once more from the other side; one that goes
 * round a pole is closed along it.
 */
function ringToPath(ring: readonly number[][]): string {
  const points: [x: number, y: number][] = [];
  let shift = 0;
  for (const [longitude = 0, latitude = 0] of ring) {
    const last = points.at(-1)?.[0] ?? longitude;
    if (longitude + shift - last > 180) shift -= 360;
    else if (longitude + shift - last < -180) shift += 360;
    points.push([longitude + shift, -latitude]);
  }
  if (shift !== 0) {
    const pole = points[0]![1] > 0 ? 90 : -90;
    points.push([points.at(-1)![0], pole], [points[0]![0], pole]);
  }
  const draw = (by: number): string =>
    `M${points.map(([x, y]) => `${(x + by).toFixed(2)} ${y.toFixed(2)}`).join("L")}Z`;
  const xs = points.map(([x]) => x);
  const beyondEast = Math.max(...xs) > 180 ? draw(-360) : "";
  return draw(0) + beyondEast + (Math.min(...xs) < -180 ? draw(360) : "");
}
