/**
 * Snapshots in a folder: `<height>/manifest`, `<height>/genesis`, `<height>/trust` (of dBFT alone), `<height>/0`, `<height>/1`, ... A folder
 * with a number is whole.
 */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { bytes, decode, encode, record, uint } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { COMET_METADATA_BYTES_MAX } from "./comet-snapshot.ts";
import { CHUNKS_MAX, type SnapshotInfo } from "./snapshot.ts";
import { decodeTrustPath, encodeTrustPath, type TrustPath } from "./trust.ts";

const MANIFEST = "manifest";
const TRUST = "trust";
const GENESIS = "genesis";
const HEIGHT = /^(0|[1-9][0-9]{0,15})$/;

const manifest = record(1, {
  height: uint(),
  format: uint(),
  chunks: uint(CHUNKS_MAX),
  hash: bytes(32),
  metadata: bytes({ max: COMET_METADATA_BYTES_MAX }),
  sizeBytes: uint(),
});

/** A full disk costs the snapshot, not the node: what the system refused becomes `snapshot.io`. */
export function describeFileError(error: unknown): unknown {
  const { syscall, message } = error as NodeJS.ErrnoException;
  return syscall === undefined ? error : new LhgError("snapshot.io", message);
}

/** Writes a file that is on the disk when this resolves. */
async function writeSynced(path: string, content: Uint8Array): Promise<void> {
  const handle = await open(path, "w");
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface SnapshotFolder {
  writeChunk(index: number, chunk: Uint8Array): Promise<void>;
  /** Makes the snapshot visible. `trust`: undefined where the way to its header stands in the metadata. */
  finish(info: SnapshotInfo, genesis: Genesis, trust: TrustPath | undefined): Promise<void>;
  discard(): Promise<void>;
}

/** A snapshot that is being written; until it is finished nobody sees it. */
export async function openSnapshotFolder(directory: string, height: number): Promise<SnapshotFolder> {
  const temporary = join(directory, `.${height}.new`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  return {
    writeChunk: (index, chunk) => writeSynced(join(temporary, String(index)), chunk),
    finish: async (info, genesis, trust) => {
      await writeSynced(join(temporary, GENESIS), encode(genesisCodec, genesis, "genesis"));
      if (trust !== undefined) await writeSynced(join(temporary, TRUST), encodeTrustPath(trust));
      await writeSynced(join(temporary, MANIFEST), encode(manifest, info));
      await syncFolder(temporary);
      await rename(temporary, join(directory, String(height)));
      await syncFolder(directory);
    },
    discard: () => rm(temporary, { recursive: true, force: true }),
  };
}

async function listHeights(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .filter((name) => HEIGHT.test(name))
    .map(Number)
    .sort((a, b) => b - a);
}

/** Newest first. */
export async function listSnapshots(directory: string): Promise<SnapshotInfo[]> {
  const heights = await listHeights(directory);
  const found = await Promise.all(heights.map((height) => readManifest(directory, height)));
  return found.filter((info) => info !== undefined);
}

/** Undefined where there is no such snapshot, or none any more. */
async function readManifest(directory: string, height: number): Promise<SnapshotInfo | undefined> {
  const stored = await readOptional(join(directory, String(height), MANIFEST));
  return stored === undefined ? undefined : decode(manifest, stored, "manifest");
}

async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The height of the oldest; undefined where there is none. */
export async function findOldestSnapshot(directory: string): Promise<number | undefined> {
  return (await listSnapshots(directory)).at(-1)?.height;
}

/** Throws `snapshot.not-found`. */
export function readChunk(directory: string, height: number, index: number): Promise<Uint8Array> {
  return readPart(directory, height, String(index), `chunks[${index}]`);
}

/** What leads from genesis to the header after the snapshot. Throws `snapshot.not-found`. */
export async function readTrustPath(directory: string, height: number): Promise<TrustPath> {
  return decodeTrustPath(await readPart(directory, height, TRUST, "trust"));
}

/** The genesis of the chain that a snapshot is of. Throws `snapshot.not-found`. */
export async function readGenesis(directory: string, height: number): Promise<Genesis> {
  return decode(genesisCodec, await readPart(directory, height, GENESIS, "genesis"), "genesis");
}

async function readPart(directory: string, height: number, name: string, field: string): Promise<Uint8Array> {
  const stored = await readOptional(join(directory, String(height), name));
  if (stored === undefined)
    throw new LhgError("snapshot.not-found", `there is none of height ${height}`, field);
  return stored;
}

/** Deletes all snapshots but the newest `kept`. Throws `snapshot.io`. */
export async function dropSnapshots(directory: string, kept: number): Promise<void> {
  try {
    for (const height of (await listHeights(directory)).slice(kept)) {
      const path = join(directory, String(height));
      // The manifest first: what is half deleted is no snapshot.
      await rm(join(path, MANIFEST), { force: true });
      await rm(path, { recursive: true, force: true });
    }
  } catch (error) {
    throw describeFileError(error);
  }
}
