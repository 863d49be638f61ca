import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { type ArchiveFile, findPathProblem } from "./archive-format.ts";

/** A file of a folder, and what shows that somebody wrote to it. */
export interface FolderFile extends ArchiveFile {
  readonly changedMs: number;
}

/** LevelDB makes it anew at every start. */
const LOCK_FILE = "LOCK";

/**
 * All files below a folder in the order of their paths, without what `wants` turns down, files and whole folders. Throws `backup.no-file` for
 * what is neither file nor folder.
 */
export async function listFolderFiles(
  folder: string,
  wants: (path: string) => boolean = () => true,
): Promise<FolderFile[]> {
  const files: FolderFile[] = [];
  const visit = async (parent: string): Promise<void> => {
    const entries = await readdir(join(folder, parent), { withFileTypes: true });
    for (const entry of entries.sort(byName)) {
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      if (!wants(path)) continue;
      if (entry.isDirectory()) await visit(path);
      else if (!(entry.isFile() && entry.name === LOCK_FILE)) files.push(await describeFile(folder, path));
    }
  };
  await visit("");
  return files;
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

async function describeFile(folder: string, path: string): Promise<FolderFile> {
  const stats = await lstat(join(folder, path));
  if (!stats.isFile())
    throw new LhgError("backup.no-file", "is neither file nor folder; a backup holds nothing else", path);
  const problem = findPathProblem(path);
  if (problem !== undefined) throw new LhgError("backup.no-file", problem, path);
  const mode = (stats.mode & 0o100) === 0 ? 0o600 : 0o700;
  return { path, sizeBytes: stats.size, mode, changedMs: stats.mtimeMs };
}
