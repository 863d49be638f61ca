/**
 * Files in memory that forget what was not synced. A crash keeps, by seed, any subset of the unsynced sectors,
 * any unsynced length and any unsynced creation or removal: what disks and file systems are allowed to do.
 */
import { assertInvariant } from "../../../protocol/src/core/errors.ts";
import type { AppendFile, FilePort } from "./file-port.ts";
import { createRandom } from "./memory-store.ts";

/** The unit a disk writes whole. */
const SECTOR_BYTES = 512;

interface MemoryFile {
  bytes: Uint8Array;
  /** Length and contents up to here survive a crash. */
  syncedBytes: number;
}

export interface CrashingFiles {
  /** The port of the running life; after a crash ask again for the one of the next life. */
  readonly port: FilePort;
  /** Power loss: operations of this life fail from now on. */
  crash(): void;
  /** The process dies and the machine lives: everything written is still there, and still not synced. */
  kill(): void;
  /** Crashes by itself when this many further steps were done; an operation has several. */
  crashAfter(steps: number): void;
  /** The next sync rejects, and loses the data as kernels do (fsyncgate). */
  failNextSync(): void;
  /** Test access: flips one bit of stored data. */
  flipBit(name: string, byteOffset: number): void;
  fileNames(): string[];
  fileSizeBytes(name: string): number;
}

export function createCrashingFiles(seed: number): CrashingFiles {
  const random = createRandom(seed);
  let files = new Map<string, MemoryFile>();
  /** What the directory on disk says: names whose creation was synced, with files whose removal was not. */
  let durable = new Map<string, MemoryFile>();
  let life = 0;
  let stepsLeft = Number.POSITIVE_INFINITY;
  let syncFails = false;
  let port = startLife();

  function crash(): void {
    life += 1;
    stepsLeft = Number.POSITIVE_INFINITY;
    const surviving = new Map<string, MemoryFile>();
    for (const name of [...new Set([...files.keys(), ...durable.keys()])].sort()) {
      const now = files.get(name);
      const before = durable.get(name);
      const file = now === before ? now : random(2) === 0 ? now : before;
      if (file !== undefined) surviving.set(name, tear(file, random));
    }
    files = surviving;
    durable = new Map(surviving);
    port = startLife();
  }

  function startLife(): FilePort {
    const mine = life;
    async function step(): Promise<void> {
      await Promise.resolve();
      if (stepsLeft === 0 && mine === life) crash();
      else stepsLeft -= 1;
      if (mine !== life) throw new Error("the machine lost power");
    }
    function find(name: string): MemoryFile {
      const file = files.get(name);
      if (file === undefined) throw new Error(`no such file: ${name}`);
      return file;
    }
    function openFile(file: MemoryFile): AppendFile {
      return {
        append: async (bytes) => {
          await step();
          // A crash in the middle of a write leaves a part of it.
          const part = random(bytes.length + 1);
          grow(file, bytes.subarray(0, part));
          await step();
          grow(file, bytes.subarray(part));
          await step();
        },
        sync: async () => {
          const length = file.bytes.length;
          await step();
          if (syncFails) {
            syncFails = false;
            file.bytes = tear(file, random).bytes;
            throw new Error("EIO: i/o error, fdatasync");
          }
          file.syncedBytes = Math.max(file.syncedBytes, length);
          await step();
        },
        close: step,
      };
    }
    return {
      list: async () => {
        await step();
        return [...files.keys()];
      },
      create: async (name) => {
        await step();
        if (files.has(name)) throw new Error(`EEXIST: ${name}`);
        const file = { bytes: new Uint8Array(0), syncedBytes: 0 };
        files.set(name, file);
        await step();
        return openFile(file);
      },
      read: async (name) => {
        await step();
        return find(name).bytes.slice();
      },
      truncate: async (name, sizeBytes) => {
        await step();
        const file = find(name);
        assertInvariant(sizeBytes <= file.bytes.length, "truncate never extends here");
        file.bytes = file.bytes.slice(0, sizeBytes);
        file.syncedBytes = sizeBytes;
        await step();
      },
      remove: async (name) => {
        await step();
        find(name);
        files.delete(name);
        await step();
      },
      syncDirectory: async () => {
        await step();
        durable = new Map(files);
        await step();
      },
    };
  }

  return {
    get port() {
      return port;
    },
    crash,
    kill() {
      life += 1;
      stepsLeft = Number.POSITIVE_INFINITY;
      port = startLife();
    },
    crashAfter(steps) {
      stepsLeft = steps;
    },
    failNextSync() {
      syncFails = true;
    },
    flipBit(name, byteOffset) {
      const file = files.get(name);
      assertInvariant(file !== undefined && byteOffset < file.bytes.length, "flipBit inside a file");
      file.bytes[byteOffset] = (file.bytes[byteOffset] as number) ^ 1;
    },
    fileNames: () => [...files.keys()].sort(),
    fileSizeBytes: (name) => files.get(name)?.bytes.length ?? 0,
  };
}

function grow(file: MemoryFile, bytes: Uint8Array): void {
  const grown = new Uint8Array(file.bytes.length + bytes.length);
  grown.set(file.bytes);
  grown.set(bytes, file.bytes.length);
  file.bytes = grown;
}

/** Any unsynced length, any subset of the unsynced sectors; what did not arrive reads as zero. */
function tear(file: MemoryFile, random: (bound: number) => number): MemoryFile {
  const unsynced = file.bytes.length - file.syncedBytes;
  const length = file.syncedBytes + random(unsynced + 1);
  const bytes = file.bytes.slice(0, length);
  const mode = random(3); // all sectors, none, or any subset
  for (let start = file.syncedBytes; start < length; ) {
    const end = Math.min(length, (Math.floor(start / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (mode === 1 || (mode === 2 && random(2) === 0)) bytes.fill(0, start, end);
    start = end;
  }
  return { bytes, syncedBytes: length };
}
