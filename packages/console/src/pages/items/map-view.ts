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
/** Degrees: a single town is shown in its country. */
const WIDTH_MIN = 14;
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

function ringToPath(ring: readonly number[][]): string {
  const points = ring.map(([x = 0, y = 0]) => `${x.toFixed(2)} ${(-y).toFixed(2)}`);
  return `M${points.join("L")}Z`;
}
