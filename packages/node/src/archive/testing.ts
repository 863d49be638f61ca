/** Archives as a stranger could write them. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { MAGIC } from "./archive-format.ts";

export const SUBJECT = {
  chainId: "lhg-test-00",
  height: 7,
  timeMs: 1_700_000_000_000,
  appHash: "ab".repeat(32),
};

export interface ForgedFile {
  readonly path: unknown;
  readonly content: Uint8Array;
  /** Instead of the content's. */
  readonly sizeBytes?: unknown;
  readonly mode?: unknown;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** The words of an archive before compression, whatever they mean. */
export function forgePlain(files: readonly ForgedFile[], header: object = {}): Uint8Array {
  const entries = files.map(({ path, content, sizeBytes = content.length, mode = 0o600 }) => ({
    path,
    sizeBytes,
    mode,
  }));
  const json = Buffer.from(JSON.stringify({ ...SUBJECT, madeMs: 0, files: entries, ...header }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, ...files.flatMap(({ content }) => [content, sha256(content)])]);
}

/** With the checksum that belongs to it. */
export function sealFrame(frame: Uint8Array): Uint8Array {
  const covered = Buffer.concat([MAGIC, frame]);
  return Buffer.concat([covered, sha256(covered)]);
}

export function sealPlain(plain: Uint8Array): Uint8Array {
  return sealFrame(zstdCompressSync(plain));
}

export async function writeTree(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

export async function readTree(folder: string): Promise<Map<string, Uint8Array>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    paths
      .sort()
      .map(async (path) => [path.slice(folder.length + 1), new Uint8Array(await readFile(path))] as const),
  );
  return new Map(contents);
}
