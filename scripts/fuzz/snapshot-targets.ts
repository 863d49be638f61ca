/** Snapshots as strangers offer them: chunks alone, a whole state, and the way to its header. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { encodeChunk, encodeItem, readItems } from "../../packages/node/src/snapshot/chunk-format.ts";
import { makeSnapshot } from "../../packages/node/src/snapshot/make-snapshot.ts";
import { restoreSnapshot } from "../../packages/node/src/snapshot/restore-snapshot.ts";
import { describeSnapshot, openSnapshotInfo } from "../../packages/node/src/snapshot/snapshot.ts";
import { readChunk, readTrustPath } from "../../packages/node/src/snapshot/snapshot-files.ts";
import { decodeTrustPath, encodeTrustPath, verifyTrustPath } from "../../packages/node/src/snapshot/trust.ts";
import { createMemoryStore } from "../../packages/node/src/store/memory-store.ts";
import { equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import type { Corpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

export async function createSnapshotTargets({ chain }: Corpus): Promise<Target[]> {
  const { genesis } = chain.dev;
  const folder = await mkdtemp(join(tmpdir(), "lhg-fuzz-"));
  try {
    const info = await makeSnapshot(chain.application, folder);
    const metadata = openSnapshotInfo(sodiumCrypto, info);
    const chunk = await readChunk(folder, info.height, 0);
    assertInvariant(info.chunks === 1, "the corpus is small");
    const path = await readTrustPath(folder, info.height);
    const trusted = verifyTrustPath(sodiumCrypto, genesis, path);
    return [
      {
        name: "snapshot chunk",
        draw: (random) => mutate(random, [chunk]),
        run: (input) => {
          const items = [...readItems(input)].map(encodeItem);
          assertInvariant(equalBytes(encodeChunk(items), input), "a chunk has one encoding");
        },
      },
      {
        name: "snapshot restore",
        draw: (random) => mutate(random, [chunk]),
        acceptedAs: "the true one",
        run: async (input) => {
          const chunks = [sodiumCrypto.sha256(input)];
          await restoreSnapshot({
            store: createMemoryStore(),
            crypto: sodiumCrypto,
            genesis,
            info: describeSnapshot(sodiumCrypto, { ...metadata, chunks }),
            readChunk: async () => input,
            trusted,
            pairsMax: 256,
          });
          assertInvariant(equalBytes(input, chunk), "a state that the header does not name is restored");
        },
      },
      {
        name: "snapshot trust",
        draw: (random) => mutate(random, [encodeTrustPath(path)]),
        acceptedAs: "the true header",
        run: (input) => {
          const { header } = verifyTrustPath(sodiumCrypto, genesis, decodeTrustPath(input));
          assertInvariant(equalBytes(header.parent, trusted.header.parent), "a forged header is trusted");
        },
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
