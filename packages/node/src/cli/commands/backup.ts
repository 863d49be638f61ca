import { realpath } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { sumSizes } from "../../archive/archive-format.ts";
import { writeArchive } from "../../archive/write-archive.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { describeNewestSnapshot, isInRunningBackup, SNAPSHOTS_FOLDER } from "../../snapshot/backup.ts";
import { readChainFolder } from "../chain-folder.ts";
import { formatCount, formatFields } from "../output.ts";
import type { Session } from "../session.ts";

/**
 * Writes the data folder of a stopped node into one file; of a running one its newest snapshot with keys and settings. Throws
 * `backup.running` where there is no snapshot, and what `writeArchive` throws.
 */
export async function runBackup(
  session: Session,
  file: string,
  options: { readonly force?: boolean },
): Promise<void> {
  const { data } = session.options;
  const stopped = await readChainFolder(data).catch((error: unknown) => {
    if (error instanceof LhgError && error.code === "store.locked") return undefined;
    throw error;
  });
  const subject = stopped ?? (await describeNewestSnapshot(sodiumCrypto, join(data, SNAPSHOTS_FOLDER)));
  if (subject === undefined)
    throw new LhgError(
      "backup.running",
      "a node runs on this folder and has made no snapshot: stop the node first, or let it make snapshots (storage.snapshot_every_blocks)",
      data,
    );
  await assertOutside(data, file);
  const { header, sizeBytes } = await writeArchive(data, file, {
    subject,
    madeMs: Date.now(),
    force: options.force === true,
    ...(stopped === undefined ? { wants: (path: string) => isInRunningBackup(path, subject.height) } : {}),
    onProgress: (doneBytes) => session.output.progress(`${Math.floor(doneBytes / 2 ** 20)} MiB read`),
  });
  const { chainId, height, timeMs, appHash, files } = header;
  const contentBytes = sumSizes(files);
  session.output.result(
    {
      file,
      kind: stopped === undefined ? "snapshot" : "folder",
      chainId,
      height,
      timeMs,
      appHash,
      files: files.length,
      contentBytes,
      sizeBytes,
    },
    [
      ...formatFields([
        ["backup", file],
        ["chain", chainId],
        ["height", `${height}, of ${new Date(timeMs).toISOString()}`],
        ["content", `${formatCount(files.length, "file")}, ${contentBytes} bytes in ${sizeBytes}`],
      ]),
      "It holds the keys of the data folder: keep it as you keep them. lhg restore puts it back.",
    ],
  );
  if (stopped === undefined)
    session.output.warn(
      "the node runs, so this is its newest snapshot, keys and settings: without blocks before it, votes, what waits in the inbox, and memories of devices and gateways",
    );
}

/** A backup in the folder that it is made of would be in the next backup. */
async function assertOutside(data: string, file: string): Promise<void> {
  const folder = await realpath(data);
  const parent = await realpath(dirname(resolve(file)));
  if (join(parent, sep).startsWith(join(folder, sep)))
    throw new LhgError("backup.inside", "stands in the data folder itself: choose another place", file);
}
