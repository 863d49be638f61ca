/** What runs until somebody ends it. */

export interface End {
  /** Resolves with the signal; rejects with the error after which it can't go on. */
  readonly ended: Promise<NodeJS.Signals>;
  readonly fail: (error: unknown) => void;
}

/** As a shell reports a program that Ctrl-C ended. */
const EXIT_FORCED = 130;
/** npm passes on the signal that the terminal has sent already: one Ctrl-C arrives twice. */
const ONE_SIGNAL_MS = 1_000;

/** The first signal ends what runs, a later one forces it. */
export function waitForEnd(): End {
  const { promise, resolve, reject } = Promise.withResolvers<NodeJS.Signals>();
  let firstMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    firstMs ??= performance.now();
    resolve(signal);
    if (performance.now() - firstMs > ONE_SIGNAL_MS) process.exit(EXIT_FORCED);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  // A failure while it still starts is thrown by the start itself.
  promise.catch(() => {});
  return { ended: promise, fail: reject };
}
