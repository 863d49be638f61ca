/** Readings of a device, put together by name and unit for charts. */
import type { Collection } from "@lhg/sdk/client/types";

export interface NumberSeries {
  readonly name: string;
  readonly unit: string | undefined;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

export interface FlagSeries {
  readonly name: string;
  readonly times: readonly number[];
  readonly values: readonly boolean[];
}

export interface TextReading {
  readonly name: string;
  readonly timeMs: number;
  readonly text: string;
}

export interface Place {
  readonly timeMs: number;
  readonly lat: number;
  readonly lon: number;
}

export interface DeviceSeries {
  readonly numbers: readonly NumberSeries[];
  readonly flags: readonly FlagSeries[];
  /** Newest first. */
  readonly texts: readonly TextReading[];
  /** Oldest first. */
  readonly track: readonly Place[];
}

/** A device may give every reading another name: so many are drawn. */
const SERIES_MAX = 24;
/** Answers to commands, which stand beside what was asked. */
const ANSWER = "urn:lhg:command:";
const TEXTS_MAX = 20;

type Point<T> = readonly [timeMs: number, value: T];

/** Times are the device's claims; points of one series are put in their order. */
export function groupReadings(collections: readonly Collection[]): DeviceSeries {
  const numbers = new Map<string, { name: string; unit: string | undefined; points: Point<number>[] }>();
  const flags = new Map<string, Point<boolean>[]>();
  const texts: TextReading[] = [];
  const lats = new Map<number, number>();
  const lons = new Map<number, number>();
  for (const { readings } of collections)
    for (const { name, unit, timeMs, number, flag, text, data } of readings) {
      const value = Number(number);
      if (number !== undefined && Number.isFinite(value)) {
        const side = readSide(name, unit);
        if (side !== undefined) (side === "lat" ? lats : lons).set(timeMs, value);
        else
          addPoint(numbers, `${name}\n${unit ?? ""}`, { name, unit, points: [] }).points.push([
            timeMs,
            value,
          ]);
      }
      if (flag !== undefined) addPoint(flags, name, []).push([timeMs, flag]);
      if ((text !== undefined || data !== undefined) && !name.startsWith(ANSWER))
        texts.push({ name, timeMs, text: text ?? data! });
    }
  return {
    numbers: [...numbers.values()].slice(0, SERIES_MAX).map(({ name, unit, points }) => ({
      name,
      unit,
      ...splitPoints(points),
    })),
    flags: [...flags].slice(0, SERIES_MAX).map(([name, points]) => ({ name, ...splitPoints(points) })),
    texts: texts.sort((a, b) => b.timeMs - a.timeMs).slice(0, TEXTS_MAX),
    track: joinPlaces(lats, lons),
  };
}

function addPoint<T>(map: Map<string, T>, key: string, empty: T): T {
  const held = map.get(key);
  if (held !== undefined) return held;
  map.set(key, empty);
  return empty;
}

/** By the units of SenML, or by name where a device gives degrees no unit. */
function readSide(name: string, unit: string | undefined): "lat" | "lon" | undefined {
  if (unit === "lat" || unit === "lon") return unit;
  if (unit !== undefined) return undefined;
  if (/(?:^|[:/_.-])lat(?:itude)?$/i.test(name)) return "lat";
  return /(?:^|[:/_.-])(?:lon|lng|longitude)$/i.test(name) ? "lon" : undefined;
}

function splitPoints<T>(points: Point<T>[]): { times: number[]; values: T[] } {
  points.sort(([a], [b]) => a - b);
  return { times: points.map(([timeMs]) => timeMs), values: points.map(([, value]) => value) };
}

function joinPlaces(lats: ReadonlyMap<number, number>, lons: ReadonlyMap<number, number>): Place[] {
  const places: Place[] = [];
  for (const [timeMs, lat] of lats) {
    const lon = lons.get(timeMs);
    if (lon !== undefined && Math.abs(lat) <= 90 && Math.abs(lon) <= 180) places.push({ timeMs, lat, lon });
  }
  return places.sort((a, b) => a.timeMs - b.timeMs);
}

/** Spans in which a flag was up; the last one goes on until `untilMs`. */
export function findSpans(
  { times, values }: Pick<FlagSeries, "times" | "values">,
  untilMs: number,
): { readonly fromMs: number; readonly untilMs: number }[] {
  const spans: { fromMs: number; untilMs: number }[] = [];
  let fromMs: number | undefined;
  for (const [at, value] of values.entries()) {
    if (value && fromMs === undefined) fromMs = times[at]!;
    if (!value && fromMs !== undefined) {
      spans.push({ fromMs, untilMs: times[at]! });
      fromMs = undefined;
    }
  }
  if (fromMs !== undefined) spans.push({ fromMs, untilMs });
  return spans;
}

/**
 * How the readings of a device are headed: without the device's own name, which base names (RFC 8428) put before every
 * one, as long as that leaves each a name of its own.
 */
export function shortenNames(names: readonly string[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const name of new Set(names)) {
    const short = shorten(name);
    counts.set(short, (counts.get(short) ?? 0) + 1);
  }
  return new Map(names.map((name) => [name, counts.get(shorten(name)) === 1 ? shorten(name) : name]));
}

function shorten(name: string): string {
  return /^urn:dev:.*[:_/]([a-z][a-z0-9 -]{0,39})$/i.exec(name)?.[1] ?? name;
}
