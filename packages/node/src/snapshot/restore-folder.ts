/** The ledger of a data folder, restored beside its place. */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { openLevelStore } from "../store/level-store.ts";
import type { Store } from "../store/store.ts";
import { type RestoreOptions, restoreSnapshot } from "./restore-snapshot.ts";

const LEDGER = "ledger";
const UNFINISHED = "ledger.new";
const REPLACED = "ledger.old";

/**
 * Restores a snapshot as the ledger of a data folder that has none. It grows beside its place and is renamed when it is whole, so a
 * restore that was killed leaves what the next one deletes. Throws `snapshot.ledger-exists` and what `restoreSnapshot` throws.
 */
export async function restoreLedgerFolder(
  dataDirectory: string,
  options: Omit<RestoreOptions, "store">,
): Promise<void> {
  await restoreNewLedger(dataDirectory, (store) => restoreSnapshot({ ...options, store }));
}

/** The same, whatever fills the store. */
export async function restoreNewLedger(
  dataDirectory: string,
  restore: (store: Store) => Promise<void>,
): Promise<void> {
  const target = join(dataDirectory, LEDGER);
  if (await isThere(target)) throw new LhgError("snapshot.ledger-exists", "holds a chain already", target);
  await growLedger(dataDirectory, restore);
  await placeLedger(dataDirectory);
}

/** Fills a ledger beside the one of a data folder; nothing of it counts before `placeLedger`. */
export async function growLedger(
  dataDirectory: string,
  restore: (store: Store) => Promise<void>,
): Promise<void> {
  const growing = join(dataDirectory, UNFINISHED);
  await rm(growing, { recursive: true, force: true });
  await mkdir(dataDirectory, { recursive: true });
  const store = await openLevelStore(growing);
  try {
    await restore(store);
  } finally {
    await store.close();
  }
}

/**
 * Puts what `growLedger` made into its place. The ledger that stood there is closed, and of no further use. Killed half-way the folder
 * has no ledger, and the node begins with an empty one.
 */
export async function placeLedger(dataDirectory: string): Promise<void> {
  const target = join(dataDirectory, LEDGER);
  const replaced = join(dataDirectory, REPLACED);
  await rm(replaced, { recursive: true, force: true });
  if (await isThere(target)) await rename(target, replaced);
  await rename(join(dataDirectory, UNFINISHED), target);
  const folder = await open(dataDirectory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  await rm(replaced, { recursive: true, force: true });
}

/** What a restore left that was killed; none may be under way. */
export async function dropRestored(dataDirectory: string): Promise<void> {
  for (const name of [UNFINISHED, REPLACED])
    await rm(join(dataDirectory, name), { recursive: true, force: true });
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
