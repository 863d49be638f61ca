/** Where measurements paused: a line over a pause would say what nobody measured. */

/** As many usual intervals without a reading are a pause. */
const INTERVALS = 5;

/** Places in ascending times before which there was a pause; the usual interval is the median. */
export function findGaps(times: readonly number[]): number[] {
  const intervals = times
    .slice(1)
    .map((ms, i) => ms - times[i]!)
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b);
  const usual = intervals[(intervals.length - 1) >> 1];
  if (usual === undefined) return [];
  return times.flatMap((ms, i) => (i > 0 && ms - times[i - 1]! > INTERVALS * usual ? [i] : []));
}

/** What lies between pauses, one run each. */
export function splitRuns<T extends { readonly timeMs: number }>(entries: readonly T[]): T[][] {
  const starts = [0, ...findGaps(entries.map(({ timeMs }) => timeMs))];
  return starts.map((start, i) => entries.slice(start, starts[i + 1]));
}

type Column = readonly (number | null)[];

/** Columns for a drawing that ends a line where there is no value: each pause gets a time without any. */
export function breakLines(times: readonly number[], columns: readonly Column[]): [number[], ...Column[]] {
  const gaps = new Set(findGaps(times));
  const widen = <T>(entries: readonly T[], between: (at: number) => T): T[] =>
    entries.flatMap((entry, i) => (gaps.has(i) ? [between(i), entry] : [entry]));
  return [
    widen(times, (i) => (times[i - 1]! + times[i]!) / 2),
    ...columns.map((column) => widen<number | null>(column, () => null)),
  ];
}
