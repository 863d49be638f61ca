import { mkdir, mkdtemp, readdir, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { type ArchiveHeader, sumSizes } from "./archive-format.ts";
import { type ExtractOptions, extractArchive } from "./read-archive.ts";
import { syncFolder } from "./sync-folder.ts";

export interface RestoreOptions extends Pick<ExtractOptions, "onProgress"> {
  /** Looks at what was restored before it gets its place, and throws where it must not. */
  readonly check: (folder: string, header: ArchiveHeader) => Promise<void>;
}

/**
 * Restores a backup as the folder `target`, which must not exist or be empty. All is written and verified in a
 * temporary folder first. Throws `restore.not-empty`, `restore.no-room` and what `extractArchive` throws; then nothing
 * is left behind.
 */
export async function restoreArchive(
  file: string,
  target: string,
  { check, onProgress }: RestoreOptions,
): Promise<ArchiveHeader> {
  const present = await readFolder(target);
  if (present !== undefined && present.length > 0)
    throw new LhgError(
      "restore.not-empty",
      `is not empty (${present[0]}): restore into another folder, or move this one away`,
      target,
    );
  // Inside of an empty folder where there is one: it may be a volume, which no rename can replace.
  const place = present === undefined ? dirname(target) : target;
  await mkdir(place, { recursive: true });
  const staging = await mkdtemp(join(place, `.${basename(target)}.restore-`));
  try {
    const header = await extractArchive(file, staging, {
      onHeader: (about) => assertRoom(place, about),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    await check(staging, header);
    if (present === undefined) await rename(staging, target);
    else await moveEntries(staging, target);
    await syncFolder(place);
    return header;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function readFolder(path: string): Promise<string[] | undefined> {
  return await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

async function assertRoom(place: string, header: ArchiveHeader): Promise<void> {
  const { bavail, bsize } = await statfs(place);
  const neededBytes = sumSizes(header.files);
  if (neededBytes > bavail * bsize)
    throw new LhgError(
      "restore.no-room",
      `${neededBytes} bytes are needed, ${bavail * bsize} are free`,
      place,
    );
}

/** Folders before files: a ledger without its key file is refused by the node, keys alone would begin a new chain. */
async function moveEntries(staging: string, target: string): Promise<void> {
  const entries = await readdir(staging, { withFileTypes: true });
  entries.sort((a, b) => Number(b.isDirectory()) - Number(a.isDirectory()));
  for (const { name } of entries) await rename(join(staging, name), join(target, name));
}
