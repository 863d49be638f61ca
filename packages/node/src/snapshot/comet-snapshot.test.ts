/** Snapshots of chains under CometBFT: the same bytes everywhere, and nothing believed that no header commits to. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hashValidators, sortValidators } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { anchor, verifyAnchor } from "@lhg/protocol/core/proof/anchor";
import { BASE } from "@lhg/protocol/core/state/partition";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import fc from "fast-check";
import { createQueryContext } from "../application/query-context.ts";
import { addressOf, GENESIS_MS } from "../application/testing.ts";
import { followCometTime, settleCometTime } from "../blocks/comet-time.ts";
import {
  type CometTestChain,
  certifyDecided,
  commitDecided,
  openCometApplication,
  openCometTestChain,
} from "../consensus/comet/testing-chain.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain } from "../dev-chain.ts";
import { indexPair } from "../queries/indexes.ts";
import { openLevelStore } from "../store/level-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { describeNewestSnapshot, restoreNewestSnapshot } from "./backup.ts";
import { makeSnapshot } from "./make-snapshot.ts";
import { makeFolder, takeSnapshot } from "./testing.ts";
import { restoreComet } from "./testing-comet.ts";

const EVERY = 4;
/** As a node asks for them that makes a snapshot of every fourth block. */
const isShared = (height: number): boolean => (height - 1) % EVERY === 0;

async function openChain(blocks: number): Promise<CometTestChain> {
  const chain = await openCometTestChain({ dev: createDevChain(GENESIS_MS, undefined, 4), isShared });
  for (let i = 0; i < blocks; i++) await chain.commit([transfer(chain, i)]);
  return chain;
}

const transfer = (chain: CometTestChain, i: number) =>
  chain.transaction(chain.dev.faucet, [makeTransfer(new Uint8Array(20).fill(i + 1), 1n + BigInt(i))]);

/** Another node of the chain, up to this height. */
async function openOther(chain: CometTestChain, node: number, height = chain.blocks.length) {
  const application = await openCometApplication(chain.dev, createMemoryStore());
  for (const block of chain.blocks.slice(0, height)) {
    await commitDecided(application, block);
    await certifyDecided(application, chain.blocks, { node, isShared });
  }
  return application;
}

async function takeAt(
  context: TestContext,
  chain: CometTestChain,
  height: number,
  application = chain.application,
) {
  const folder = await makeFolder(context);
  return takeSnapshot(application, folder, 2_000, height);
}

/** A chain on which an operator has rotated its consensus key; the new key signs two blocks later. */
async function rotateKey(chain: CometTestChain, seed: number): Promise<void> {
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

test("nodes that saw other votes make the same snapshot, byte for byte, whatever blocks came after", async (context) => {
  const chain = await openChain(7);
  const others = [await openOther(chain, 2), await openOther(chain, 3, 6)];
  const first = await takeAt(context, chain, 4);
  assert.equal(first.info.format, 2);
  for (const other of others) assert.deepEqual(await takeAt(context, chain, 4, other), first);
});

test("a restored chain has the same state and goes on with the same blocks, certificates and proofs", async (context) => {
  const chain = await openChain(3);
  await rotateKey(chain, 0);
  for (let i = 0; i < 70; i++) await chain.commit([]);
  const height = 72;
  const parts = await takeAt(context, chain, height);
  const restored = await openCometApplication(chain.dev, await restoreComet(chain.dev, parts));
  assert.equal(restored.head.height, height);
  assert.equal(restored.certifiedHeight, height);
  assert.equal(restored.kept.firstHeight, height + 1);
  assert.equal(createQueryContext(restored).provableHeight, undefined);
  for (const block of chain.blocks.slice(height)) {
    await commitDecided(restored, block);
    await certifyDecided(restored, chain.blocks, { node: 2, isShared });
    assert.deepEqual(restored.getBlock(block.height), chain.application.getBlock(block.height));
  }
  assert.deepEqual(restored.head, chain.application.head);
  assert.deepEqual(restored.tip, chain.application.tip);

  const made = createQueryContext(restored).anchorOf(BASE);
  assert.equal(made.transitions.length, 1);
  assert.deepEqual(made.transitions, createQueryContext(chain.application).anchorOf(BASE).transitions);
  encode(anchor, made, "anchor");
  const validatorsHash = hashValidators(
    sodiumCrypto,
    sortValidators(sodiumCrypto, chain.dev.genesis.validators),
  );
  const verified = verifyAnchor(sodiumCrypto, { chainId: restored.chainId, validatorsHash }, made);
  assert.equal(verified.header.height, restored.certifiedHeight);

  for (let i = 0; i < 6; i++) {
    await chain.commit([transfer(chain, i)]);
    await commitDecided(restored, chain.blocks.at(-1)!);
    await certifyDecided(restored, chain.blocks, { node: 3, isShared });
  }
  assert.deepEqual(await takeAt(context, chain, 76, restored), await takeAt(context, chain, 76));
});

test("there is no snapshot before the header that names the commit, without that commit, or of a state that is gone", async (context) => {
  const folder = await makeFolder(context);
  const chain = await openChain(5);
  const notYet = (height?: number) =>
    assert.rejects(makeSnapshot(chain.application, folder, height === undefined ? {} : { height }), {
      code: "snapshot.not-yet",
    });
  await notYet(4);
  await notYet(0);
  // Height 3 is no multiple of 4: of height 4 is kept what this node saw.
  await notYet(3);
  await notYet();
  await chain.commit([]);
  assert.equal((await makeSnapshot(chain.application, folder)).height, 4);
  for (let i = 0; i < 64; i++) await chain.commit([]);
  await assert.rejects(makeSnapshot(chain.application, await makeFolder(context), { height: 4 }), {
    code: "snapshot.not-yet",
  });
  assert.equal((await makeSnapshot(chain.application, folder, { height: 68 })).height, 68);
});

test("the newest snapshot of a data folder is a backup of its chain", async (context) => {
  const chain = await openChain(6);
  const folder = await makeFolder(context);
  const snapshots = join(folder, "snapshots");
  const { info } = await takeSnapshot(chain.application, snapshots, 2_000);
  const { header } = chain.application.getBlock(info.height)!;
  const appHash = toHex(chain.application.getBlock(info.height + 1)!.header.appHash);
  assert.deepEqual(await describeNewestSnapshot(sodiumCrypto, snapshots), {
    chainId: chain.application.chainId,
    height: info.height,
    timeMs: header.timeMs,
    appHash,
  });
  await restoreNewestSnapshot(sodiumCrypto, folder, snapshots, indexPair);
  const store = await openLevelStore(join(folder, "ledger"));
  context.after(() => store.close());
  const { head } = await openCometApplication(chain.dev, store);
  assert.deepEqual([head.height, toHex(head.appHash)], [info.height, appHash]);
});

test("a block's time by the ledger follows from CometBFT's alone, where that ascends by a millisecond", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(1_000_000), fc.integer({ min: 1_000_000, max: 9_000_000 })), {
        maxLength: 40,
      }),
      (stepsNs) => {
        let ns = 5_000_000_000;
        let timeMs = 5_000;
        for (const [i, step] of [0, ...stepsNs].entries()) {
          ns += step;
          timeMs = followCometTime(timeMs, Math.floor(ns / 1e6));
          assert.equal(settleCometTime(5_000, i + 1, Math.floor(ns / 1e6)), timeMs);
        }
      },
    ),
  );
});
