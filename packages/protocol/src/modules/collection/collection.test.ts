import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { equalBytes, toHex, ZERO32 } from "../../core/bytes.ts";
import { Inadmissible } from "../../core/module.ts";
import { registrationAction } from "../identity/identity.ts";
import { type CollectResult, ModuleHarness, type TestAccount } from "../testing.ts";
import { getCredits } from "../token/token.ts";
import { collectionDerivedKey, computeCollectionCost } from "./collection.ts";
import type { Collection } from "./messages.ts";
import {
  advanceStream,
  checkFillId,
  emptyStream,
  GAPS_MAX,
  getStream,
  placeCollection,
  SEQ_AHEAD_MAX,
  type Stream,
} from "./streams.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

function openHarness(credits = 100_000) {
  const harness = new ModuleHarness(sha256);
  const [vendor, other] = harness.vendors as [TestAccount, TestAccount];
  const device = harness.account("device");
  const registration = {
    key: device.signer.publicKey,
    model: "m",
    capabilities: [],
    creditsPerDayMax: null,
  };
  const [consent] = harness.approve(
    "identity.register-device",
    registrationAction(vendor.address, registration),
    [device],
  );
  harness.send(vendor, "identity.register-device", { ...registration, consent: consent! });
  if (credits > 0) harness.send(vendor, "token.buy-credit", { vendor: vendor.address, credits });
  const collect = (
    seq: number,
    prevId: Uint8Array,
    over: Partial<Collection> = {},
    by = device,
  ): CollectResult => harness.collect(by.signer, { device: device.address, seq, prevId, ...over });
  const told = ({ status, field, notYet }: CollectResult) => [status, field, notYet];
  const stream = (number = 0): Stream => getStream(harness.state, vendor.address, device.address, number)!;
  return { harness, vendor, other, device, collect, told, stream };
}

/** Ids of a device's collections that are not sent yet, in order: what later ones name as their predecessors. */
function chainOf(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(1, i)));
}

const OK = ["ok", "", undefined];

test("collections follow each other by id; a fork, a used and a zero sequence are refused for good", () => {
  const { harness, collect, told, stream, device } = openHarness();
  const first = collect(1, ZERO32);
  assert.deepEqual(told(first), OK);
  assert.deepEqual(harness.state.getDerived(collectionDerivedKey(device.address, 0, 1)), first.id);
  const second = collect(2, first.id);
  assert.deepEqual(told(second), OK);
  assert.deepEqual(told(collect(3, first.id)), ["collection.fork", "collection.prevId", false]);
  assert.deepEqual(told(collect(2, first.id)), ["collection.sequence-used", "collection.seq", false]);
  assert.deepEqual(told(collect(0, ZERO32)), ["collection.sequence", "collection.seq", false]);
  const { headSeq, headId, collections, readings, gaps } = stream();
  assert.deepEqual([headSeq, toHex(headId), collections, readings, gaps], [2, toHex(second.id), 2, 2, []]);
});

test("an early collection leaves a gap with both its edges, which fills downward by exactly what is missing", () => {
  const { collect, told, stream } = openHarness();
  const first = collect(1, ZERO32);
  // Signed elsewhere before they are sent: 2, 3 and 4, so that 5 can name 4.
  const rehearsal = openHarness();
  const ids = [rehearsal.collect(1, ZERO32).id];
  for (const seq of [2, 3, 4]) ids.push(rehearsal.collect(seq, ids.at(-1)!).id);
  assert.deepEqual(ids[0], first.id);
  const fifth = collect(5, ids[3]!);
  assert.deepEqual(told(fifth), OK);
  assert.deepEqual(stream().gaps, [{ from: 2, to: 4, lowerId: ids[0], upperId: ids[3] }]);
  assert.deepEqual(told(collect(2, ids[0]!)), ["collection.fill-order", "collection.seq", true]);
  assert.deepEqual(told(collect(4, ids[1]!)), ["collection.fork", "collection", false]);
  assert.deepEqual(told(collect(4, ids[2]!)), OK);
  assert.deepEqual(stream().gaps, [{ from: 2, to: 3, lowerId: ids[0], upperId: ids[2] }]);
  assert.deepEqual(told(collect(4, ids[2]!)), ["collection.sequence-used", "collection.seq", false]);
  assert.deepEqual(told(collect(3, ids[1]!)), OK);
  assert.deepEqual(told(collect(2, fifth.id)), ["collection.fork", "collection.prevId", false]);
  assert.deepEqual(told(collect(2, ids[0]!)), OK);
  assert.deepEqual(stream().gaps, []);
  assert.deepEqual([stream().headSeq, stream().collections], [5, 5]);
});

