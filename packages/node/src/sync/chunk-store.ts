/**
 * Chunks of a snapshot that is being fetched, one file each: `<offer>/<index>`. They are not synced: what a power cut tears is found by its hash
 * when it is read, and fetched again.
 */
import { appendFile, mkdir, readdir, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface ChunkStore {
  /** Offers of which there are chunks. */
  listOffers(): Promise<string[]>;
  /** Drops the chunks of all other offers. */
  begin(offer: string): Promise<void>;
  listChunks(offer: string): Promise<number[]>;
  write(offer: string, index: number, chunk: Uint8Array): Promise<void>;
  /** Undefined where there is none. */
  read(offer: string, index: number): Promise<Uint8Array | undefined>;
  /** Drops all chunks. */
  clear(): Promise<void>;
  /** What still fits on the disk. */
  roomBytes(): Promise<number>;
  /** Remembers an offer that turned out to be false. */
  reject(offer: string): Promise<void>;
  listRejected(): Promise<string[]>;
}

const OFFER = /^[0-9a-f]{64}$/;
const INDEX = /^(?:0|[1-9][0-9]{0,5})$/;
const REJECTED = "rejected";
const REJECTED_MAX = 1_000;

async function unlessMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The store in a directory of its own, created when first needed. */
export function openChunkStore(directory: string): ChunkStore {
  const pathOf = (offer: string, index: number): string => join(directory, offer, String(index));

  async function listOffers(): Promise<string[]> {
    return ((await unlessMissing(readdir(directory))) ?? []).filter((name) => OFFER.test(name));
  }

  async function drop(keeps: (offer: string) => boolean): Promise<void> {
    for (const offer of await listOffers())
      if (!keeps(offer)) await rm(join(directory, offer), { recursive: true, force: true });
  }

  return {
    listOffers,
    async begin(offer) {
      await drop((each) => each === offer);
      await mkdir(join(directory, offer), { recursive: true });
    },
    async listChunks(offer) {
      const names = (await unlessMissing(readdir(join(directory, offer)))) ?? [];
      return names.filter((name) => INDEX.test(name)).map(Number);
    },
    async write(offer, index, chunk) {
      const path = pathOf(offer, index);
      await writeFile(`${path}.new`, chunk);
      await rename(`${path}.new`, path);
    },
    async read(offer, index) {
      const stored = await unlessMissing(readFile(pathOf(offer, index)));
      return stored === undefined ? undefined : new Uint8Array(stored);
    },
    clear: () => drop(() => false),
    async roomBytes() {
      await mkdir(directory, { recursive: true });
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    async reject(offer) {
      await mkdir(directory, { recursive: true });
      await appendFile(join(directory, REJECTED), `${offer}\n`);
    },
    async listRejected() {
      const text = (await unlessMissing(readFile(join(directory, REJECTED), "utf8"))) ?? "";
      return text
        .split("\n")
        .filter((line) => OFFER.test(line))
        .slice(-REJECTED_MAX);
    },
  };
}
