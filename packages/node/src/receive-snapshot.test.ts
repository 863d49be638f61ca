/** State sync from the side of the ledger: whatever is offered, given and interrupted, the ledger is empty or whole. */
import assert from "node:assert/strict";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encode } from "@lhg/protocol/core/codec/definition";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import { GENESIS_MS } from "./application/testing.ts";
import type { SnapshotReceiver } from "./consensus/comet/abci-handler.ts";
import { toLedgerBlock } from "./consensus/comet/comet-block.ts";
import { type CometTestChain, openCometTestChain } from "./consensus/comet/testing-chain.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import { createDevChain } from "./dev-chain.ts";
import { createSnapshotReceiver } from "./receive-snapshot.ts";
import { describeCometSnapshot, openCometOffer } from "./snapshot/comet-snapshot.ts";
import { dropRestored, growLedger, placeLedger } from "./snapshot/restore-folder.ts";
import { makeFolder, type SnapshotParts, takeSnapshot } from "./snapshot/testing.ts";
import { restoreComet } from "./snapshot/testing-comet.ts";
import { openChunkStore } from "./sync/chunk-store.ts";
import { type LedgerClient, startLedger } from "./threads/ledger-client.ts";

interface World {
  readonly chain: CometTestChain;
  readonly older: SnapshotParts;
  readonly newer: SnapshotParts;
  readonly appHashOf: (parts: SnapshotParts) => Uint8Array;
}

async function makeWorld(context: TestContext): Promise<World> {
  const chain = await openCometTestChain({
    dev: createDevChain(GENESIS_MS, undefined, 4),
    isShared: () => true,
  });
  const folder = await makeFolder(context);
  const commit = async (count: number) => {
    for (let i = 0; i < count; i++)
      await chain.commit([
        chain.transaction(chain.dev.faucet, [makeTransfer(new Uint8Array(20).fill(i), 1n)]),
      ]);
  };
  await commit(6);
  const older = await takeSnapshot(chain.application, folder, 400);
  await commit(3);
  const newer = await takeSnapshot(chain.application, folder, 400);
  const appHashOf = ({ info }: SnapshotParts) => chain.application.getBlock(info.height + 1)!.header.appHash;
  return { chain, older, newer, appHashOf };
}

interface Node {
  readonly ledger: LedgerClient;
  readonly receiver: SnapshotReceiver;
  readonly opened: Awaited<ReturnType<LedgerClient["open"]>>;
  /** Heights of the ledgers that it became. */
  readonly adopted: number[];
  readonly stop: () => Promise<void>;
}

async function startNode(context: TestContext, { chain }: World, data: string): Promise<Node> {
  const ledger = startLedger(
    {
      directory: join(data, "ledger"),
      genesis: encode(genesisCodec, chain.dev.genesis),
      engine: ENGINE_COMETBFT,
    },
    (error) => {
      throw error;
    },
  );
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (!isStopped) await ledger.stop();
    isStopped = true;
  };
  context.after(stop);
  const opened = await ledger.open();
  const directory = join(data, "snapshots.incoming");
  const adopted: number[] = [];
  const receiver = createSnapshotReceiver({
    hasher: sodiumCrypto,
    ledger,
    chunks: openChunkStore(directory),
    directory,
    onAdopted: ({ tip }) => adopted.push(tip.head.height),
    log: () => {},
  });
  return { ledger, receiver, opened, adopted, stop };
}

/** As CometBFT hands it over. */
const offerOf = ({ info: { sizeBytes: _, ...offer } }: SnapshotParts) => offer;

async function giveAll({ receiver }: Node, { chunks }: SnapshotParts): Promise<string[]> {
  const answers: string[] = [];
  for (const [index, chunk] of chunks.entries()) answers.push(await receiver.apply(index, chunk));
  return answers;
}

async function commitNext({ ledger, opened }: Node, { chain }: World, tip = opened.tip): Promise<void> {
  const block = chain.blocks[tip.base.height - 1]!;
  const { height, hash, timeMs, statements, header } = block;
  const { proposerAddress } = header;
  const asked = { height, hash, timeMs, txs: [], proposerAddress, misbehaviours: [] };
  await ledger.execute(toLedgerBlock(sodiumCrypto, tip, asked, statements));
  await ledger.commit(hash, null);
}

test("chunks in any order, wrong ones and repeated ones among them, become the ledger", async (context) => {
  const world = await makeWorld(context);
  const { older, appHashOf } = world;
  const data = await makeFolder(context);
  const node = await startNode(context, world, data);
  assert.equal(await node.receiver.apply(0, older.chunks[0]!), "failed", "nothing is offered yet");
  assert.equal(await node.receiver.offer(offerOf(older), appHashOf(older)), "accepted");
  const last = older.chunks.length - 1;
  assert.ok(last > 1);
  assert.equal(await node.receiver.apply(last, older.chunks[0]!), "wrong");
  assert.equal(await node.receiver.apply(last, new Uint8Array(0)), "wrong");
  assert.equal(await node.receiver.apply(last + 1, older.chunks[last]!), "wrong");
  assert.equal(await node.receiver.apply(0, new Uint8Array((4 << 20) + 1)), "wrong");
  for (let index = last; index >= 0; index--) {
    if (index === 1) assert.equal(await node.receiver.apply(last, older.chunks[last]!), "taken");
    assert.deepEqual(node.adopted, []);
    assert.equal(await node.receiver.apply(index, older.chunks[index]!), "taken");
  }
  assert.deepEqual(node.adopted, [older.info.height]);
  assert.deepEqual((await readdir(data)).sort(), ["ledger", "snapshots.incoming"]);
  assert.deepEqual(await readdir(join(data, "snapshots.incoming")), []);

  // CometBFT may have died before it kept what it had come to: it begins anew, with this snapshot or a newer one.
  assert.equal(await node.receiver.offer(offerOf(older), appHashOf(older)), "accepted");
  assert.deepEqual([...new Set(await giveAll(node, older))], ["taken"]);
  assert.deepEqual(node.adopted, [older.info.height]);
  assert.equal(await node.receiver.offer(offerOf(world.newer), appHashOf(world.newer)), "accepted");
  assert.deepEqual([...new Set(await giveAll(node, world.newer))], ["taken"]);
  assert.deepEqual(node.adopted, [older.info.height, world.newer.info.height]);
  await node.stop();

  const again = await startNode(context, world, data);
  assert.equal(again.opened.tip.head.height, world.newer.info.height);
  assert.equal(again.opened.certifiedHeight, world.newer.info.height);
  await commitNext(again, world);
  assert.equal(await again.receiver.offer(offerOf(world.newer), appHashOf(world.newer)), "unneeded");
});

