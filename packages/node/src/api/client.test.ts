/** The sdk's client against the real API over a real chain in memory. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Client, createClient } from "@lhg/sdk/client/client";
import type * as Answers from "@lhg/sdk/client/types";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { verifyReceipt } from "@lhg/sdk/verify/verify-receipt";
import { verifyTrace } from "@lhg/sdk/verify/verify-trace";
import { addressOf } from "../application/testing.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { QueryResult } from "../queries/queries.ts";
import { BOX, openSampleWorld, PHONES, type SampleWorld } from "../queries/testing.ts";
import type * as Views from "../queries/views.ts";
import type { NodeStatus, StatementState } from "./service.ts";
import { startTestApi, type TestApi } from "./testing.ts";

let world: SampleWorld;
let node: TestApi;
let client: Client;
let vendor: string;
let device: string;

before(async () => {
  world = await openSampleWorld();
  node = await startTestApi({ query: world.ask });
  client = createClient({ url: node.url, retries: 0 });
  vendor = toHex(addressOf(world.vendor));
  device = toHex(addressOf(world.device));
});
after(() => node.api.stop());

/** Both sides write their types down; this compiles only where they say the same. */
type Same<A, B> = [A, B] extends [B, A] ? true : never;
function assertSame<A, B>(_same: Same<A, B>): void {}

test("the client's types are the node's", () => {
  assertSame<Answers.Account, Readonly<Views.AccountView>>(true);
  assertSame<Answers.Vendor, Readonly<Views.VendorView>>(true);
  assertSame<Answers.Device, Readonly<Views.DeviceView>>(true);
  assertSame<Answers.DeviceStream, Readonly<Views.StreamView>>(true);
  assertSame<Answers.Collection, Readonly<Views.CollectionView>>(true);
  assertSame<Answers.BlockSummary, Readonly<Views.BlockSummary>>(true);
  assertSame<Answers.EventSummary, Readonly<Views.EventSummary>>(true);
  assertSame<Answers.Event, Readonly<Views.EventView>>(true);
  assertSame<Answers.Item, Readonly<Views.ItemView>>(true);
  assertSame<Answers.Trace, Readonly<Views.TraceView>>(true);
  assertSame<Answers.Validators, Readonly<Views.ValidatorsView>>(true);
  assertSame<Answers.Group, Readonly<Views.GroupView>>(true);
  assertSame<Answers.HistoryProof, Readonly<Views.HistoryProofView>>(true);
  assertSame<Answers.PartitionInfo, Readonly<Views.PartitionView>>(true);
  assertSame<Answers.Consistency, Readonly<Views.ConsistencyView>>(true);
  assertSame<Answers.Holder, Readonly<QueryResult<"getHolder">>>(true);
  assertSame<Answers.NodeStatus, NodeStatus>(true);
  assertSame<Answers.StatementState, StatementState & { readonly id: string }>(true);
});

describe("the client asks everything", () => {
  test("statements, blocks and their proofs", async () => {
    const { items } = await client.listStatements({ kind: "capture", limit: 2 });
    assert.equal(items.length, 2);
    const statement = await client.getStatement(world.ids.packing, { proof: true });
    assert.equal(statement.proof?.kind, "receipt");
    assert.equal((await client.getBlock(statement.height)).height, statement.height);
    assert.equal((await client.getActivity(2)).eventsTotal, 2);
    assert.equal((await client.listBlocks({ limit: 1 })).items.length, 1);
    const trust = trustFromGenesis(world.chain.dev.genesis);
    const { bytes, height } = await client.getReceipt(world.ids.packing, { event: 1 });
    assert.equal(height, 4);
    assert.ok(verifyReceipt(bytes, trust, sodiumCrypto).ok);
    assert.ok(
      verifyReceipt((await client.getEventReceipt(`${world.ids.packing}:0`)).bytes, trust, sodiumCrypto).ok,
    );
    assert.ok((await client.getDocument(world.ids.packing)).length > 100);
  });

  test("accounts, vendors, devices, streams, collections", async () => {
    assert.ok((await client.getAccount(vendor, { proof: true })).proof);
    assert.equal((await client.getVendor(vendor)).nextCaptureSeq, 2);
    assert.equal((await client.listVendors()).items.length, 2);
    assert.equal((await client.getHolder(PHONES[0])).vendor.vendor, vendor);
    assert.equal((await client.getDevice(device)).vendor, vendor);
    assert.equal((await client.listDevices(vendor)).items.length, 1);
    assert.equal((await client.getStream(device, 0)).headSeq, 2);
    assert.equal((await client.listStreams(device)).items.length, 2);
    const { items } = await client.listCollections(device);
    assert.equal((await client.getCollection(items[0]!.id)).readings.length, 2);
  });

  test("events, items, traces and their bundles", async () => {
    const { items } = await client.listEvents({ item: PHONES[0], bizStep: "inspecting" });
    assert.equal((await client.getEvent(items[0]!.id)).source?.[0], "{");
    assert.equal((await client.getItem(BOX)).children.aggregation, 2);
    assert.equal((await client.listItemChildren(BOX)).items.length, 2);
    assert.equal((await client.listItemEvents(BOX)).items.length, 2);
    const options = { direction: "back", observations: "ignore" } as const;
    assert.ok((await client.getTrace(PHONES[0], options)).steps.length > 0);
    const { bytes } = await client.getTraceBundle(PHONES[0], options);
    const trust = trustFromGenesis(world.chain.dev.genesis);
    assert.ok(verifyTrace(bytes, trust, { crypto: sodiumCrypto }).ok);
  });

  test("the chain", async () => {
    assert.equal((await client.getChain()).chainId, world.chain.application.chainId);
    assert.equal((await client.getParameters()).version, 0);
    assert.equal((await client.getValidators()).votesNeeded, 5);
    assert.equal((await client.getGroup(0)).members, 2);
    assert.equal((await client.listGroups()).items.length, 1);
    assert.equal((await client.listHistory()).items.length, 4);
    assert.equal((await client.getHistoryProof(1)).entry.height, 1);
    assert.ok((await client.getPartition("base", { proof: true })).anchor);
    assert.equal((await client.getPartition(`vendor:${vendor}`)).size, 4);
    assert.equal((await client.getConsistency("base", { log: "statements", from: 1 })).to, 6);
    assert.ok((await client.getValueProof("base", "00")).bytes.length > 0);
  });

  test("errors keep code and field", async () => {
    await assert.rejects(client.getVendor("00".repeat(20)), { code: "vendor.not-found", field: "vendor" });
    await assert.rejects(client.listBlocks({ cursor: "AAAA" }), { code: "cursor.invalid", field: "cursor" });
    await assert.rejects(client.getItem("no uri"), { code: "identity.uri", field: "id" });
    const nowhere = createClient({ url: "http://127.0.0.1:1", retries: 0 });
    await assert.rejects(nowhere.getStatus(), { code: "client.unreachable" });
    assert.throws(() => createClient({ url: "ftp://node" }), LhgError);
  });
});

