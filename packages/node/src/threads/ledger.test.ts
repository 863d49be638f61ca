/** The thread itself: what it does in the background must not keep blocks waiting. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { certificate, commitSignBytes } from "@lhg/protocol/core/block/certificate";
import { encode } from "@lhg/protocol/core/codec/definition";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { ENGINE_DBFT, EPOCH } from "@lhg/protocol/core/proof/anchor";
import type { ChainTip } from "../application/port.ts";
import { GENESIS_MS } from "../application/testing.ts";
import { makeProposal, openProposal } from "../blocks/proposal.ts";
import { createNativeSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain } from "../dev-chain.ts";
import { listSnapshots } from "../snapshot/snapshot-files.ts";
import { makeFolder, openRestored, restoreFrom } from "../snapshot/testing.ts";
import { decodeTrustPath, verifyTrustPath } from "../snapshot/trust.ts";
import { type LedgerClient, startLedger } from "./ledger-client.ts";

const dev = createDevChain(GENESIS_MS);

/** An empty block on the tip, with its certificate; returns the tip after it. */
async function commitBlock(ledger: LedgerClient, tip: ChainTip, last: Uint8Array | null) {
  const proposal = openProposal(
    sodiumCrypto,
    makeProposal(sodiumCrypto, tip.base, {
      proposer: tip.validators[0]!.operator,
      timeMs: tip.head.timeMs + 1_000,
      statements: [],
      lastCertificate: last,
      evidence: [],
    }),
  )!;
  const { blockHash } = await ledger.execute({ ...proposal, statements: [] });
  const message = commitSignBytes(tip.base.chainId, EPOCH, tip.base.height, 0, blockHash);
  const signatures = tip.validators.map(({ consensusKey }, validatorIndex) => {
    const key = dev.consensusKeys.find(({ publicKey }) => Buffer.from(publicKey).equals(consensusKey))!;
    return { validatorIndex, signature: createNativeSigner(key).sign(message) };
  });
  const made = encode(certificate, { view: 0, signatures });
  const summary = await ledger.commit(blockHash, made);
  return { tip: summary.tip, certificate: made };
}

test("the thread makes a snapshot while it commits, gives the way to its header, prunes, and stops in between", async (context) => {
  const folder = await makeFolder(context);
  const snapshots = join(folder, "snapshots");
  const ledger = startLedger(
    { directory: join(folder, "ledger"), genesis: encode(genesisCodec, dev.genesis), engine: ENGINE_DBFT },
    (error) => {
      throw error;
    },
  );
  let { tip, certificate: last, firstHeight } = await ledger.open();
  assert.equal(firstHeight, 1);
  await assert.rejects(ledger.makeSnapshot(snapshots), { code: "snapshot.not-yet" });
  for (let i = 0; i < 3; i++) ({ tip, certificate: last } = await commitBlock(ledger, tip, last));
  const making = ledger.makeSnapshot(snapshots);
  const second = ledger.makeSnapshot(snapshots).then(
    ({ height }) => `${height}`,
    ({ code }) => code,
  );
  ({ tip, certificate: last } = await commitBlock(ledger, tip, last));
  const info = await making;
  assert.equal(info.height, 2);
  assert.ok(["2", "snapshot.busy"].includes(await second), "one at a time");
  assert.deepEqual(await listSnapshots(snapshots), [info]);

  const path = decodeTrustPath(await ledger.getTrustPath(3));
  const { header } = verifyTrustPath(sodiumCrypto, dev.genesis, path);
  const restored = await openRestored(dev.genesis, await restoreFrom(dev.genesis, snapshots, info));
  assert.deepEqual(restored.head.appHash, header.appHash);
  assert.deepEqual(await ledger.prune(tip.head.timeMs), { firstHeight: 1, isDone: true });

  const stopped = ledger.makeSnapshot(snapshots);
  const outcome = stopped.then(
    ({ height }) => `${height}`,
    ({ code }) => code,
  );
  await ledger.stop();
  assert.ok(["3", "snapshot.stopped"].includes(await outcome));
});
