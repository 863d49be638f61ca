/**
 * A backup in one file: magic and version (8 bytes), one zstd frame (RFC 8878), SHA-256 of everything before it.
 * In the frame: length of the header (u32, big-endian), header (JSON in UTF-8), then for each file of the header, in
 * its order, the bytes and their SHA-256.
 */
import { LhgError } from "@lhg/protocol/core/errors";

/** The last byte is the version of the format. The first is no ASCII, so that no text begins like this. */
export const MAGIC = Uint8Array.of(0x89, 0x4c, 0x48, 0x47, 0x42, 0x4b, 0x50, 1);
export const HASH_BYTES = 32;
/** Some 150,000 files, which is 300 GB of LevelDB. */
export const HEADER_BYTES_MAX = 16 << 20;
/** What this writer needs is 2^21 (level 3); a hostile frame may not claim the 128 MB that zstd would take. */
export const WINDOW_LOG_MAX = 23;

const PATH_BYTES_MAX = 1_024;
const PATH_DEPTH_MAX = 16;
const TEXT_MAX = 128;

export interface ArchiveFile {
  /** Relative to the data folder, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Permissions of the owner: 0o600 or 0o700. */
  readonly mode: number;
}

/** What the writer says of the chain; hashes and names in the words of the API. */
export interface ArchiveSubject {
  readonly chainId: string;
  readonly height: number;
  /** Of the newest block, milliseconds of Unix time. */
  readonly timeMs: number;
  /** Hex. */
  readonly appHash: string;
}

export interface ArchiveHeader extends ArchiveSubject {
  readonly madeMs: number;
  readonly files: readonly ArchiveFile[];
}

export function encodeHeader(header: ArchiveHeader): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > HEADER_BYTES_MAX)
    throw new LhgError("archive.too-many-files", `${header.files.length} files are more than a backup holds`);
  const out = Buffer.alloc(4 + json.length);
  out.writeUInt32BE(json.length);
  json.copy(out, 4);
  return out;
}

/** Throws `archive.header` with the field that is wrong. The bytes are a stranger's. */
export function decodeHeader(bytes: Uint8Array): ArchiveHeader {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new LhgError("archive.header", `is no JSON: ${(error as Error).message}`, "header");
  }
  const { chainId, height, timeMs, appHash, madeMs, files } = readObject(value, "header");
  if (!Array.isArray(files)) throw wrong("header.files", "must be a list");
  const header = {
    chainId: readText(chainId, "header.chainId"),
    height: readCount(height, "header.height"),
    timeMs: readCount(timeMs, "header.timeMs"),
    appHash: readText(appHash, "header.appHash"),
    madeMs: readCount(madeMs, "header.madeMs"),
    files: files.map((file, index) => readFileEntry(file, `header.files[${index}]`)),
  };
  checkPaths(header.files);
  readCount(sumSizes(header.files), "header.files");
  return header;
}

export function sumSizes(files: readonly ArchiveFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function wrong(field: string, message: string): LhgError {
  return new LhgError("archive.header", message, field);
}

function readObject(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(field, "must be an object");
  return value as Record<string, unknown>;
}

function readText(value: unknown, field: string): string {
  if (typeof value !== "string" || value === "" || value.length > TEXT_MAX)
    throw wrong(field, `must be a text of 1 to ${TEXT_MAX} characters`);
  return value;
}

function readCount(value: unknown, field: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw wrong(field, "must be a whole number that is not negative");
  return value as number;
}

function readFileEntry(value: unknown, field: string): ArchiveFile {
  const { path, sizeBytes, mode } = readObject(value, field);
  if (mode !== 0o600 && mode !== 0o700) throw wrong(`${field}.mode`, "must be 384 or 448: the owner's alone");
  const problem = typeof path === "string" ? findPathProblem(path) : "must be a text";
  if (problem !== undefined) throw wrong(`${field}.path`, problem);
  return { path: path as string, sizeBytes: readCount(sizeBytes, `${field}.sizeBytes`), mode };
}

/** Why a path may not stand in an archive: it would leave the folder, or mean something else on another system. */
export function findPathProblem(path: string): string | undefined {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) return `must be at most ${PATH_BYTES_MAX} bytes`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stand in a path
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return "must have no control characters and no backslash";
  if (!path.isWellFormed()) return "must be Unicode";
  const names = path.split("/");
  if (names.length > PATH_DEPTH_MAX) return `must be at most ${PATH_DEPTH_MAX} names deep`;
  return names.some((name) => name === "" || name === "." || name === "..")
    ? "must lead from the data folder down, without empty names, . and .."
    : undefined;
}

function checkPaths(files: readonly ArchiveFile[]): void {
  const paths = new Set<string>();
  for (const [index, { path }] of files.entries()) {
    if (paths.has(path)) throw wrong(`header.files[${index}].path`, "stands there twice");
    paths.add(path);
  }
  for (const [index, { path }] of files.entries())
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1))
      if (paths.has(path.slice(0, end)))
        throw wrong(`header.files[${index}].path`, "goes through another file");
}
