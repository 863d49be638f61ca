/** What was started is closed in reverse, all of it, whatever becomes of one. */
export interface Closers {
  add(close: () => Promise<unknown>): void;
  /** Rejects with the first error, after everything was tried. Idempotent. */
  closeAll(): Promise<void>;
}

export function createClosers(): Closers {
  const closers: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | undefined;
  async function closeNow(): Promise<void> {
    const problems: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop())
      await close().catch((problem: unknown) => problems.push(problem));
    if (problems.length > 0) throw problems[0];
  }
  return {
    add: (close) => void closers.push(close),
    closeAll: () => {
      closing ??= closeNow();
      return closing;
    },
  };
}
