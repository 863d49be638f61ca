/** The device's state in a file, for Node: written beside, synced, renamed over, so that a crash leaves one or the other. */
import { open, readFile, rename } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { holdFile } from "./file-lock.ts";
import type { DeviceStore } from "./state.ts";

/**
 * One process per file, from the first load or save until it ends: where another has it, both throw `device.in-use`. Its folder
 * must exist.
 */
export function createFileStore(file: string): DeviceStore {
  const path = resolve(file);
  return {
    load: async () => {
      holdFile(path);
      try {
        return new Uint8Array(await readFile(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    save: async (state) => {
      holdFile(path);
      const next = `${path}.next`;
      await writeSynced(next, state);
      await rename(next, path);
      await syncFolder(dirname(path));
    },
  };
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A rename is durable when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