describe("submitting", () => {
  test("results of one and of many come back in order", async () => {
    const refusal = { state: "refused", code: "a.b", field: "c", message: "d" } as const;
    node.service.submit = async (submissions) =>
      submissions.map(({ length }) =>
        length > 5 ? { id: "02", ...refusal } : { id: String(length), state: "accepted" },
      );
    // [h'', null] and [h'01', null] are submissions of 3 and 4 bytes; the node's word on them is faked.
    const small = Uint8Array.of(0x82, 0x41, 1, 0xf6);
    const large = Uint8Array.of(0x82, 0x43, 1, 2, 3, 0xf6);
    assert.deepEqual(await client.submit(small), { id: "4", state: "accepted" });
    assert.deepEqual(await client.submit(large), { id: "02", ...refusal });
    const batch = Array.from({ length: 1_201 }, (_, i) => (i % 2 === 0 ? small : large));
    const results = await client.submitMany(batch);
    assert.equal(results.length, 1_201);
    assert.deepEqual(results[1], { id: "02", ...refusal });
    assert.deepEqual(await client.submitMany([]), []);
  });

  test("waiting ends where the statement is, or with the last state seen", async () => {
    const states: StatementState[] = [
      { state: "unknown" },
      { state: "pending" },
      { state: "committed", height: 3, status: "ok" },
      { state: "provable", height: 3, status: "ok" },
    ];
    let asked = 0;
    node.service.statementState = async () => states[Math.min(asked++, 3)]!;
    const id = "ab".repeat(32);
    assert.equal((await client.waitFor(id)).state, "committed");
    assert.equal((await client.waitFor(id, { until: "provable" })).state, "provable");
    node.service.statementState = async () => ({ state: "pending" });
    assert.equal((await client.waitFor(id, { timeoutMs: 30 })).state, "pending");
  });
});

describe("the stream", () => {
  test("tells blocks with their statements and events, filtered, and goes on after a break", async () => {
    node.announce({ height: 4, provableHeight: 3, timeMs: 0, isWorking: true, executed: [] });
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const message of client.stream({ after: 1, vendor, signal: abort.signal })) {
      seen.push(message.type === "block" ? `block ${message.data.height}` : message.type);
      if (seen.at(-1) === "block 4") abort.abort();
    }
    const twoEvents = ["event", "event"];
    const statements = (count: number): string[] => Array.from({ length: count }, () => "statement");
    assert.deepEqual(seen, [
      ...statements(4),
      ...twoEvents,
      "block 2",
      ...statements(1),
      ...twoEvents,
      "block 3",
      ...statements(1),
      "block 4",
    ]);
  });

  test("a new listener hears the next block only", async () => {
    const abort = new AbortController();
    const stream = client.stream({ types: ["block"], signal: abort.signal });
    const next = stream.next();
    // Again and again, since nobody says when the listener is there.
    const update = { height: 5, provableHeight: 4, timeMs: 0, isWorking: false, executed: [] };
    const announcing = setInterval(() => node.announce(update), 5);
    const { value } = await next;
    clearInterval(announcing);
    assert.equal(value?.type === "block" && value.data.height, 5);
    abort.abort();
    assert.equal((await stream.next()).done, true);
  });

  test("a bad filter is refused, not retried", async () => {
    const stream = client.stream({ item: "no uri" });
    await assert.rejects(stream.next(), { code: "identity.uri", field: "item" });
  });
});
