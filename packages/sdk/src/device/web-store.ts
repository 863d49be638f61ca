/** The device's state under one key of a browser's localStorage, or of whatever stores text under keys. */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import type { DeviceStore } from "./state.ts";

export interface TextStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** A storage that is full throws from `setItem`, before anything was handed out. */
export function createWebStore(storage: TextStorage, key: string): DeviceStore {
  return {
    load: async () => {
      const text = storage.getItem(key);
      return text === null ? undefined : fromHex(text, "store");
    },
    save: async (state) => storage.setItem(key, toHex(state)),
  };
}
