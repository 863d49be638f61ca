/** Offers of snapshots under CometBFT: a way of headers and commits that strangers send. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCometTestChain } from "../../packages/node/src/consensus/comet/testing-chain.ts";
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { makeSnapshot } from "../../packages/node/src/snapshot/make-snapshot.ts";
import { verifyCometOffer } from "../../packages/node/src/snapshot/restore-comet.ts";
import { equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

export async function createCometSnapshotTarget(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), "lhg-fuzz-"));
  try {
    const chain = await openCometTestChain({ isShared: () => true });
    for (let i = 0; i < 4; i++) await chain.commit();
    const { genesis } = chain.dev;
    const info = await makeSnapshot(chain.application, folder);
    const { block } = verifyCometOffer(sodiumCrypto, genesis, info, undefined);
    return {
      name: "comet snapshot offer",
      draw: (random) => mutate(random, [info.metadata]),
      acceptedAs: "the true block",
      run: (metadata) => {
        const offer = { ...info, metadata, hash: sodiumCrypto.sha256(metadata) };
        const found = verifyCometOffer(sodiumCrypto, genesis, offer, undefined).block;
        assertInvariant(
          equalBytes(found.blockHash, block.blockHash) && equalBytes(found.next.appHash, block.next.appHash),
          "a forged block is proven",
        );
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
