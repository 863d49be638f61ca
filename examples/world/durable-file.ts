/** Small JSON files that a crash leaves old or new, never half. */
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Undefined where there is none. Throws SyntaxError for what is no JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeJsonFile(path: string, value: unknown, mode = 0o600): Promise<void> {
  const next = `${path}.next`;
  await writeSynced(next, JSON.stringify(value, undefined, 2), mode);
  await rename(next, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeSynced(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, "w", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
