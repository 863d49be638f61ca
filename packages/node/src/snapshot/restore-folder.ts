import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { openLevelStore } from "../store/level-store.ts";
import { type RestoreOptions, restoreSnapshot } from "./restore-snapshot.ts";

const LEDGER = "ledger";
const UNFINISHED = "ledger.new";

/**
 * Restores a snapshot as the ledger of a data folder that has none. It grows beside its place and is renamed when it is whole, so a
 * restore that was killed leaves what the next one deletes. Throws `snapshot.ledger-exists` and what `restoreSnapshot` throws.
 */
export async function restoreLedgerFolder(
  dataDirectory: string,
  options: Omit<RestoreOptions, "store">,
): Promise<void> {
  const target = join(dataDirectory, LEDGER);
  const isThere = await stat(target).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  if (isThere) throw new LhgError("snapshot.ledger-exists", "holds a chain already", target);
  const growing = join(dataDirectory, UNFINISHED);
  await rm(growing, { recursive: true, force: true });
  await mkdir(dataDirectory, { recursive: true });
  const store = await openLevelStore(growing);
  try {
    await restoreSnapshot({ ...options, store });
  } finally {
    await store.close();
  }
  await rename(growing, target);
  const folder = await open(dataDirectory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
