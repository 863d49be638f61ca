/** Statements a second over the last minutes, from the blocks that are known. */

export interface Rates {
  /** Middle of each bucket, milliseconds. */
  readonly times: readonly number[];
  /** Null before the first known block. */
  readonly values: readonly (number | null)[];
}

export interface CountedBlock {
  readonly height: number;
  readonly timeMs: number;
  readonly statements: number;
}

/** Buckets stand on whole multiples of their length, so that a drawn point never changes; the one still filling is left out. */
export function computeRates(
  blocks: readonly CountedBlock[],
  { nowMs, windowMs, bucketMs }: { nowMs: number; windowMs: number; bucketMs: number },
): Rates {
  const first = Math.floor((nowMs - windowMs) / bucketMs);
  const count = Math.max(0, Math.floor(nowMs / bucketMs) - first);
  const sums = new Array<number>(count).fill(0);
  let knownFromMs = Number.POSITIVE_INFINITY;
  for (const { timeMs, statements } of blocks) {
    knownFromMs = Math.min(knownFromMs, timeMs);
    const at = Math.floor(timeMs / bucketMs) - first;
    if (at >= 0 && at < count) sums[at]! += statements;
  }
  const times = sums.map((_, at) => (first + at + 0.5) * bucketMs);
  const values = sums.map((sum, at) =>
    (first + at + 1) * bucketMs <= knownFromMs ? null : (sum * 1_000) / bucketMs,
  );
  return { times, values };
}

/** Ascending by height, each once. */
export function joinBlocks<T extends CountedBlock>(asked: readonly T[], heard: readonly T[]): T[] {
  const firstHeard = heard[0]?.height ?? Number.POSITIVE_INFINITY;
  const older = asked.filter(({ height }) => height < firstHeard).sort((a, b) => a.height - b.height);
  return [...older, ...heard];
}
