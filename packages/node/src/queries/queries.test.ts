import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { receipt } from "@lhg/protocol/core/proof/receipt";
import { verifyHistoryProof } from "@lhg/protocol/history";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { verifyReceipt, verifyRefreshedReceipt } from "@lhg/sdk/verify/verify-receipt";
import { verifyTrace } from "@lhg/sdk/verify/verify-trace";
import { verifyValue } from "@lhg/sdk/verify/verify-value";
import fc from "fast-check";
import { addressOf } from "../application/testing.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { QueryArgs, QueryName, QueryResult } from "./queries.ts";
import { BOX, LOT, openSampleWorld, PHONES, PLACE, type SampleWorld } from "./testing.ts";

let world: SampleWorld;
let vendor: string;
let device: string;
before(async () => {
  world = await openSampleWorld();
  vendor = toHex(addressOf(world.vendor));
  device = toHex(addressOf(world.device));
});

const hexBytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const trust = () => trustFromGenesis(world.chain.dev.genesis, { hasher: sodiumCrypto });

async function refuses(code: string, question: Promise<unknown>, field?: string): Promise<void> {
  await assert.rejects(question, (error: unknown) => {
    assert.ok(error instanceof LhgError, String(error));
    assert.equal(error.code, code);
    if (field !== undefined) assert.equal(error.field, field);
    return true;
  });
}

/** All pages of a list, read with a small limit. */
async function readAll<K extends QueryName>(
  name: K,
  args: QueryArgs<K>,
  limit = 2,
): Promise<(QueryResult<K> extends { items: (infer T)[] } ? T : never)[]> {
  const out: unknown[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 100; pages++) {
    const page = (await world.ask(name, { ...args, limit, ...(cursor && { cursor }) } as never)) as {
      items: unknown[];
      next?: string;
    };
    assert.ok(page.items.length <= limit);
    out.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) return out as never;
  }
  throw new Error("the list does not end");
}

describe("blocks and statements", () => {
  test("blocks are listed newest first and found by height and hash", async () => {
    const blocks = await readAll("listBlocks", {});
    assert.deepEqual(
      blocks.map(({ height, isWorking, isProvable }) => [height, isWorking, isProvable]),
      [
        [5, false, false],
        [4, true, true],
        [3, true, true],
        [2, true, true],
        [1, true, true],
      ],
    );
    const block = await world.ask("getBlock", { height: 2, proof: true });
    assert.equal((await world.ask("getBlock", { hash: block.hash })).height, 2);
    assert.equal(block.proof?.kind, "header");
    await refuses("block.not-found", world.ask("getBlock", { height: 99 }));
    await refuses("block.not-found", world.ask("getBlock", { hash: "00".repeat(32) }));
  });

  test("a statement tells what became of it, a failed one too", async () => {
    const paid = await world.ask("getStatement", { id: world.ids.transfer });
    assert.equal(paid.status.name, "ok");
    assert.equal(paid.partition, "base");
    assert.equal(paid.notices.length, 1);
    assert.ok(paid.isProvable && paid.gasUsed > 0);
    const failed = await world.ask("getStatement", { id: world.ids.failedTransfer });
    assert.equal(failed.status.name, "token.insufficient-balance");
    await refuses("statement.not-found", world.ask("getStatement", { id: "00".repeat(32) }));
    await refuses("hex.invalid", world.ask("getStatement", { id: "zz" }), "id");
  });

  test("statements are listed newest first, of all, of a block, of a kind, of an account", async () => {
    const all = await readAll("listStatements", {});
    assert.equal(all.length, 11);
    const places = all.map(({ height, position }) => height * 100 + position);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => b - a),
    );
    assert.equal((await readAll("listStatements", { height: 2 })).length, 4);
    assert.equal((await readAll("listStatements", { kind: "capture" })).length, 3);
    const own = await readAll("listStatements", { account: vendor });
    assert.deepEqual(
      own.map(({ kind }) => kind),
      ["capture", "transaction", "capture", "transaction", "transaction", "transaction"],
    );
    assert.equal((await readAll("listStatements", { account: vendor, kind: "capture" })).length, 2);
    // The registration and the opening of a stream name the device.
    assert.equal((await readAll("listStatements", { account: device, kind: "transaction" })).length, 2);
    await refuses("query.conflict", world.ask("listStatements", { account: vendor, height: 1 }), "height");
  });

  test("a capture gives its document back", async () => {
    const { bytes, contentType } = await world.ask("getDocument", { id: world.ids.packing });
    assert.equal(contentType, "application/ld+json");
    assert.equal(JSON.parse(Buffer.from(bytes).toString()).epcisBody.eventList.length, 2);
    await refuses("document.not-found", world.ask("getDocument", { id: world.ids.transfer }));
  });

  test("the activity of a block holds its statements and events", async () => {
    const activity = await world.ask("getActivity", { height: 2 });
    assert.equal(activity.statementsTotal, 4);
    assert.equal(activity.eventsTotal, 2);
    assert.equal((await world.ask("getActivity", { height: 5 })).statements.length, 0);
  });
});

