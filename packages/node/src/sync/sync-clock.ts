/** Time as sync sees it, so that tests let it pass. */
export interface SyncClock {
  /** Monotonic. */
  nowMs(): number;
  /** Calls once; returns what prevents it. */
  after(delayMs: number, task: () => void): () => void;
}

export const systemClock: SyncClock = {
  nowMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface Timers {
  /** As `SyncClock.after`. */
  after(delayMs: number, task: () => void): () => void;
  cancelAll(): void;
}

/** Timers that end together. */
export function createTimers(clock: SyncClock): Timers {
  const cancels = new Set<() => void>();
  return {
    after(delayMs, task) {
      const stopTimer = clock.after(delayMs, () => {
        cancels.delete(cancel);
        task();
      });
      const cancel = (): void => {
        cancels.delete(cancel);
        stopTimer();
      };
      cancels.add(cancel);
      return cancel;
    },
    cancelAll() {
      for (const cancel of cancels) cancel();
    },
  };
}
