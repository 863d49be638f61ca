import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { ITEMS } from "@lhg/protocol/core/state/partition";
import { VALUES_RANGE } from "@lhg/protocol/core/state/state-export";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import fc from "fast-check";
import { BLOCKS_KEPT_MIN, pruneBlocks } from "../application/prune.ts";
import { createQueryContext } from "../application/query-context.ts";
import { addressOf, openTestChain, type TestChain } from "../application/testing.ts";
import { listIndexKeys } from "../queries/indexes.ts";
import { queries } from "../queries/queries.ts";
import { openSampleWorld, PHONES } from "../queries/testing.ts";
import type { Store } from "../store/store.ts";
import { makeSnapshot } from "./make-snapshot.ts";
import { dropSnapshots, listSnapshots } from "./snapshot-files.ts";
import { followBlock, makeFolder, openRestored, restoreFrom, takeSnapshot } from "./testing.ts";

/** Tiles and leaves of logs: of all that follows from the state, the keys that are arrays beginning with 0 or 1. */
async function readLogs(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { key, value } of store.iterate({ gte: Uint8Array.of(4), lt: Uint8Array.of(5) }))
    if (key[2] === 0 || key[2] === 1) found.set(toHex(key), toHex(value));
  return found;
}

/** Proofs of every key that the newest provable state holds. */
async function proveAll({ store, state, head }: TestChain["application"]): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { key } of store.iterate(VALUES_RANGE))
    if (key[2] === 0x65) {
      const path = key.subarray(1 + ITEMS.id.length);
      found.push([toHex(path), state.proveValue(ITEMS, path, head.height - 1)]);
    }
  return found;
}

test("a chain restored from a snapshot has the same state, logs and proofs, and goes on with the same blocks", async (context) => {
  const { chain } = await openSampleWorld();
  const { application, dev } = chain;
  const folder = await makeFolder(context);
  const { info, chunks } = await takeSnapshot(application, folder, 500);
  assert.ok(chunks.length > 10);
  assert.equal(info.height, application.head.height - 1);
  const restored = await openRestored(
    dev.genesis,
    await restoreFrom(dev.genesis, folder, info, { pairsMax: 5 }),
  );
  assert.equal(restored.head.height, info.height);
  assert.equal(restored.kept.firstHeight, info.height + 1);
  assert.equal(createQueryContext(restored).provableHeight, undefined);

  await followBlock(restored, application);
  assert.deepEqual(restored.head, application.head);
  assert.deepEqual(restored.tip, application.tip);
  assert.deepEqual(await readLogs(restored.store), await readLogs(application.store), "no log is missing");
  assert.ok((await proveAll(application)).length > 5);
  assert.deepEqual(await proveAll(restored), await proveAll(application));

  await chain.commit([
    chain.transaction(dev.faucet, [makeTransfer(addressOf(dev.vendors[0]!.key), 1n)], { nonce: 2 }),
  ]);
  await followBlock(restored, application);
  assert.equal(application.getBlock(application.head.height)!.isWorking, 1);
  assert.deepEqual(restored.head, application.head);
  const item = { id: PHONES[0], proof: true };
  assert.deepEqual(
    queries.getItem(createQueryContext(restored), item),
    queries.getItem(createQueryContext(application), item),
  );
});

test("a restored node makes the same snapshots, byte for byte", async (context) => {
  const { chain } = await openSampleWorld();
  const { application } = chain;
  const folder = await makeFolder(context);
  const { info } = await takeSnapshot(application, folder);
  const restored = await openRestored(chain.dev.genesis, await restoreFrom(chain.dev.genesis, folder, info));
  const again = await makeFolder(context);
  await followBlock(restored, application);
  assert.deepEqual(await takeSnapshot(restored, again), await takeSnapshot(application, folder));
  await chain.commit([]);
  await followBlock(restored, application);
  assert.deepEqual(await takeSnapshot(restored, again), await takeSnapshot(application, folder));

  const heightsOf = async (): Promise<number[]> => (await listSnapshots(folder)).map(({ height }) => height);
  assert.deepEqual(await heightsOf(), [info.height + 1, info.height]);
  await dropSnapshots(folder, 1);
  assert.deepEqual(await heightsOf(), [info.height + 1]);
});

test("a node that pruned makes the same snapshot as before", async (context) => {
  const { chain } = await openSampleWorld();
  for (let i = 0; i < BLOCKS_KEPT_MIN; i++) await chain.commit([]);
  const { application } = chain;
  const before = await takeSnapshot(application, await makeFolder(context));
  const { firstHeight } = await pruneBlocks(application, Number.MAX_SAFE_INTEGER, listIndexKeys);
  assert.equal(firstHeight, 6);
  assert.deepEqual(await takeSnapshot(application, await makeFolder(context)), before);
});

const blocks = fc.array(
  fc.array(fc.record({ from: fc.nat(2), to: fc.nat(40), amount: fc.nat(1_000) }), { maxLength: 8 }),
  { minLength: 2, maxLength: 8 },
);

async function commitTransfers(
  chain: TestChain,
  transfers: readonly { readonly from: number; readonly to: number; readonly amount: number }[],
): Promise<void> {
  const people = [chain.dev.faucet, ...chain.dev.vendors.map(({ key }) => key)];
  await chain.commit(
    transfers.map(({ from, to, amount }) =>
      chain.transaction(people[from]!, [makeTransfer(new Uint8Array(20).fill(to + 1), BigInt(amount))]),
    ),
  );
}

test("whatever the blocks and wherever the snapshot, the restored chain is the same chain", async (context) => {
  const folder = await makeFolder(context);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(blocks, fc.nat(), fc.integer({ min: 1, max: 50 }), async (drafts, cut, pairsMax) => {
      const place = `${folder}/${run++}`;
      const chain = await openTestChain();
      const at = 2 + (cut % (drafts.length - 1));
      for (const transfers of drafts.slice(0, at)) await commitTransfers(chain, transfers);
      // Begun before the blocks that follow, and read while they are committed.
      const making = makeSnapshot(chain.application, place, { chunkBytes: 1_000 });
      for (const transfers of drafts.slice(at)) await commitTransfers(chain, transfers);
      const info = await making;
      assert.equal(info.height, at - 1);
      const restored = await openRestored(
        chain.dev.genesis,
        await restoreFrom(chain.dev.genesis, place, info, { pairsMax }),
      );
      while (restored.head.height < chain.application.head.height) {
        await followBlock(restored, chain.application);
        const { appHash } =
          chain.application.getBlock(restored.head.height + 1)?.header ?? chain.application.head;
        assert.deepEqual(restored.head.appHash, appHash);
      }
      assert.deepEqual(restored.head, chain.application.head);
    }),
    { numRuns: 25 },
  );
});