describe("accounts, vendors, devices", () => {
  test("an account, also one that nobody used", async () => {
    const found = await world.ask("getAccount", { address: vendor });
    assert.ok(found.isVendor && !found.isDevice && found.nonce === 3);
    const none = await world.ask("getAccount", { address: "01".repeat(20) });
    assert.equal(none.balance, "0");
  });

  test("vendors and their devices, with when they were last heard of", async () => {
    const vendors = await readAll("listVendors", {}, 1);
    assert.equal(vendors[0]!.vendor, vendor);
    assert.equal(vendors[0]!.nextCaptureSeq, 2);
    const [found] = await readAll("listDevices", { vendor });
    assert.equal(found?.device, device);
    assert.equal(found?.lastSeen?.statementId, world.ids.collections[1]);
    assert.equal((await world.ask("getHolder", { id: PHONES[0] })).vendor.vendor, vendor);
    await refuses("holder.not-found", world.ask("getHolder", { id: "urn:nobody:1" }));
    await refuses("vendor.not-found", world.ask("getVendor", { vendor: "00".repeat(20) }));
    await refuses("device.not-found", world.ask("getDevice", { device: vendor }));
  });

  test("streams and collections with exact readings", async () => {
    const streams = await readAll("listStreams", { device }, 1);
    assert.deepEqual(
      streams.map(({ stream, headSeq }) => [stream, headSeq]),
      [
        [0, 2],
        [3, 0],
      ],
    );
    const collections = await readAll("listCollections", { device }, 1);
    assert.deepEqual(
      collections.map(({ seq }) => seq),
      [2, 1],
    );
    assert.deepEqual(collections[1]!.readings, [
      { name: "urn:dev:1:temperature", unit: "Cel", timeMs: 1_799_999_000_250, number: "21.5" },
      { name: "urn:dev:1:door", timeMs: 1_799_999_001_250, flag: true },
    ]);
    const byPlace = await world.ask("getCollection", { device, stream: 0, seq: 1 });
    assert.equal(byPlace.id, world.ids.collections[0]);
    await refuses("collection.not-found", world.ask("getCollection", { id: world.ids.transfer }));
    await refuses("stream.not-found", world.ask("getStream", { device, stream: 9 }));
  });
});

