/** The newest snapshot of a data folder as a backup of its chain, which can be taken while the node runs. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId } from "@lhg/protocol/core/genesis";
import type { ArchiveSubject } from "../archive/archive-format.ts";
import { COMET_SNAPSHOT_FORMAT } from "./comet-snapshot.ts";
import { restoreCometSnapshot, verifyCometOffer } from "./restore-comet.ts";
import { restoreLedgerFolder, restoreNewLedger } from "./restore-folder.ts";
import type { RestoreOptions } from "./restore-snapshot.ts";
import { openSnapshotInfo } from "./snapshot.ts";
import { listSnapshots, readChunk, readGenesis, readTrustPath } from "./snapshot-files.ts";
import { verifyTrustPath } from "./trust.ts";

/** Of a data folder. */
export const SNAPSHOTS_FOLDER = "snapshots";

/**
 * What changes while a node runs, so that a copy is torn, or is a promise or a memory that must never be taken up from an old copy: votes,
 * what was acknowledged, what devices and gateways count.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "ledger",
  "ledger.new",
  "ledger.old",
  "snapshots.incoming",
  "votes",
  "inbox",
  "devices",
  "gateways",
  "world.json",
  "world-devices",
  "world-facts.json",
]);

/** Whether a path of a data folder belongs into the backup of a running node: its snapshot of this height, its keys and its settings. */
export function isInRunningBackup(path: string, height: number): boolean {
  const [first, second] = path.split("/");
  if (first === SNAPSHOTS_FOLDER) return second === undefined || second === String(height);
  return !LEFT_OUT.has(first!);
}

/** The newest snapshot in the words of a backup; undefined where there is none. */
export async function describeNewestSnapshot(
  crypto: Crypto,
  directory: string,
): Promise<ArchiveSubject | undefined> {
  const [info] = await listSnapshots(directory);
  if (info === undefined) return undefined;
  const genesis = await readGenesis(directory, info.height);
  const about = { chainId: computeChainId(crypto, genesis), height: info.height };
  if (info.format === COMET_SNAPSHOT_FORMAT) {
    const { timeMs, next } = verifyCometOffer(crypto, genesis, info, undefined).block;
    return { ...about, timeMs, appHash: toHex(next.appHash) };
  }
  const { header } = verifyTrustPath(crypto, genesis, await readTrustPath(directory, info.height));
  const { timeMs } = openSnapshotInfo(crypto, info).header;
  return { ...about, timeMs, appHash: toHex(header.appHash) };
}

/**
 * Makes the ledger of a data folder from the snapshot in it, which the folder's own genesis must lead to: who restores compares the
 * chain id. Throws `snapshot.not-found` and what restoring throws.
 */
export async function restoreNewestSnapshot(
  crypto: Crypto,
  dataDirectory: string,
  directory: string,
  indexPair: NonNullable<RestoreOptions["indexPair"]>,
): Promise<void> {
  const [info] = await listSnapshots(directory);
  if (info === undefined) throw new LhgError("snapshot.not-found", "holds no snapshot", directory);
  const genesis = await readGenesis(directory, info.height);
  const readFrom = (index: number): Promise<Uint8Array> => readChunk(directory, info.height, index);
  const parts = { crypto, genesis, info, readChunk: readFrom, indexPair };
  if (info.format === COMET_SNAPSHOT_FORMAT) {
    await restoreNewLedger(dataDirectory, (store) =>
      restoreCometSnapshot({ ...parts, store, appHash: undefined }),
    );
    return;
  }
  const trusted = verifyTrustPath(crypto, genesis, await readTrustPath(directory, info.height));
  await restoreLedgerFolder(dataDirectory, { ...parts, trusted });
}
