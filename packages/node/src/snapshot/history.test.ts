/** What a node that began with a snapshot can be asked. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import type { LedgerApplication } from "../application/application.ts";
import { createQueryContext } from "../application/query-context.ts";
import { addressOf } from "../application/testing.ts";
import { indexPair } from "../queries/indexes.ts";
import { type QueryArgs, type QueryName, type QueryResult, queries } from "../queries/queries.ts";
import { BOX, openSampleWorld, PHONES, type SampleWorld } from "../queries/testing.ts";
import { followBlock, makeFolder, openRestored, restoreFrom, takeSnapshot } from "./testing.ts";

let world: SampleWorld;
let restored: LedgerApplication;

before(async (context) => {
  world = await openSampleWorld();
  const { chain } = world;
  const folder = await makeFolder(context as never);
  const { info } = await takeSnapshot(chain.application, folder);
  const store = await restoreFrom(chain.dev.genesis, folder, info, { indexPair });
  restored = await openRestored(chain.dev.genesis, store);
  await followBlock(restored, chain.application);
});

async function ask<K extends QueryName>(name: K, args: QueryArgs<K>): Promise<QueryResult<K>> {
  return (queries[name] as (context: unknown, args: unknown) => never)(createQueryContext(restored), args);
}

test("the present is there, with its proofs", async () => {
  const device = toHex(addressOf(world.device));
  const vendor = toHex(addressOf(world.vendor));
  const questions: [QueryName, object][] = [
    ["getItem", { id: PHONES[0], proof: true }],
    ["getItem", { id: BOX, proof: true }],
    ["listItemChildren", { id: BOX }],
    ["getAccount", { address: vendor, proof: true }],
    ["getVendor", { vendor }],
    ["listVendors", {}],
    ["listStreams", { device }],
    ["getStream", { device, stream: 0, proof: true }],
    ["getPartition", { partition: "items", proof: true }],
    ["getConsistency", { partition: "base", log: "statements", from: 1 }],
    ["getConsistency", { partition: `vendor:${vendor}`, log: "outcomes", from: 1 }],
    ["listHistory", {}],
    ["getHistoryProof", { height: 1 }],
    ["getValidators", {}],
    ["getTotals", {}],
    ["listGroups", {}],
  ];
  for (const [name, args] of questions)
    assert.deepEqual(await ask(name, args as never), await world.ask(name, args as never), name);
});

test("what was before the snapshot is said to be pruned", async () => {
  const device = toHex(addressOf(world.device));
  const { ids } = world;
  const height = 3;
  const questions: [QueryName, object][] = [
    ["getBlock", { height }],
    ["getActivity", { height }],
    ["listStatements", { height }],
    ["getStatement", { id: ids.transfer }],
    ["getReceipt", { id: ids.commissioning }],
    ["getDocument", { id: ids.packing }],
    ["getEvent", { id: `${ids.packing}:0` }],
    ["getCollection", { device, stream: 0, seq: 1 }],
    ["getCollection", { id: ids.collections[0] }],
    ["getTrace", { id: PHONES[0] }],
    ["getTraceBundle", { id: PHONES[0] }],
    ["listItemEvents", { id: PHONES[0] }],
  ];
  for (const [name, args] of questions)
    await assert.rejects(
      ask(name, args as never),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "history.pruned", `${name}: ${error.stack}`);
        assert.match(error.message, /blocks from 5 on/);
        return true;
      },
      name,
    );
  assert.deepEqual(
    (await ask("listBlocks", {})).items.map((block) => block.height),
    [5],
  );
  assert.deepEqual((await ask("listEvents", {})).items, []);
  assert.deepEqual((await ask("listCollections", { device })).items, []);
});