test("at most 1024 ahead, at most 16 gaps; a filled one makes room", () => {
  const { collect, told, stream } = openHarness();
  assert.deepEqual(told(collect(SEQ_AHEAD_MAX + 1, ZERO32)), [
    "collection.sequence-ahead",
    "collection.seq",
    true,
  ]);
  const fill = new Uint8Array(32).fill(1);
  for (let i = 1; i <= GAPS_MAX; i++) assert.deepEqual(told(collect(2 * i, fill)), OK);
  assert.equal(stream().gaps.length, GAPS_MAX);
  assert.deepEqual(told(collect(2 * GAPS_MAX + 2, fill)), ["collection.gaps", "collection.seq", true]);
  assert.deepEqual(told(collect(2 * GAPS_MAX + 1, stream().headId)), OK, "the next one makes no gap");
  assert.deepEqual(told(collect(2 * GAPS_MAX + 1 + SEQ_AHEAD_MAX, fill)), [
    "collection.gaps",
    "collection.seq",
    true,
  ]);
});

test("the furthest sequence does not end a stream for others", () => {
  const { harness, vendor, device, collect, told, stream } = openHarness();
  assert.deepEqual(told(collect(SEQ_AHEAD_MAX, sha256(Uint8Array.of(9)))), OK);
  assert.deepEqual(told(collect(0xffffffff, ZERO32)), ["collection.sequence-ahead", "collection.seq", true]);
  const open = (number: number, afterStream: number, lastId: Uint8Array, by = vendor) => {
    const body = { device: device.address, stream: number, afterStream, lastId };
    const { status, field } = harness.send(by, "collection.open-stream", body);
    return [status, field];
  };
  assert.deepEqual(open(1, 0, stream().headId, harness.vendors[1]!), ["identity.device-unknown", "device"]);
  assert.deepEqual(open(0, 0, stream().headId), ["collection.stream-exists", "stream"]);
  assert.deepEqual(open(1, 7, stream().headId), ["collection.stream-unknown", "afterStream"]);
  assert.deepEqual(open(1, 0, ZERO32), ["collection.stream-unknown", "lastId"]);
  assert.deepEqual(open(1, 0, stream().headId), ["ok", ""]);
  assert.deepEqual(open(1, 0, stream().headId), ["collection.stream-exists", "stream"]);
  assert.deepEqual(open(2, 1, stream().headId), ["collection.stream-unknown", "lastId"]);
  assert.deepEqual(open(2, 1, ZERO32), ["ok", ""]);
  assert.deepEqual(stream(1).continues, { stream: 0, lastId: stream().headId });
  assert.deepEqual(told(collect(1, ZERO32, { stream: 1 })), OK);
  assert.deepEqual(told(collect(1, ZERO32, { stream: 3 })), [
    "collection.stream",
    "collection.stream",
    false,
  ]);
});

test("whose collection it is: chain, device, vendor and key", () => {
  const { harness, vendor, other, device, collect, told } = openHarness();
  assert.deepEqual(told(collect(1, ZERO32, { chainId: "test-99999999" })), [
    "statement.chain",
    "collection.chainId",
    false,
  ]);
  assert.deepEqual(told(collect(1, ZERO32, { device: other.address })), [
    "device.unknown",
    "collection.device",
    false,
  ]);
  assert.deepEqual(told(collect(1, ZERO32, {}, vendor)), ["statement.key", "statement.protected.kid", false]);
  const approvals = harness.approve("identity.expel-vendor", [vendor.address, 1]);
  harness.send(other, "identity.expel-vendor", { vendor: vendor.address, version: 1, approvals });
  assert.deepEqual(told(collect(1, ZERO32)), ["vendor.not-admitted", "collection.device", false]);
  assert.equal(getStream(harness.state, vendor.address, device.address, 0)!.headSeq, 0);
});

test("a former key fills gaps and nothing else; so does a revoked one, from its height on", () => {
  const { harness, vendor, device, collect, told, stream } = openHarness();
  const rehearsal = openHarness();
  const first = rehearsal.collect(1, ZERO32);
  const second = rehearsal.collect(2, first.id);
  collect(3, second.id);
  const fresh = harness.account("fresh");
  harness.send(vendor, "identity.rotate-device-key", {
    device: device.address,
    key: fresh.signer.publicKey,
  });
  assert.deepEqual(told(collect(4, stream().headId)), [
    "device.key-rotated",
    "statement.protected.kid",
    false,
  ]);
  assert.deepEqual(told(collect(2, first.id)), OK);
  assert.deepEqual(told(collect(4, stream().headId, {}, fresh)), OK);
  assert.deepEqual(told(collect(6, sha256(Uint8Array.of(5)), {}, fresh)), OK);
  const fromHeight = harness.height + 3;
  harness.send(vendor, "identity.revoke-device", { device: device.address, fromHeight });
  assert.equal(harness.height + 1, fromHeight - 1);
  assert.deepEqual(told(collect(7, stream().headId, {}, fresh)), OK, "the height before");
  assert.deepEqual(told(collect(8, stream().headId, {}, fresh)), [
    "device.revoked",
    "collection.device",
    false,
  ]);
  assert.deepEqual(told(collect(1, ZERO32)), OK, "a former key of a revoked device");
});

