import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { constants, createZstdDecompress, zstdDecompressSync } from "node:zlib";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import {
  type ArchiveFile,
  type ArchiveHeader,
  decodeHeader,
  HASH_BYTES,
  HEADER_BYTES_MAX,
  MAGIC,
  WINDOW_LOG_MAX,
} from "./archive-format.ts";
import { type ByteReader, createByteReader } from "./byte-reader.ts";
import { syncFolder } from "./sync-folder.ts";

/** What is in a backup, after its checksum. Throws as `extractArchive` does. */
export function readArchiveHeader(path: string): Promise<ArchiveHeader> {
  return readArchive(path, async (header) => header);
}

export interface ExtractOptions {
  /** Sees the header before anything is written, and may throw. */
  readonly onHeader?: (header: ArchiveHeader) => Promise<void>;
  readonly onProgress?: (doneBytes: number, header: ArchiveHeader) => void;
}

/**
 * Writes the files of a backup into an empty folder, each compared with its hash and on the disk when this resolves.
 * Throws `archive.not-a-backup`, `archive.version`, `archive.damaged`, and `archive.header` with the field. What was
 * written until then stays.
 */
export function extractArchive(
  path: string,
  folder: string,
  { onHeader, onProgress }: ExtractOptions = {},
): Promise<ArchiveHeader> {
  return readArchive(path, async (header, reader) => {
    await onHeader?.(header);
    const folders = new Set([folder]);
    let doneBytes = 0;
    for (const file of header.files) {
      await makeFolders(folder, file.path, folders);
      await extractFile(folder, file, reader);
      doneBytes += file.sizeBytes;
      onProgress?.(doneBytes, header);
    }
    await reader.assertEnd();
    for (const made of folders) await syncFolder(made);
    return header;
  });
}

async function readArchive<T>(
  path: string,
  use: (header: ArchiveHeader, reader: ByteReader) => Promise<T>,
): Promise<T> {
  const handle = await open(path, "r");
  try {
    const frameEnd = await verifyChecksum(handle, path);
    const source = handle.createReadStream({ start: MAGIC.length, end: frameEnd - 1, autoClose: false });
    const plain = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } });
    source.once("error", (error) => plain.destroy(error));
    try {
      const reader = createByteReader(source.pipe(plain));
      const lengthBytes = await reader.read(4);
      const length = new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getUint32(0);
      if (length > HEADER_BYTES_MAX)
        throw new LhgError("archive.header", `must be at most ${HEADER_BYTES_MAX} bytes`, "header");
      const result = await use(decodeHeader(await reader.read(length)), reader);
      if (plain.readableEnded) await checkRest(handle, MAGIC.length + plain.bytesWritten, frameEnd);
      return result;
    } catch (error) {
      throw describeFrameError(error);
    } finally {
      plain.destroy();
      source.destroy();
    }
  } finally {
    await handle.close();
  }
}

/** Zstandard (RFC 8878): magic number and header take 18 bytes at most, an empty last block 3, the checksum 4. */
const EMPTY_FRAME_BYTES_MAX = 25;

/**
 * The decompressor stops at the end of its frame and passes over what follows. That may be an empty frame alone: the
 * compressor writes one where the end of its frame just fills its buffer.
 */
async function checkRest(handle: FileHandle, begin: number, end: number): Promise<void> {
  if (begin === end) return;
  const rest = new Uint8Array(Math.min(end - begin, EMPTY_FRAME_BYTES_MAX + 1));
  await handle.read(rest, 0, rest.length, begin);
  if (rest.length > EMPTY_FRAME_BYTES_MAX || zstdDecompressSync(rest).length > 0)
    throw new LhgError("archive.damaged", "goes on after its frame");
}

/** Answers where the frame ends. */
async function verifyChecksum(handle: FileHandle, path: string): Promise<number> {
  const { size } = await handle.stat();
  const begin = new Uint8Array(MAGIC.length);
  const { bytesRead } = await handle.read(begin, 0, begin.length, 0);
  const [version, known] = [begin.at(-1), MAGIC.at(-1)];
  if (bytesRead < MAGIC.length || !equalBytes(begin.subarray(0, -1), MAGIC.subarray(0, -1)))
    throw new LhgError("archive.not-a-backup", "is no backup of a node", path);
  if (version !== known)
    throw new LhgError("archive.version", `has version ${version}; this program reads ${known}`, path);
  const frameEnd = size - HASH_BYTES;
  if (frameEnd <= MAGIC.length) throw new LhgError("archive.damaged", "ends too early", path);
  const hash = createHash("sha256");
  const covered = handle.createReadStream({ start: 0, end: frameEnd - 1, autoClose: false });
  for await (const chunk of covered as AsyncIterable<Buffer>) hash.update(chunk);
  const told = new Uint8Array(HASH_BYTES);
  await handle.read(told, 0, HASH_BYTES, frameEnd);
  if (!equalBytes(hash.digest(), told))
    throw new LhgError("archive.damaged", "does not have the checksum that stands at its end", path);
  return frameEnd;
}

function describeFrameError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const isZlib = typeof code === "string" && /^(?:ZSTD_|Z_|ERR_ZLIB)/.test(code);
  return isZlib ? new LhgError("archive.damaged", `is no zstd frame that can be read (${code})`) : error;
}

/** One name after the other, so that every folder is known and gets synced. */
async function makeFolders(folder: string, path: string, made: Set<string>): Promise<void> {
  const parent = dirname(path);
  if (parent === "." || made.has(join(folder, parent))) return;
  await makeFolders(folder, parent, made);
  await mkdir(join(folder, parent), { mode: 0o700 });
  made.add(join(folder, parent));
}

async function extractFile(folder: string, file: ArchiveFile, reader: ByteReader): Promise<void> {
  const handle = await open(join(folder, file.path), "wx", file.mode);
  try {
    const hash = createHash("sha256");
    for await (const chunk of reader.stream(file.sizeBytes)) {
      hash.update(chunk);
      await handle.appendFile(chunk);
    }
    if (!equalBytes(hash.digest(), await reader.read(HASH_BYTES)))
      throw new LhgError("archive.damaged", "does not have its hash", file.path);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
