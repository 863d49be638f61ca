import assert from "node:assert/strict";
import { test } from "node:test";
import { getAccount } from "@lhg/protocol/core/accounts";
import { hashValidators } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { verifyReceipt, verifyValue } from "@lhg/protocol/core/proof/receipt";
import { verifyHistoryProof } from "@lhg/protocol/history";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import { type CometBlockMade, commitCometBlock } from "../../compliance/comet-blocks.ts";
import { createWorld } from "../../compliance/world.ts";
import { createRandom } from "../../simulation/random.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { indexBlock, listIndexKeys } from "../queries/indexes.ts";
import { openSampleWorld, PHONES, type SampleWorld } from "../queries/testing.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { LedgerApplication } from "./application.ts";
import { auditChain } from "./audit.ts";
import { BLOCKS_KEPT_MIN, pruneBlocks } from "./prune.ts";
import { addressOf, GENESIS_MS } from "./testing.ts";

const ALL_MS = Number.MAX_SAFE_INTEGER;

/** The sample world with so many blocks behind it that its five are old. */
async function openOldWorld(): Promise<SampleWorld> {
  const world = await openSampleWorld();
  for (let i = 0; i < BLOCKS_KEPT_MIN; i++) await world.chain.commit([]);
  return world;
}

async function pruneAll(application: LedgerApplication, beforeMs = ALL_MS): Promise<number> {
  for (;;) {
    const { isDone, firstHeight } = await pruneBlocks(application, beforeMs, listIndexKeys);
    if (isDone) return firstHeight;
  }
}

async function countBySpace(store: Store): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for await (const { key } of store.iterate({})) counts.set(key[0]!, (counts.get(key[0]!) ?? 0) + 1);
  return counts;
}

const pruned = { code: "history.pruned" };

test("what is old is gone, the newest blocks stay, and who asks is told from where on there are blocks", async () => {
  const { chain, ids, ask, vendor, device } = await openOldWorld();
  const { application } = chain;
  const before = await countBySpace(application.store);
  assert.equal(await pruneAll(application), 6);
  assert.equal(application.head.height, 5 + BLOCKS_KEPT_MIN);
  const after = await countBySpace(application.store);
  // Blocks and certificates by height and hash; statements, lists by account, contents of blocks and search by what events say.
  for (const space of [0x11, 0x13, 0x14]) assert.equal(after.get(space), before.get(space)! - 5);
  for (const space of [0x12, 0x20, 0x21, 0x22]) assert.equal(after.get(space), undefined);
  assert.equal(after.get(0x23), 1, "a stream goes on");

  await assert.rejects(ask("getBlock", { height: 5 }), (error: Error & { code: string }) => {
    assert.equal(error.code, "history.pruned");
    assert.match(error.message, /keeps blocks from 6 on/);
    return true;
  });
  for (const id of [ids.transfer, ids.collections[0]!, ids.commissioning]) {
    await assert.rejects(ask("getStatement", { id }), pruned);
    await assert.rejects(ask("getReceipt", { id }), pruned);
  }
  await assert.rejects(ask("getDocument", { id: ids.packing }), pruned);
  await assert.rejects(ask("getActivity", { height: 2 }), pruned);
  await assert.rejects(ask("listStatements", { height: 2 }), pruned);
  await assert.rejects(ask("getCollection", { device: toHex(addressOf(device)), stream: 0, seq: 1 }), pruned);
  await assert.rejects(ask("getTraceBundle", { id: PHONES[0] }), pruned);
  assert.deepEqual((await ask("listStatements", { account: toHex(addressOf(vendor)) })).items, []);
  assert.deepEqual((await ask("listCollections", { device: toHex(addressOf(device)) })).items, []);
  assert.deepEqual((await ask("listStatements", {})).items, []);
  assert.deepEqual((await ask("listEvents", {})).items, []);
  const blocks = await ask("listBlocks", { limit: 200 });
  assert.equal(blocks.items.length, BLOCKS_KEPT_MIN);
  assert.equal(blocks.items.at(-1)!.height, 6);
  assert.equal((await ask("getDevice", { device: toHex(addressOf(device)) })).lastSeen, undefined);
});

