/** What a data folder says of its chain while no node runs on it. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import type { ArchiveSubject } from "../archive/archive-format.ts";
import { headRecord } from "../blocks/records.ts";
import { GENESIS_KEY, HEAD_KEY } from "../blocks/store-keys.ts";
import { openLevelStore } from "../store/level-store.ts";

/** Throws `backup.no-chain`, and `store.locked` while a node runs on the folder. */
export async function readChainFolder(folder: string): Promise<ArchiveSubject> {
  const ledger = join(folder, "ledger");
  const isThere = await stat(ledger).then(
    () => true,
    () => false,
  );
  if (!isThere) throw new LhgError("backup.no-chain", "holds no chain", folder);
  const store = await openLevelStore(ledger);
  try {
    const [genesisBytes, headBytes] = [store.get(GENESIS_KEY), store.get(HEAD_KEY)];
    if (genesisBytes === undefined || headBytes === undefined)
      throw new LhgError("backup.no-chain", "holds no chain", folder);
    const head = decode(headRecord, headBytes, "head");
    return {
      chainId: computeChainId(nodeCrypto, decode(genesisCodec, genesisBytes, "genesis")),
      height: head.height,
      timeMs: head.timeMs,
      appHash: toHex(head.appHash),
    };
  } finally {
    await store.close();
  }
}
