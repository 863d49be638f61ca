/** Snapshots of chains whose validators change: the way to the header, and evidence that names heights before the snapshot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMIT, voteSignBytes } from "@lhg/protocol/core/block/certificate";
import { evidence } from "@lhg/protocol/core/block/evidence";
import { hashHeader, header as headerCodec } from "@lhg/protocol/core/block/header";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { anchor, EPOCH } from "@lhg/protocol/core/proof/anchor";
import { BASE } from "@lhg/protocol/core/state/partition";
import { isRecorded } from "@lhg/protocol/modules/validators/validators";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import { pruneBlocks } from "../application/prune.ts";
import { createQueryContext } from "../application/query-context.ts";
import { addressOf, openTestChain, type TestChain } from "../application/testing.ts";
import { EVIDENCE_HEIGHTS_MAX } from "../blocks/proposal.ts";
import { createNativeSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { listIndexKeys } from "../queries/indexes.ts";
import { readTrustPath } from "./snapshot-files.ts";
import { followBlock, makeFolder, openRestored, restoreFrom, takeSnapshot } from "./testing.ts";
import { verifyTrustPath } from "./trust.ts";

/** A chain on which the first operator has rotated its consensus key; the new key signs two blocks later. */
async function rotateKey(chain: TestChain, seed: number): Promise<void> {
  const { faucet, operators, consensusKeys } = chain.dev;
  const operator = operators[seed]!;
  const key = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(100 + seed));
  (consensusKeys as SecretKey[]).push(key);
  await chain.commit([chain.transaction(faucet, [makeTransfer(addressOf(operator), 1_000_000_000n)])]);
  const rotation = { type: "validators.rotate-key", body: { consensusKey: key.publicKey } } as const;
  const { executed } = await chain.commit([chain.transaction(operator, [rotation])]);
  assert.deepEqual(
    executed.map(({ status }) => status),
    ["ok"],
  );
}

async function commitEmpty(chain: TestChain, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await chain.commit([]);
}

/** Two votes of the validator at this position of that height for different blocks. */
function accuse({ application, dev }: TestChain, height: number, validatorIndex: number): Uint8Array {
  const { consensusKey } = application.getBlock(height)!.validators[validatorIndex]!;
  const key = dev.consensusKeys.find(({ publicKey }) => Buffer.from(publicKey).equals(consensusKey))!;
  const vote = (fill: number) => {
    const blockHash = new Uint8Array(32).fill(fill);
    const scope = { chainId: application.chainId, epoch: EPOCH, height };
    const signature = createNativeSigner(key).sign(voteSignBytes(scope, 0, COMMIT, blockHash));
    return { blockHash, preparedView: null, signature };
  };
  const value = {
    epoch: EPOCH,
    height,
    view: 0,
    type: COMMIT,
    validatorIndex,
    first: vote(1),
    second: vote(2),
  };
  return encode(evidence, value, "evidence");
}

test("the way to the header leads over changes of validators, and the restored node leads others", async (context) => {
  const chain = await openTestChain();
  const { genesis } = chain.dev;
  await rotateKey(chain, 0);
  await commitEmpty(chain, 70);
  await rotateKey(chain, 1);
  await commitEmpty(chain, 70);
  const folder = await makeFolder(context);
  const { info } = await takeSnapshot(chain.application, folder);
  const path = await readTrustPath(folder, info.height);
  assert.equal(path.transitions.length, 2);
  const { header } = verifyTrustPath(sodiumCrypto, genesis, path);
  assert.equal(header.height, info.height + 1);

  const [first, second] = path.transitions;
  for (const transitions of [[], [first!], [second!], [second!, first!]])
    assert.throws(() => verifyTrustPath(sodiumCrypto, genesis, { ...path, transitions }), {
      code: "header.untrusted",
    });
  const named = decode(headerCodec, second!.header);
  const pinned = { height: named.height, hash: hashHeader(sodiumCrypto, named) };
  verifyTrustPath(sodiumCrypto, genesis, path, { pinned });
  // A true header put before the way proves nothing of it: here one that the genesis set itself signed, with keys that leaked since.
  const old = { transitions: [second!], header: first! };
  assert.throws(() => verifyTrustPath(sodiumCrypto, genesis, old, { pinned }), { code: "trust.pinned" });

  const restored = await openRestored(genesis, await restoreFrom(genesis, folder, info));
  await followBlock(restored, chain.application);
  const anchorOf = (application: typeof restored) =>
    encode(anchor, createQueryContext(application).anchorOf(BASE));
  assert.deepEqual(anchorOf(restored), anchorOf(chain.application));
  assert.equal(decode(anchor, anchorOf(restored)).transitions.length, 2);

  const before = anchorOf(chain.application);
  const { firstHeight } = await pruneBlocks(chain.application, Number.MAX_SAFE_INTEGER, listIndexKeys);
  assert.ok(firstHeight > decode(headerCodec, first!.header).height);
  assert.deepEqual(anchorOf(chain.application), before, "headers that lead on outlast their blocks");
});

test("evidence of heights before the snapshot counts on the restored node as on every other", async (context) => {
  const chain = await openTestChain();
  await rotateKey(chain, 0);
  await commitEmpty(chain, EVIDENCE_HEIGHTS_MAX + 5);
  const { application } = chain;
  const folder = await makeFolder(context);
  const { info } = await takeSnapshot(application, folder);
  const oldest = application.head.height + 1 - EVIDENCE_HEIGHTS_MAX;
  await chain.commit([], undefined, [accuse(chain, oldest, 1), accuse(chain, info.height, 2)]);
  assert.equal(application.getBlock(application.head.height)!.isWorking, 1);
  const restored = await openRestored(chain.dev.genesis, await restoreFrom(chain.dev.genesis, folder, info));
  await followBlock(restored, application);
  await followBlock(restored, application);
  assert.deepEqual(restored.head, application.head);
  const { operator } = application.getBlock(oldest)!.validators[1]!;
  assert.ok(isRecorded(restored.state, { operator, height: oldest, view: 0, type: COMMIT }));
});

test("while the validators changed twice within the reach of evidence there is no snapshot", async (context) => {
  const chain = await openTestChain();
  const folder = await makeFolder(context);
  await assert.rejects(takeSnapshot(chain.application, folder), { code: "snapshot.not-yet" });
  await rotateKey(chain, 0);
  await commitEmpty(chain, 10);
  const { info } = await takeSnapshot(chain.application, folder);
  await rotateKey(chain, 1);
  await commitEmpty(chain, 10);
  await assert.rejects(takeSnapshot(chain.application, folder), { code: "snapshot.not-yet" });
  await commitEmpty(chain, EVIDENCE_HEIGHTS_MAX);
  assert.ok((await takeSnapshot(chain.application, folder)).info.height > info.height);
});