describe("events and items", () => {
  const found = async (filter: QueryArgs<"listEvents">): Promise<number> =>
    (await readAll("listEvents", filter)).length;

  test("events are found by everything they say, newest claimed time first", async () => {
    const all = await readAll("listEvents", {});
    assert.equal(all.length, 5);
    const times = all.map(({ eventTimeMs }) => eventTimeMs);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
    );
    assert.equal(await found({ item: PHONES[0] }), 3);
    assert.equal(await found({ item: LOT }), 1);
    assert.equal(await found({ bizStep: "packing" }), 1);
    assert.equal(await found({ bizStep: "https://ref.gs1.org/cbv/BizStep-packing" }), 1);
    assert.equal(await found({ bizStep: "urn:epcglobal:cbv:bizstep:packing" }), 1);
    assert.equal(await found({ bizStep: "https://example.com/steps/packing" }), 0);
    for (const field of ["bizStep", "disposition"])
      await assert.rejects(found({ [field]: "unknownword" }), { code: "epcis.term", field });
    assert.equal(await found({ disposition: "conformant" }), 1);
    assert.equal(await found({ readPoint: PLACE }), 2);
    assert.equal(await found({ vendor }), 4);
    assert.equal(await found({ type: "ObjectEvent", vendor }), 2);
    assert.equal(await found({ type: "ObjectEvent", action: "OBSERVE" }), 3);
    assert.equal(await found({ item: PHONES[0], readPoint: PLACE, bizStep: "inspecting" }), 1);
    assert.equal(await found({ item: PHONES[1], bizStep: "inspecting" }), 0);
  });

  test("claimed times bound the search, both inclusive", async () => {
    const [newest, , middle] = await readAll("listEvents", {});
    const fromMs = middle!.eventTimeMs;
    const untilMs = newest!.eventTimeMs;
    assert.equal(await found({ fromMs }), 3);
    assert.equal(await found({ untilMs: fromMs }), 3);
    assert.equal(await found({ fromMs, untilMs: fromMs }), 1);
    assert.equal(await found({ fromMs: untilMs + 1 }), 0);
  });

  test("an event is found by its aliases and shows its own bytes", async () => {
    const alias = "urn:uuid:00000000-0000-4000-8000-000000000001";
    const [byName] = (await world.ask("listEvents", { alias })).items;
    const [byHash] = (await world.ask("listEvents", { alias: byName!.hash })).items;
    assert.equal(byName?.id, `${world.ids.commissioning}:1`);
    assert.equal(byHash?.id, byName?.id);
    const event = await world.ask("getEvent", { id: byName!.id });
    assert.equal(JSON.parse(event.source!).eventID, alias);
    await refuses("query.conflict", world.ask("listEvents", { alias, vendor }), "vendor");
    await refuses("event.not-found", world.ask("getEvent", { id: `${world.ids.packing}:9` }));
    await refuses("event.not-found", world.ask("getEvent", { id: `${world.ids.transfer}:0` }));
    await refuses("event.id", world.ask("getEvent", { id: "x:0" }), "id");
    await refuses("identity.uri", world.ask("listEvents", { item: "no uri" }), "item");
  });

  test("an item: custody, containers, contents, logs", async () => {
    const phone = await world.ask("getItem", { id: PHONES[0] });
    assert.equal(phone.custodian, vendor);
    assert.deepEqual(
      phone.containers.map(({ identity }) => identity),
      [BOX],
    );
    assert.equal(phone.commissioned, `${world.ids.commissioning}:0`);
    const inBox = await readAll("listItemChildren", { id: BOX }, 1);
    assert.deepEqual(inBox.map(({ identity }) => identity).sort(), [...PHONES]);
    assert.equal((await readAll("listItemEvents", { id: PHONES[0] })).length, 3);
    const observed = await readAll("listItemEvents", { id: PHONES[1], log: "observations" });
    assert.equal(observed[0]?.event.id, `${world.ids.selling}:0`);
    await refuses("item.not-found", world.ask("getItem", { id: "urn:nobody:1" }));
  });

  test("a trace leads from the phone back to the lot", async () => {
    const trace = await world.ask("getTrace", { id: PHONES[0], direction: "back" });
    assert.ok(trace.items.some(({ identity }) => identity === LOT));
    assert.ok(trace.steps.some(({ event }) => event.id === `${world.ids.commissioning}:0`));
    assert.equal((await world.ask("getTrace", { id: "urn:nobody:1" })).steps.length, 0);
    await refuses("limit.range", world.ask("getTrace", { id: BOX, maxEvents: 1_000_000 }), "maxEvents");
  });
});

describe("the chain", () => {
  test("rules, validators and groups", async () => {
    const chain = await world.ask("getChain", {});
    assert.equal(chain.chainId, world.chain.application.chainId);
    const validators = await world.ask("getValidators", {});
    assert.equal(validators.current.validators.length, 7);
    assert.equal(validators.approvalsNeeded, 4);
    assert.equal(validators.votesNeeded, 5);
    assert.equal((await world.ask("getParameters", {})).parameters.gasPriceMin, "1");
    const [group] = await readAll("listGroups", {});
    assert.equal(group?.members, 2);
    await refuses("group.not-found", world.ask("getGroup", { group: 5 }));
  });

  test("history and consistency", async () => {
    const history = await readAll("listHistory", {});
    assert.deepEqual(
      history.map(({ height }) => height),
      [4, 3, 2, 1],
    );
    const proof = await world.ask("getHistoryProof", { height: 2 });
    assert.equal(proof.entry.height, 2);
    const confirmed = verifyHistoryProof(sodiumCrypto, trust(), hexBytes(proof.proof.bytes));
    assert.equal(toHex(confirmed.appHash), proof.entry.previousAppHash);
    const grown = await world.ask("getConsistency", { partition: "base", log: "outcomes", from: 5 });
    assert.equal(grown.to, 6);
    await refuses(
      "log.size-invalid",
      world.ask("getConsistency", { partition: "base", log: "outcomes", from: 7 }),
      "from",
    );
    await refuses("partition.invalid", world.ask("getPartition", { partition: "moon" }), "partition");
    await refuses(
      "partition.not-found",
      world.ask("getPartition", { partition: `vendor:${"00".repeat(20)}` }),
    );
  });
});

