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
