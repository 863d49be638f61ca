/** Snapshots of chains under CometBFT, for tests. */
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { DevChain } from "../dev-chain.ts";
import { indexPair } from "../queries/indexes.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { type CometRestoreOptions, restoreCometSnapshot } from "./restore-comet.ts";
import type { SnapshotParts } from "./testing.ts";

/** Restores it into a store, with parts of it changed as a test likes. */
export async function restoreComet(
  dev: DevChain,
  { info, chunks }: SnapshotParts,
  over: Partial<CometRestoreOptions> = {},
): Promise<Store> {
  const store = over.store ?? createMemoryStore();
  await restoreCometSnapshot({
    crypto: sodiumCrypto,
    genesis: dev.genesis,
    info,
    readChunk: async (index) => chunks[index]!,
    appHash: undefined,
    indexPair,
    ...over,
    store,
  });
  return store;
}