test("pruning takes no proof of the state, no archived receipt and no trace away", async () => {
  const { chain, ids, ask, vendor } = await openOldWorld();
  const { application } = chain;
  const trust = {
    chainId: application.chainId,
    validatorsHash: hashValidators(sodiumCrypto, application.getBlock(1)!.validators),
  };
  const { bytes: archived } = await ask("getReceipt", { id: ids.transfer });
  const item = { id: PHONES[0], proof: true };
  const itemBefore = await ask("getItem", item);
  const traceBefore = await ask("getTrace", { id: PHONES[0] });
  await pruneAll(application);

  assert.deepEqual(await ask("getItem", item), itemBefore);
  assert.deepEqual(await ask("getTrace", { id: PHONES[0] }), traceBefore);
  const proof = await ask("getAccount", { address: toHex(addressOf(vendor)), proof: true });
  verifyValue(sodiumCrypto, trust, new Uint8Array(Buffer.from(proof.proof!.bytes, "hex")));
  // The path from before the transfer's next block to today; by it an archived receipt is refreshed.
  const history = await ask("getHistoryProof", { height: 2 });
  const confirmed = verifyHistoryProof(
    sodiumCrypto,
    trust,
    new Uint8Array(Buffer.from(history.proof.bytes, "hex")),
  );
  assert.equal(confirmed.vouchedBy.header.height, application.head.height);
  verifyReceipt(sodiumCrypto, trust, archived);
});

test("age is by the time of blocks, and the chain goes on and opens again", async () => {
  const { chain } = await openOldWorld();
  const { application, dev } = chain;
  const third = application.getBlock(3)!.header.timeMs;
  assert.equal(await pruneAll(application, third), 3);
  const to = addressOf(dev.vendors[0]!.key);
  const { balance } = getAccount(application.state, to);
  await chain.commit([chain.transaction(dev.faucet, [makeTransfer(to, 5n)])]);
  assert.equal(getAccount(application.state, to).balance, balance + 5n);
  const again = await LedgerApplication.open(sodiumCrypto, application.store, dev.genesis, indexBlock);
  assert.deepEqual(again.kept, { firstHeight: 3, prunedHeight: 2, base: null });
  assert.deepEqual(again.tip, application.tip);

  const audit = auditChain(again, createMemoryStore(), indexBlock);
  const step = await audit.next();
  assert.ok(step.done === true);
  assert.deepEqual(
    step.value.problems.map(({ code }) => code),
    ["history.pruned"],
  );
});

test("a block of many statements goes in several calls, during which it counts as pruned", async () => {
  const world = await openSampleWorld();
  const { chain, ask } = world;
  const { faucet } = chain.dev;
  const to = new Uint8Array(20).fill(9);
  const transfers = Array.from({ length: 250 }, (_, i) =>
    chain.transaction(faucet, [makeTransfer(to, 1n)], { nonce: 2 + i }),
  );
  const { executed } = await chain.commit(transfers);
  assert.equal(executed.length, 250);
  for (let i = 0; i < BLOCKS_KEPT_MIN; i++) await chain.commit([]);
  const { application } = chain;
  let calls = 0;
  for (;;) {
    const { isDone, firstHeight } = await pruneBlocks(application, ALL_MS, listIndexKeys);
    const { items } = await ask("listStatements", { account: toHex(to) });
    assert.equal(items.length, firstHeight > 6 ? 0 : 50);
    if (application.kept.prunedHeight < firstHeight - 1)
      await assert.rejects(ask("getBlock", { height: firstHeight - 1 }), pruned);
    if (isDone) break;
    calls++;
  }
  assert.equal(calls, 2, "and a last one");
  assert.equal((await countBySpace(application.store)).get(0x12), undefined);
});

test("blocks of CometBFT stay until they are certified, however far certificates are behind", async () => {
  const world = createWorld(createRandom(1), { validators: 4, timeMs: GENESIS_MS });
  const store = createMemoryStore();
  const { genesis } = world;
  const ledger = await LedgerApplication.open(sodiumCrypto, store, genesis, indexBlock, ENGINE_COMETBFT);
  const made: CometBlockMade[] = [];
  for (let i = 1; i <= BLOCKS_KEPT_MIN + 5; i++)
    made.push(await commitCometBlock(world, ledger, { timeMs: GENESIS_MS + i, last: made.at(-1) }));
  assert.equal(await pruneAll(ledger), 1);
  for (const { header, commit } of made) await ledger.certify(header.encoded, commit);
  assert.equal(ledger.certifiedHeight, BLOCKS_KEPT_MIN + 5);
  assert.equal(await pruneAll(ledger), 6);
});
