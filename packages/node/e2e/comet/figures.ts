/** Figures as they are said. */

export function inMs(ms: number): string {
  return `${Math.round(ms).toLocaleString("en-US")} ms`;
}

/** Median and longest. */
export function describeTimes(timesMs: readonly number[]): string {
  const sorted = [...timesMs].sort((a, b) => a - b);
  if (sorted.length === 0) return "no time";
  return `${inMs(sorted[Math.floor(sorted.length / 2)]!)} (median; at most ${inMs(sorted.at(-1)!)})`;
}
