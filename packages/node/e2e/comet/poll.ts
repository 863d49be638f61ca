/** Waiting for what comes about by itself. */

const POLL_MS = 50;

/** The first answer that is not undefined. Throws `what` after the limit; what `ask` throws ends it at once. */
export async function pollUntil<T>(
  what: string | (() => string | Promise<string>),
  limitMs: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endMs)
      throw new Error(`after ${limitMs} ms: ${typeof what === "string" ? what : await what()}`);
    await pause(POLL_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
