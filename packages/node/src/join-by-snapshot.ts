/** A node without a chain begins with a snapshot of its peers, where it may and they offer one; and gives its own snapshots to others. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Genesis } from "@lhg/protocol/core/genesis";
import type { NodeConfig } from "./config.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import type { Network } from "./p2p/network.ts";
import { restoreLedgerFolder } from "./snapshot/restore-folder.ts";
import { checkHeader } from "./snapshot/restore-snapshot.ts";
import { openSnapshotInfo, SNAPSHOT_FORMAT } from "./snapshot/snapshot.ts";
import { listSnapshots, readChunk, readTrustPath } from "./snapshot/snapshot-files.ts";
import {
  decodeTrustPath,
  encodeTrustPath,
  type TrustedHeader,
  type TrustOptions,
  verifyTrustPath,
} from "./snapshot/trust.ts";
import type { SyncLog } from "./sync/block-sync.ts";
import { openChunkStore } from "./sync/chunk-store.ts";
import { serveSnapshots } from "./sync/snapshot-server.ts";
import { startStateSync } from "./sync/state-sync.ts";

/** Who knows nothing but an older genesis can't tell the chain from one that is made with keys leaked since. */
const TRUST_PERIOD_MS = 180 * 86_400_000;

export interface JoinParts {
  readonly config: NodeConfig;
  readonly genesis: Genesis;
  readonly network: Network;
  readonly log: SyncLog;
  /** The node is to stop. */
  readonly stopping: AbortSignal | undefined;
  readonly nowMs: number;
  /** A snapshot of a lower height is no gain over blocks; 1,000 by default. */
  readonly heightMin?: number;
}

interface VerifiedOffer {
  readonly hashes: readonly Uint8Array[];
  readonly trusted: TrustedHeader;
}

/** Who has no offer by then begins with blocks: of a new chain there is no snapshot to wait for. */
const PATIENCE_MS = 3_000;

/** Resolves when the ledger's folder holds a restored state, or when blocks have to do. Throws `node.stopped`. */
export async function joinBySnapshot(parts: JoinParts): Promise<void> {
  const { config, genesis, network, log, stopping, heightMin } = parts;
  const { dataDirectory, stateSync } = config;
  if (stateSync === "off" || existsSync(join(dataDirectory, "ledger"))) return;
  const chunks = openChunkStore(join(dataDirectory, "snapshots.incoming"));
  const sync = startStateSync<VerifiedOffer>({
    network,
    chunks,
    verifyOffer: async (info, proof) => {
      const metadata = openSnapshotInfo(sodiumCrypto, info);
      const trusted = verifyTrustPath(sodiumCrypto, genesis, decodeTrustPath(proof), trustOf(parts));
      checkHeader({ crypto: sodiumCrypto, genesis, trusted }, metadata);
      return { hashes: metadata.chunks, trusted };
    },
    chunkHash: (_, index, { hashes }) => hashes[index]!,
    restore: (info, { trusted }, readFrom) =>
      restoreLedgerFolder(dataDirectory, {
        crypto: sodiumCrypto,
        genesis,
        info,
        readChunk: readFrom,
        trusted,
      }),
    patienceMs: PATIENCE_MS,
    ...(heightMin === undefined ? {} : { heightMin }),
    log,
  });
  const stop = (): void => void sync.stop();
  stopping?.addEventListener("abort", stop, { once: true });
  const restored = await sync.done;
  stopping?.removeEventListener("abort", stop);
  if (stopping?.aborted) throw new LhgError("node.stopped", "stopped while it looked for a snapshot");
  if (restored !== undefined) {
    log("info", { height: restored.height }, "the chain begins with a snapshot");
    await chunks.clear();
  }
}

function trustOf({ config: { trustedHeight, trustedHash }, nowMs }: JoinParts): TrustOptions {
  const period = { lengthMs: TRUST_PERIOD_MS, nowMs };
  if (trustedHeight === undefined || trustedHash === undefined) return { period };
  return { period, pinned: { height: trustedHeight, hash: fromHex(trustedHash, "trustedHash") } };
}

/** Returns what ends it. */
export function offerSnapshots(network: Network, directory: string): () => Promise<void> {
  const end = serveSnapshots({
    network,
    format: SNAPSHOT_FORMAT,
    listSnapshots: () => listSnapshots(directory),
    readChunk: (height, index) => readChunk(directory, height, index),
    proofFor: async (height) => encodeTrustPath(await readTrustPath(directory, height)),
  });
  return async () => end();
}
