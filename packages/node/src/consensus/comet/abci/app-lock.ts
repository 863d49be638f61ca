/** Who may ask the application at the same time: one at a time, but for CheckTx, which runs beside all others except Commit. */

export interface AppLock {
  /** Runs tasks one after the other, in the order of the calls. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Keeps CheckTx out, waits for those under way, runs the task, then lets them in again. Within `run`, that is one at a time. */
  withoutChecks<T>(task: () => Promise<T>): Promise<T>;
  /** Whether CheckTx may begin now; who got true calls `endCheck` later. */
  beginCheck(): boolean;
  endCheck(): void;
  /** Resolves when `beginCheck` may be tried again. */
  waitForTurn(): Promise<void>;
}

export function createAppLock(): AppLock {
  let last: Promise<unknown> = Promise.resolve();
  let checks = 0;
  /** Resolves when the task that keeps CheckTx out has ended. */
  let shut: PromiseWithResolvers<void> | undefined;
  let whenDrained: (() => void) | undefined;

  return {
    run(task) {
      const result = last.then(task);
      last = result.catch(() => {});
      return result;
    },
    async withoutChecks(task) {
      const gate = Promise.withResolvers<void>();
      shut = gate;
      try {
        if (checks > 0)
          await new Promise<void>((resolve) => {
            whenDrained = resolve;
          });
        return await task();
      } finally {
        shut = undefined;
        gate.resolve();
      }
    },
    beginCheck() {
      if (shut !== undefined) return false;
      checks++;
      return true;
    },
    endCheck() {
      checks--;
      if (checks > 0) return;
      whenDrained?.();
      whenDrained = undefined;
    },
    waitForTurn: async () => await shut?.promise,
  };
}
