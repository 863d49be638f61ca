/** The durable votes of the validators of this process: one small store, many waiting writes in one fsync. */

import type { Store } from "../store/store.ts";
import type { Durable } from "./dbft/core.ts";
import { decodeDurable, encodeDurable } from "./dbft/durable.ts";

export interface VoteStore {
  /** Resolves once the record is on disk. A later record of the same validator may take its place. */
  persist(consensusKey: Uint8Array, durable: Durable): Promise<void>;
  load(consensusKey: Uint8Array): Durable | undefined;
  close(): Promise<void>;
}

export function createVoteStore(store: Store): VoteStore {
  let waiting = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  let flushing: Promise<void> = Promise.resolve();
  let scheduled: Promise<void> | undefined;
  const flush = async (): Promise<void> => {
    scheduled = undefined;
    const writes = [...waiting.values()];
    waiting = new Map();
    await store.commit(writes);
  };
  return {
    persist(consensusKey, durable) {
      waiting.set(consensusKey.join(), { key: consensusKey, value: encodeDurable(durable) });
      if (scheduled === undefined) {
        // All validators that vote in this turn of the loop share the write.
        scheduled = flushing.then(() => new Promise<void>((resolve) => setImmediate(resolve))).then(flush);
        flushing = scheduled.catch(() => {});
      }
      return scheduled;
    },
    load(consensusKey) {
      const stored = store.get(consensusKey);
      return stored === undefined ? undefined : decodeDurable(stored);
    },
    close: async () => {
      await flushing;
      await store.close();
    },
  };
}