test("size and number of readings are bounded by parameters", () => {
  const { harness, collect, told } = openHarness();
  const { collectionReadingsMax } = harness.genesis.parameters;
  const many = Array.from({ length: collectionReadingsMax + 1 }, () => ({ n: "a", vb: true }));
  assert.deepEqual(told(collect(1, ZERO32, { readings: many })), [
    "collection.readings",
    "collection.readings",
    false,
  ]);
  const large = Array.from({ length: 20 }, () => ({ n: "a", vs: "x".repeat(16_000) }));
  assert.deepEqual(told(collect(1, ZERO32, { readings: large })), ["statement.oversize", "statement", false]);
});

test("credit and the daily limit are waited for; a new day counts anew", () => {
  const poor = openHarness(0);
  if (getCredits(poor.harness.state, poor.vendor.address) === 0)
    assert.deepEqual(poor.told(poor.collect(1, ZERO32)), ["credit.insufficient", "collection", true]);
  const { harness, vendor, device, collect, told, stream } = openHarness();
  const before = getCredits(harness.state, vendor.address);
  const first = collect(1, ZERO32);
  const cost = before - getCredits(harness.state, vendor.address);
  assert.ok(cost > 0 && cost >= computeCollectionCost(harness.genesis.parameters, 1, 0));
  const creditsPerDayMax = 2 * cost;
  harness.send(vendor, "identity.limit-device", { device: device.address, creditsPerDayMax });
  const second = collect(2, first.id);
  assert.deepEqual(told(second), OK);
  assert.deepEqual(told(collect(3, second.id)), ["device.rate", "collection.device", true]);
  harness.skipDays(1);
  assert.deepEqual(told(collect(3, second.id)), OK);
  assert.equal(stream().headSeq, 3);
});

test("what a pack says wrongly fails the collection, which keeps its sequence and its cost", () => {
  const { harness, vendor, collect, told, stream } = openHarness();
  const before = getCredits(harness.state, vendor.address);
  const one = { mantissa: 1n, exponent: 0 };
  const relative = collect(1, ZERO32, { readings: [{ n: "a", v: one, t: one }] });
  assert.deepEqual(told(relative), ["collection.time-relative", "collection.readings[0].t", undefined]);
  const nameless = collect(2, relative.id, { readings: [{ v: one, t: { mantissa: 17n, exponent: 8 } }] });
  assert.equal(nameless.status, "collection.pack-invalid");
  assert.match(nameless.field, /^collection\.readings\[0\]/);
  assert.equal(stream().headSeq, 2);
  assert.ok(getCredits(harness.state, vendor.address) < before);
});

test("model: a stream is what was placed, whatever order collections come in", () => {
  const LENGTH = 40;
  const ids = chainOf(LENGTH + 1);
  const idOf = (seq: number): Uint8Array => (seq === 0 ? ZERO32 : ids[seq]!);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: LENGTH }), { maxLength: 120 }), (order) => {
      let stream = emptyStream(new Uint8Array(20));
      const placed = new Set<number>();
      for (const seq of order) {
        const body = { seq, prevId: idOf(seq - 1), readings: [{}] } as unknown as Collection;
        try {
          const placement = placeCollection(stream, body);
          checkFillId(stream, placement, idOf(seq));
          stream = advanceStream(stream, placement, body, idOf(seq));
          placed.add(seq);
        } catch (refusal) {
          if (!(refusal instanceof Inadmissible)) throw refusal;
          if (!refusal.notYet) assert.ok(placed.has(seq), `${seq} was refused with ${refusal.code}`);
        }
        const head = Math.max(0, ...placed);
        assert.deepEqual([stream.headSeq, toHex(stream.headId)], [head, toHex(idOf(head))]);
        assert.equal(stream.collections, placed.size);
        assert.ok(stream.gaps.length <= GAPS_MAX);
        const missing = new Set<number>();
        for (const { from, to, lowerId, upperId } of stream.gaps) {
          for (let at = from; at <= to; at++) missing.add(at);
          assert.ok(equalBytes(lowerId, idOf(from - 1)) && equalBytes(upperId, idOf(to)));
        }
        for (let at = 1; at <= head; at++) assert.equal(missing.has(at), !placed.has(at));
      }
    }),
    { numRuns: 200 },
  );
});
