import { open } from "node:fs/promises";

/** New and renamed entries of the folder survive a power cut when this resolves. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
