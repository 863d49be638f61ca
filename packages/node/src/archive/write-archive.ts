import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { LhgError } from "@lhg/protocol/core/errors";
import {
  type ArchiveFile,
  type ArchiveHeader,
  type ArchiveSubject,
  encodeHeader,
  MAGIC,
} from "./archive-format.ts";
import { type FolderFile, listFolderFiles } from "./folder-files.ts";
import { syncFolder } from "./sync-folder.ts";

export interface WriteOptions {
  readonly subject: ArchiveSubject;
  readonly madeMs: number;
  /** Replaces a file that is there. */
  readonly force: boolean;
  readonly onProgress?: (doneBytes: number) => void;
  /** Turns down files and whole folders that stay out; all are taken by default. */
  readonly wants?: (path: string) => boolean;
}

export interface WrittenArchive {
  readonly header: ArchiveHeader;
  readonly sizeBytes: number;
}

/**
 * Writes all files of a folder into one, readable by its owner alone: first under a temporary name, renamed when it
 * is whole and on the disk. Throws `backup.exists`, and `backup.changed` when somebody wrote to the folder meanwhile.
 */
export async function writeArchive(
  folder: string,
  target: string,
  options: WriteOptions,
): Promise<WrittenArchive> {
  if (!options.force && (await exists(target)))
    throw new LhgError("backup.exists", "exists already; --force replaces it", target);
  const files = await listFolderFiles(folder, options.wants);
  const { subject, madeMs } = options;
  const header = { ...subject, madeMs, files: files.map(({ changedMs: _, ...file }) => file) };
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.new`);
  const handle = await open(temporary, "wx", 0o600);
  try {
    try {
      await writeFrames(handle, readPlain(folder, header, options.onProgress));
      await handle.sync();
    } finally {
      await handle.close();
    }
    assertUnchanged(files, await listFolderFiles(folder, options.wants));
    const { size } = await stat(temporary);
    await rename(temporary, target);
    await syncFolder(dirname(target));
    return { header, sizeBytes: size };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

async function writeFrames(handle: FileHandle, plain: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash("sha256").update(MAGIC);
  await handle.appendFile(MAGIC);
  await pipeline(
    plain,
    createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
    async (compressed: AsyncIterable<Uint8Array>) => {
      for await (const chunk of compressed) {
        hash.update(chunk);
        await handle.appendFile(chunk);
      }
    },
  );
  await handle.appendFile(hash.digest());
}

async function* readPlain(
  folder: string,
  header: ArchiveHeader,
  onProgress: WriteOptions["onProgress"],
): AsyncGenerator<Uint8Array> {
  yield encodeHeader(header);
  let doneBytes = 0;
  for (const file of header.files) {
    yield* readContent(folder, file);
    doneBytes += file.sizeBytes;
    onProgress?.(doneBytes);
  }
}

async function* readContent(folder: string, file: ArchiveFile): AsyncGenerator<Uint8Array> {
  const handle = await open(join(folder, file.path), "r");
  try {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > file.sizeBytes) throw changed(file.path);
      hash.update(chunk);
      yield chunk;
    }
    if (sizeBytes !== file.sizeBytes) throw changed(file.path);
    yield hash.digest();
  } finally {
    await handle.close();
  }
}

function assertUnchanged(before: readonly FolderFile[], after: readonly FolderFile[]): void {
  const keyOf = ({ path, sizeBytes, changedMs }: FolderFile): string => `${path} ${sizeBytes} ${changedMs}`;
  const known = new Set(before.map(keyOf));
  const other = after.find((file) => !known.has(keyOf(file)));
  if (other !== undefined) throw changed(other.path);
  if (after.length !== before.length) throw changed("");
}

function changed(path: string): LhgError {
  return new LhgError("backup.changed", "changed while it was read: is a node running on this folder?", path);
}
