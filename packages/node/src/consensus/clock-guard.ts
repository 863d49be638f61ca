/** Watches the wall clock against the monotonic one: a moment of wrong time must not become chain time. */

/** A leap beyond this is looked at; less is adjustment. */
const LEAP_MS = 10_000;
/** A new offset that holds this long is the time after all (a machine that slept, an operator's correction). */
const SETTLED_MS = 60_000;

export interface ClockGuard {
  /** Whether wall time can be proposed now. */
  isSteady(wallMs: number, monotonicMs: number): boolean;
}

export function createClockGuard(wallMs: number, monotonicMs: number): ClockGuard {
  let offset = wallMs - monotonicMs;
  let leap: { readonly offset: number; readonly sinceMs: number } | undefined;
  return {
    isSteady(wall, monotonic) {
      const now = wall - monotonic;
      if (Math.abs(now - offset) <= LEAP_MS) {
        offset = now;
        leap = undefined;
        return true;
      }
      if (leap === undefined || Math.abs(now - leap.offset) > LEAP_MS)
        leap = { offset: now, sinceMs: monotonic };
      if (monotonic - leap.sinceMs < SETTLED_MS) return false;
      offset = now;
      leap = undefined;
      return true;
    },
  };
}