describe("proofs", () => {
  test("every statement's receipt verifies, and bears the outcome", async () => {
    for (const { id, status } of await readAll("listStatements", {})) {
      const { bytes, height } = await world.ask("getReceipt", { id });
      const verdict = verifyReceipt(bytes, trust(), sodiumCrypto);
      assert.ok(verdict.ok, JSON.stringify(verdict));
      assert.equal(verdict.statementId, id);
      assert.equal(verdict.status, status.name);
      assert.equal(height, 4);
    }
  });

  test("an archived receipt is refreshed, whatever its own signatures are worth by now", async () => {
    const fresh = await openSampleWorld();
    const pinned = trustFromGenesis(fresh.chain.dev.genesis, { hasher: sodiumCrypto });
    const { bytes } = await fresh.ask("getReceipt", { id: fresh.ids.packing, event: 0 });
    const archived = verifyReceipt(bytes, pinned, sodiumCrypto);
    assert.ok(archived.ok);
    for (let amount = 1n; amount <= 3n; amount++)
      await fresh.chain.commit([
        fresh.chain.transaction(fresh.vendor, [
          { type: "token.transfer", body: { to: addressOf(fresh.device), amount } },
        ]),
      ]);
    const history = async (height: number) =>
      hexBytes((await fresh.ask("getHistoryProof", { height })).proof.bytes);
    const proof = await history(archived.height);
    const lapsed = decode(receipt, bytes);
    const leaked = encode(receipt, {
      ...lapsed,
      anchor: { ...lapsed.anchor, header: { ...lapsed.anchor.header, certificate: new Uint8Array([0]) } },
    });
    assert.ok(!verifyReceipt(leaked, pinned, sodiumCrypto).ok);
    for (const subject of [bytes, leaked]) {
      const refreshed = verifyRefreshedReceipt(subject, proof, pinned, sodiumCrypto);
      assert.ok(refreshed.ok, JSON.stringify(refreshed));
      assert.ok(refreshed.height > archived.height);
      assert.deepEqual(refreshed.event, archived.event);
    }
    const early = verifyRefreshedReceipt(bytes, await history(archived.height - 1), pinned, sodiumCrypto);
    assert.ok(!early.ok && early.code === "anchor.partition", JSON.stringify(early));
    const other = verifyRefreshedReceipt(bytes, proof, { ...pinned, chainId: "lhg-other" }, sodiumCrypto);
    assert.ok(!other.ok && other.code === "header.chain", JSON.stringify(other));
    for (let i = 0; i < proof.length; i++) {
      const forged = Uint8Array.from(proof);
      forged[i]! ^= 1 << (i % 8);
      assert.ok(!verifyRefreshedReceipt(bytes, forged, pinned, sodiumCrypto).ok, `byte ${i}`);
    }
  });

  test("every event's receipt opens that event", async () => {
    for (const { id } of await readAll("listEvents", {})) {
      const event = await world.ask("getEvent", { id, proof: true });
      const verdict = verifyReceipt(hexBytes(event.proof!.bytes), trust(), sodiumCrypto);
      assert.ok(verdict.ok && verdict.event !== undefined, JSON.stringify(verdict));
    }
    await refuses("event.not-found", world.ask("getReceipt", { id: world.ids.packing, event: 2 }), "index");
    await refuses("event.not-found", world.ask("getReceipt", { id: world.ids.transfer, event: 0 }), "index");
  });

  test("values are proven at the provable height, absent ones too", async () => {
    const answers = [
      await world.ask("getAccount", { address: vendor, proof: true }),
      await world.ask("getAccount", { address: "01".repeat(20), proof: true }),
      await world.ask("getVendor", { vendor, proof: true }),
      await world.ask("getDevice", { device, proof: true }),
      await world.ask("getStream", { device, stream: 0, proof: true }),
      await world.ask("getItem", { id: BOX, proof: true }),
    ];
    for (const { proof, height } of answers) {
      assert.equal(height, 4);
      const verdict = verifyValue(hexBytes(proof!.bytes), trust(), sodiumCrypto);
      assert.ok(verdict.ok, JSON.stringify(verdict));
    }
    const { bytes } = await world.ask("getValueProof", { partition: "base", key: "00" });
    const absent = verifyValue(bytes, trust(), sodiumCrypto);
    assert.ok(absent.ok && absent.value === null);
    await refuses("hex.invalid", world.ask("getValueProof", { partition: "base", key: "0" }), "key");
  });

  test("a trace bundle verifies and is complete", async () => {
    const { bytes } = await world.ask("getTraceBundle", { id: PHONES[0], direction: "back" });
    const verdict = verifyTrace(bytes, trust(), { crypto: sodiumCrypto });
    assert.ok(verdict.ok, JSON.stringify(verdict));
    assert.ok(verdict.isComplete);
  });

  test("what is committed and not yet provable says so", async () => {
    const fresh = await openSampleWorld();
    const transfer = fresh.chain.transaction(fresh.vendor, [
      { type: "token.transfer", body: { to: addressOf(fresh.device), amount: 1n } },
    ]);
    const { executed } = await fresh.chain.commit([transfer]);
    const id = toHex(executed[0]!.id);
    assert.equal((await fresh.ask("getStatement", { id })).isProvable, false);
    await refuses("proof.not-yet", fresh.ask("getReceipt", { id }), "id");
    await fresh.chain.commit([]);
    assert.ok(
      verifyReceipt((await fresh.ask("getReceipt", { id })).bytes, trustFromGenesis(fresh.chain.dev.genesis))
        .ok,
    );
  });
});

