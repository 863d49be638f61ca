/** A fresh node of a running network begins with a snapshot, by the state sync of the real CometBFT, and follows. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { LedgerApplication } from "../src/application/application.ts";
import { blockKey, GENESIS_KEY } from "../src/blocks/store-keys.ts";
import { findRealBinary, NO_BINARY } from "../src/consensus/comet/process/testing.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { indexBlock } from "../src/queries/indexes.ts";
import { listSnapshots } from "../src/snapshot/snapshot-files.ts";
import { openLevelStore } from "../src/store/level-store.ts";
import { type CometNode, makeCometNetwork, readLog } from "./comet-network.ts";

const skip = (await findRealBinary()) === undefined && NO_BINARY;
const EVERY = 4;
const WAIT_MS_MAX = 180_000;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + WAIT_MS_MAX; !(await holds()); ) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const snapshotsOf = async ({ data }: CometNode): Promise<number[]> =>
  (await listSnapshots(join(data, "snapshots"))).map(({ height }) => height);

async function readSnapshot({ data }: CometNode, height: number): Promise<string[]> {
  const folder = join(data, "snapshots", `${height}`);
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name) => `${name} ${(await readFile(join(folder, name))).toString("hex")}`),
  );
}

/** What a stopped node holds of the heights that it has. */
async function readChain({ data }: CometNode) {
  const store = await openLevelStore(join(data, "ledger"));
  try {
    const genesis = decode(genesisCodec, store.get(GENESIS_KEY)!, "genesis");
    const application = await LedgerApplication.open(sodiumCrypto, store, genesis, indexBlock);
    const { head, kept } = application;
    const blocks = new Map<number, string>();
    for (let height = kept.firstHeight; height <= head.height; height++)
      blocks.set(height, toHex(store.get(blockKey(height))!));
    return { firstHeight: kept.firstHeight, height: head.height, blocks, appHash: toHex(head.appHash) };
  } finally {
    await store.close();
  }
}

test("a fifth node joins by state sync, goes on with the blocks, and proves what it takes in", {
  skip,
  timeout: 280_000,
}, async (context) => {
  const network = await makeCometNetwork(context, {
    validators: 4,
    observers: 1,
    environment: { LHG_STORAGE_SNAPSHOT_EVERY_BLOCKS: `${EVERY}`, LHG_STORAGE_SNAPSHOTS_KEPT: "20" },
  });
  const { nodes, lhg, transfer } = network;
  const founders = nodes.slice(0, 4);
  const [first, second] = founders;
  const joiner = nodes[4]!;
  for (const { process: each } of founders) each.spawn();
  await Promise.all(founders.map(({ process: each }) => each.waitUntilUp({ isReady: true })));
  for (let i = 0; i < 5; i++) await transfer(founders[i % 4]!, i + 1);
  await until("there are snapshots", async () => {
    const counts = await Promise.all(founders.map(async (node) => (await snapshotsOf(node)).length));
    return counts.every((count) => count > 0);
  });
  const common = (await snapshotsOf(first!)).at(-1)!;
  const [mine, ...others] = await Promise.all(founders.map((node) => readSnapshot(node, common)));
  for (const other of others)
    assert.deepEqual(other, mine, `of height ${common} all nodes have the same files`);

  const pinned = await first!.process.client.getBlock(2);
  await lhg(
    ...["engine", "join", "--home", joiner.home, "--trust-height", "2", "--trust-hash", pinned.hash],
    ...["--rpc-server", first!.rpcUrl, "--rpc-server", second!.rpcUrl],
  );
  const config = join(joiner.home, "comet/config/config.toml");
  const text = await readFile(config, "utf8");
  await writeFile(config, text.replace("[statesync]\n", '[statesync]\ndiscovery_time = "5s"\n'));
  joiner.process.spawn();
  await until("a snapshot is offered", async () => /a snapshot is offered/.test(await readLog(joiner)));
  await joiner.process.kill();
  joiner.process.spawn();
  await until("the node has begun with a snapshot", async () => {
    const status = await joiner.process.client.getStatus().catch(() => undefined);
    if (status === undefined && joiner.process.ending !== undefined) throw new Error(await readLog(joiner));
    return (status?.firstHeight ?? 1) > 1;
  });
  assert.match(await readLog(joiner), /the chain begins with a snapshot/);
  await joiner.process.waitUntilUp({ isReady: true });
  const id = await transfer(joiner, 99);
  await lhg("receipt", id, "--out", "joined.receipt", "--url", joiner.apiUrl);
  const verdict = await lhg<{ ok: boolean }>("verify", "joined.receipt", "--genesis", network.genesisFile);
  assert.equal(verdict.ok, true);

  await joiner.process.stop();
  joiner.process.spawn();
  await joiner.process.waitUntilUp({ isReady: true });
  await transfer(joiner, 100);
  await Promise.all(nodes.map((node) => node.process.stop()));

  const [held, joined] = await Promise.all([readChain(first!), readChain(joiner)]);
  assert.equal(held.firstHeight, 1);
  assert.equal((joined.firstHeight - 1) % EVERY, 0);
  const both = [...joined.blocks].filter(([height]) => held.blocks.has(height));
  assert.ok(both.length >= 4);
  for (const [height, block] of both) assert.equal(block, held.blocks.get(height), `block ${height}`);
  if (held.height === joined.height) assert.equal(joined.appHash, held.appHash);
  await assert.rejects(lhg("audit", "--data", joiner.data), /history\.pruned/);
  assert.equal((await lhg<{ ok: boolean }>("audit", "--data", first!.data)).ok, true);
});
