/**
 * The few file operations an append-only log needs, inside one directory. A port, so that tests and the
 * simulation can lose or tear what was not synced (memory-file-port.ts).
 */
import { mkdir, open, readdir, readFile, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";

export interface AppendFile {
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything appended so far, and the length of the file, survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FilePort {
  list(): Promise<string[]>;
  /** Creates an empty file; fails when it exists. It may be lost by a power cut until syncDirectory resolves. */
  create(name: string): Promise<AppendFile>;
  /** The whole file. Callers bound their files' sizes. */
  read(name: string): Promise<Uint8Array>;
  /** Cuts the file to `sizeBytes`, durably. */
  truncate(name: string, sizeBytes: number): Promise<void>;
  /** The file may come back after a power cut until syncDirectory resolves. */
  remove(name: string): Promise<void>;
  syncDirectory(): Promise<void>;
}

/** The port over a real directory, created if missing. */
export async function openFilePort(directory: string): Promise<FilePort> {
  await mkdir(directory, { recursive: true });
  return {
    list: () => readdir(directory),
    create: async (name) => {
      const handle = await open(join(directory, name), "ax");
      return {
        // appendFile writes until nothing is left; a bare write may stop short.
        append: (bytes) => handle.appendFile(bytes),
        // fdatasync also flushes the length, and leaves out the timestamps.
        sync: () => handle.datasync(),
        close: () => handle.close(),
      };
    },
    read: (name) => readFile(join(directory, name)),
    truncate: async (name, sizeBytes) => {
      await truncate(join(directory, name), sizeBytes);
      await syncPath(join(directory, name), "r+");
    },
    remove: (name) => unlink(join(directory, name)),
    syncDirectory: () => syncPath(directory, "r"),
  };
}

async function syncPath(path: string, flags: string): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