describe("cursors", () => {
  test("one of another list, or a changed one, is refused", async () => {
    const { next } = await world.ask("listStatements", { limit: 1 });
    assert.ok(next !== undefined);
    await refuses("cursor.invalid", world.ask("listStatements", { limit: 1, kind: "capture", cursor: next }));
    await refuses("cursor.invalid", world.ask("listBlocks", { cursor: next }));
    await refuses("cursor.invalid", world.ask("listEvents", { cursor: next }), "cursor");
    for (let at = 0; at < 12; at++) {
      const broken = `${next.slice(0, at)}${next[at] === "A" ? "B" : "A"}${next.slice(at + 1)}`;
      await refuses("cursor.invalid", world.ask("listStatements", { limit: 1, cursor: broken }));
    }
  });

  test("whatever is sent as a cursor, an id or a limit is answered or refused, and breaks nothing", async () => {
    const text = fc.string({ maxLength: 60 });
    const { next } = await world.ask("listStatements", { limit: 1 });
    const cursor = fc.oneof(
      text,
      fc.base64String({ maxLength: 60 }),
      fc.nat(40).map((cut) => next!.slice(0, cut)),
    );
    const questions: fc.Arbitrary<readonly [QueryName, object]>[] = [
      cursor.map((value) => ["listStatements", { cursor: value }] as const),
      cursor.map((value) => ["listEvents", { cursor: value, alias: "urn:a:b" }] as const),
      cursor.map((value) => ["listBlocks", { cursor: value }] as const),
      fc.double().map((limit) => ["listBlocks", { limit }] as const),
      text.map((id) => ["getItem", { id }] as const),
      text.map((id) => ["getTraceBundle", { id }] as const),
      text.map((id) => ["getEvent", { id }] as const),
      text.map((id) => ["getReceipt", { id }] as const),
      text.map((partition) => ["getPartition", { partition }] as const),
      fc.integer().map((from) => ["getConsistency", { partition: "base", log: "outcomes", from }] as const),
      fc.maxSafeNat().map((height) => ["getHistoryProof", { height }] as const),
      text.map((bizStep) => ["listEvents", { bizStep }] as const),
      fc.maxSafeInteger().map((fromMs) => ["listEvents", { fromMs, untilMs: fromMs }] as const),
    ];
    await fc.assert(
      fc.asyncProperty(fc.oneof(...questions), async ([name, args]) => {
        try {
          await world.ask(name, args as never);
        } catch (error) {
          assert.ok(error instanceof LhgError, String((error as Error).stack));
        }
      }),
      { numRuns: 300 },
    );
  });
});
