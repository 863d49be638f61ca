/** Gathers readings until there are enough, or until the first of them has waited long enough. */
import type { PlainReadings } from "./readings.ts";

export interface BatchLimits {
  readonly readingsMax: number;
  readonly delayMs: number;
}

export interface Batcher<T> {
  /** Resolves or rejects with what became of the batch that holds these readings. */
  add(readings: PlainReadings): Promise<T>;
  /** Ends the open batch and waits for all that were ended; a failed one rejects its own `add` alone. */
  close(): Promise<void>;
}

interface OpenBatch<T> {
  readonly version: number;
  readonly records: PlainReadings["records"][number][];
  readonly done: Promise<T>;
  readonly end: () => void;
}

export function createBatcher<T>(
  { readingsMax, delayMs }: BatchLimits,
  finish: (readings: PlainReadings) => Promise<T>,
): Batcher<T> {
  let open: OpenBatch<T> | undefined;
  let ending: Promise<unknown> = Promise.resolve();

  function start(version: number): OpenBatch<T> {
    const records: OpenBatch<T>["records"] = [];
    const { promise, resolve } = Promise.withResolvers<T>();
    const timer = delayMs > 0 ? setTimeout(() => batch.end(), delayMs) : undefined;
    const batch: OpenBatch<T> = {
      version,
      records,
      done: promise,
      end: () => {
        clearTimeout(timer);
        if (open === batch) open = undefined;
        const finished = finish({ version, records });
        resolve(finished);
        ending = Promise.allSettled([ending, finished]);
      },
    };
    open = batch;
    return batch;
  }

  return {
    add: (readings) => {
      const isOther = open !== undefined && open.version !== readings.version;
      const isTooMany = open !== undefined && open.records.length + readings.records.length > readingsMax;
      if (isOther || isTooMany) open?.end();
      const batch = open ?? start(readings.version);
      batch.records.push(...readings.records);
      if (batch.records.length >= readingsMax || delayMs === 0) batch.end();
      return batch.done;
    },
    close: async () => {
      open?.end();
      await ending;
    },
  };
}