test("an offer takes the place of the one before, and what is offered falsely is never tried again", async (context) => {
  const world = await makeWorld(context);
  const { chain, older, newer, appHashOf } = world;
  const data = await makeFolder(context);
  const node = await startNode(context, world, data);
  assert.equal(await node.receiver.offer(offerOf(older), appHashOf(newer)), "rejected");
  assert.equal(
    await node.receiver.offer({ ...offerOf(older), format: 1 }, appHashOf(older)),
    "unknown-format",
  );
  assert.equal(await node.receiver.offer(offerOf(newer), appHashOf(newer)), "accepted");
  await node.receiver.apply(0, newer.chunks[0]!);

  // Its hashes are those of its chunks; a byte of the last one is wrong.
  const metadata = openCometOffer(sodiumCrypto, older.info);
  const at = older.chunks.length - 1;
  const chunks = older.chunks.map((chunk, i) =>
    i === at ? chunk.map((byte, j) => (j === 40 ? byte ^ 1 : byte)) : chunk,
  );
  const hashes = chunks.map((chunk) => sodiumCrypto.sha256(chunk));
  const lie = { info: describeCometSnapshot(sodiumCrypto, { ...metadata, chunks: hashes }), chunks };
  assert.equal(await node.receiver.offer(offerOf(lie), appHashOf(older)), "accepted");
  assert.equal(await node.receiver.apply(0, newer.chunks[0]!), "wrong", "chunks of another offer");
  assert.equal((await giveAll(node, lie)).at(-1), "failed");
  assert.equal(await node.receiver.apply(0, chunks[0]!), "failed");
  assert.equal(await node.receiver.offer(offerOf(lie), appHashOf(older)), "rejected");

  const small = describeCometSnapshot(sodiumCrypto, { ...metadata, sizeBytes: 10 });
  const shrunk = { info: small, chunks: older.chunks };
  assert.equal(await node.receiver.offer(offerOf(shrunk), appHashOf(older)), "accepted");
  assert.equal(await node.receiver.apply(0, older.chunks[0]!), "failed");
  assert.deepEqual(node.adopted, []);

  assert.equal(await node.receiver.offer(offerOf(newer), appHashOf(newer)), "accepted");
  assert.deepEqual([...new Set(await giveAll(node, newer))], ["taken"]);
  assert.deepEqual(node.adopted, [newer.info.height]);
  assert.equal(chain.application.head.height, 9);
});

test("a ledger that has blocks keeps them", async (context) => {
  const world = await makeWorld(context);
  const data = await makeFolder(context);
  const node = await startNode(context, world, data);
  await commitNext(node, world);
  const { newer, appHashOf } = world;
  assert.equal(await node.receiver.offer(offerOf(newer), appHashOf(newer)), "unneeded");
  await assert.rejects(node.ledger.adoptRestored(), { code: "snapshot.ledger-exists" });
  await node.stop();
  assert.equal((await startNode(context, world, data)).opened.tip.head.height, 1);
});

test("a crash at any point leaves an empty ledger or the whole one", async (context) => {
  const world = await makeWorld(context);
  const { chain, newer, appHashOf } = world;
  const data = await makeFolder(context);
  const heightAfterStart = async (): Promise<number> => {
    const node = await startNode(context, world, data);
    const { height } = node.opened.tip.head;
    await dropRestored(data);
    await node.stop();
    return height;
  };
  const grow = (interrupted = false) =>
    growLedger(data, async (store) => {
      const readChunk = async (index: number) => {
        if (interrupted && index > 1) throw new Error("the power went");
        return newer.chunks[index]!;
      };
      await restoreComet(chain.dev, newer, { store, readChunk });
    });

  // Between two chunks.
  const node = await startNode(context, world, data);
  await node.receiver.offer(offerOf(newer), appHashOf(newer));
  for (const [index, chunk] of newer.chunks.slice(0, -1).entries()) await node.receiver.apply(index, chunk);
  await node.stop();
  assert.equal(await heightAfterStart(), 0);
  // While it is restored, and before it is put in place.
  await assert.rejects(grow(true), /power/);
  assert.equal(await heightAfterStart(), 0);
  await grow();
  assert.equal(await heightAfterStart(), 0);
  // Between the two renames.
  await grow();
  await rename(join(data, "ledger"), join(data, "ledger.old"));
  assert.equal(await heightAfterStart(), 0);
  // Before the old one is deleted.
  await grow();
  await placeLedger(data);
  await mkdir(join(data, "ledger.old"));
  await writeFile(join(data, "ledger.old", "CURRENT"), "old");
  assert.equal(await heightAfterStart(), newer.info.height);
  assert.deepEqual((await readdir(data)).sort(), ["ledger", "snapshots.incoming"]);
});
