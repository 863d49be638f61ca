export interface TokenBucket {
  /** Takes so many; false where there are not so many, and then nothing is taken. */
  take(count: number): boolean;
}

export function createTokenBucket(
  perSecond: number,
  burst: number,
  nowMs: () => number = () => performance.now(),
): TokenBucket {
  let tokens = burst;
  let filledMs = nowMs();
  const fill = (): void => {
    const now = nowMs();
    tokens = Math.min(burst, tokens + ((now - filledMs) * perSecond) / 1_000);
    filledMs = now;
  };
  return {
    take(count) {
      fill();
      if (tokens < count) return false;
      tokens -= count;
      return true;
    },
  };
}
