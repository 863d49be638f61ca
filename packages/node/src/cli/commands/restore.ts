import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { type ArchiveHeader, sumSizes } from "../../archive/archive-format.ts";
import { readArchiveHeader } from "../../archive/read-archive.ts";
import { restoreArchive } from "../../archive/restore-archive.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { indexPair } from "../../queries/indexes.ts";
import { restoreNewestSnapshot, SNAPSHOTS_FOLDER } from "../../snapshot/backup.ts";
import { readChainFolder } from "../chain-folder.ts";
import { DEV_KEYS_FILE } from "../dev-keys.ts";
import { formatCount, formatFields, formatTable } from "../output.ts";
import { commandName, type Session } from "../session.ts";

/** Puts a backup in the place of a data folder that is empty or missing; with `list` only says what is in it. */
export async function runRestore(
  session: Session,
  file: string,
  options: { readonly list?: boolean },
): Promise<void> {
  if (options.list === true) {
    listBackup(session, file, await readArchiveHeader(file));
    return;
  }
  const target = resolve(session.options.data);
  const header = await restoreArchive(file, target, {
    check: assertSubject,
    onProgress: (doneBytes) => session.output.progress(`${Math.floor(doneBytes / 2 ** 20)} MiB written`),
  });
  const { chainId, height, timeMs, appHash, files } = header;
  session.output.result({ file, data: target, chainId, height, timeMs, appHash, files: files.length }, [
    ...formatFields([
      ["restored", target],
      ["chain", chainId],
      ["height", `${height}, of ${new Date(timeMs).toISOString()}`],
      ["content", formatCount(files.length, "file")],
    ]),
    isOfSnapshot(header)
      ? "It was made from a snapshot, every byte of which is below the certified header: compare the chain id. Blocks up to it are not there."
      : `Compare the chain with itself, before you rely on it: ${commandName()} audit --data ${session.options.data}`,
  ]);
  session.output.warn(
    existsSync(join(target, DEV_KEYS_FILE))
      ? "what this chain recorded after the backup is forgotten; if another copy of it ran on, never let both be used"
      : "its validator may have voted after the backup was made: let it vote only when the chain is two heights past all it ever saw",
  );
}

/** The header is the word of whoever wrote the file; the ledger is what a node would go on with. Made from a snapshot it is made here. */
async function assertSubject(folder: string, header: ArchiveHeader): Promise<void> {
  const snapshots = join(folder, SNAPSHOTS_FOLDER);
  if (isOfSnapshot(header)) await restoreNewestSnapshot(sodiumCrypto, folder, snapshots, indexPair);
  const found = await readChainFolder(folder);
  for (const field of ["chainId", "height", "appHash"] as const)
    if (found[field] !== header[field])
      throw new LhgError(
        "restore.other-chain",
        `says ${header[field]}, but the ledger in it ${found[field]}`,
        `header.${field}`,
      );
}

function isOfSnapshot({ files }: ArchiveHeader): boolean {
  return !files.some(({ path }) => path.startsWith("ledger/"));
}

function listBackup(session: Session, file: string, header: ArchiveHeader): void {
  const { chainId, height, timeMs, madeMs, files } = header;
  session.output.result({ file, ...header }, [
    ...formatFields([
      ["backup", file],
      ["chain", chainId],
      ["height", `${height}, of ${new Date(timeMs).toISOString()}`],
      ["made", new Date(madeMs).toISOString()],
      ["content", `${formatCount(files.length, "file")}, ${sumSizes(files)} bytes`],
    ]),
    "",
    ...formatTable(
      ["BYTES", "FILE"],
      files.map(({ path, sizeBytes }) => [String(sizeBytes), path]),
    ),
  ]);
}
