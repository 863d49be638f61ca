import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { hourText, type TestEvent, TraceHarness } from "./testing.ts";
import {
  classOf,
  OBSERVATIONS_FOLLOW,
  OBSERVATIONS_IGNORE,
  TRACE_BACK,
  TRACE_BOTH,
  TRACE_FORWARD,
  type TraceResult,
} from "./trace-query.ts";

const sha256 = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

const epc = (serial: number | string, company = "0614141") => `urn:epc:id:sgtin:${company}.107346.${serial}`;
const sscc = (n: number) => `urn:epc:id:sscc:0614141.123456789${n}`;
const lot = (name: string) => `urn:epc:class:lgtin:0614141.107346.${name}`;

/** Events bear their hour as bizStep too, so that a trace reads as a list of names. */
function event(hour: number, type: string, fields: TestEvent): TestEvent {
  const bizStep = `https://example.org/${hour}`;
  return { type, eventTime: hourText(hour), eventTimeZoneOffset: "+00:00", bizStep, ...fields };
}
const object = (hour: number, action: string, epcList: readonly string[], more: TestEvent = {}) =>
  event(hour, "ObjectEvent", { action, epcList, ...more });
const aggregate = (
  hour: number,
  action: string,
  parentID: string,
  childEPCs: readonly string[],
  more: TestEvent = {},
) => event(hour, "AggregationEvent", { action, parentID, childEPCs, ...more });
const transform = (
  hour: number,
  inputEPCList: readonly string[],
  outputEPCList: readonly string[],
  more: TestEvent = {},
) =>
  event(hour, "TransformationEvent", {
    ...(inputEPCList.length > 0 ? { inputEPCList } : {}),
    ...(outputEPCList.length > 0 ? { outputEPCList } : {}),
    ...more,
  });
const retract = (value: TestEvent) => ({
  ...value,
  errorDeclaration: { declarationTime: "2026-03-01T00:00:00Z", reason: "did_not_occur" },
});

function setUp(...events: readonly TestEvent[]) {
  const harness = new TraceHarness(sha256);
  const alice = harness.admit("alice", ["0614141"]);
  const bob = harness.admit("bob", ["4012345"]);
  for (const value of events) {
    const outcome = harness.capture(alice, value);
    assert.equal(outcome.status, "ok", outcome.field);
  }
  return { harness, alice, bob };
}

/** Hours of the events that a trace shows. */
function hours({ steps }: TraceResult): number[] {
  return steps.map(({ facts }) => (facts.eventTimeMs - Date.UTC(2026, 0, 1)) / 3_600_000);
}

function identities({ items }: TraceResult): string[] {
  return items.map(({ identity }) => identity).sort();
}
const keyOf = (uri: string) => canonicalIdentity(uri, "").key;

describe("traces", () => {
  it("shows an item's own events in time order, whatever order they came in", () => {
    const { harness } = setUp(
      object(3, "OBSERVE", [epc(1)]),
      object(1, "ADD", [epc(1)]),
      object(2, "OBSERVE", [epc(1)]),
    );
    assert.deepEqual(hours(harness.trace(epc(1))), [1, 2, 3]);
    assert.deepEqual(hours(harness.trace(epc(2))), []);
  });

  it("goes back to inputs and on to outputs, not sideways", () => {
    const { harness } = setUp(
      object(1, "ADD", [epc(1), epc(2)]),
      transform(2, [epc(1)], [epc(3)]),
      transform(3, [epc(2), epc(3)], [epc(4), epc(5)]),
      transform(4, [epc(4)], [epc(6)]),
      transform(5, [epc(5)], [epc(7)]),
    );
    assert.deepEqual(hours(harness.trace(epc(6), { direction: TRACE_BACK })), [1, 2, 3, 4]);
    assert.deepEqual(hours(harness.trace(epc(1), { direction: TRACE_FORWARD })), [1, 2, 3, 4, 5]);
    assert.deepEqual(hours(harness.trace(epc(1), { direction: TRACE_BACK })), [1, 2]);
    assert.deepEqual(hours(harness.trace(epc(3), { direction: TRACE_BOTH })), [1, 2, 3, 4, 5]);
    assert.deepEqual(
      harness.trace(epc(6), { direction: TRACE_BACK }).steps.map(({ depth }) => depth),
      [2, 2, 1, 0],
    );
  });

  it("shows what befell the container while the item was in it", () => {
    const { harness } = setUp(
      object(1, "ADD", [epc(1), sscc(1), sscc(2)]),
      aggregate(3, "ADD", sscc(1), [epc(1)]),
      object(2, "OBSERVE", [sscc(1)]),
      object(4, "OBSERVE", [sscc(1)]),
      aggregate(5, "ADD", sscc(2), [sscc(1)]),
      object(6, "OBSERVE", [sscc(2)]),
      aggregate(7, "DELETE", sscc(2), [sscc(1)]),
      object(8, "OBSERVE", [sscc(2)]),
      aggregate(9, "DELETE", sscc(1), []),
      object(10, "OBSERVE", [sscc(1)]),
      object(11, "OBSERVE", [epc(1)]),
    );
    for (const direction of [TRACE_BACK, TRACE_FORWARD])
      assert.deepEqual(hours(harness.trace(epc(1), { direction })), [1, 3, 4, 5, 6, 7, 9, 11]);
  });

  it("follows a container into what it holds, but not from one content to the next", () => {
    const { harness } = setUp(
      object(1, "ADD", [epc(1)]),
      object(2, "ADD", [epc(2)]),
      aggregate(3, "ADD", sscc(1), [epc(1), epc(2)]),
      aggregate(5, "DELETE", sscc(1), []),
      object(6, "OBSERVE", [epc(1)]),
      object(7, "OBSERVE", [epc(2)]),
    );
    assert.deepEqual(hours(harness.trace(epc(1))), [1, 3, 5, 6]);
    assert.deepEqual(hours(harness.trace(sscc(1), { direction: TRACE_BACK })), [1, 2, 3, 5]);
    assert.deepEqual(hours(harness.trace(sscc(1), { direction: TRACE_FORWARD })), [3, 5, 6, 7]);
  });

  it("finds all of a recall, over packing, repacking, transformation and lots", () => {
    const flour = (quantity: number) => [{ epcClass: lot("FLOUR"), quantity, uom: "KGM" }];
    const { harness } = setUp(
      event(1, "ObjectEvent", { action: "ADD", quantityList: flour(100) }),
      event(2, "AggregationEvent", { action: "ADD", parentID: sscc(1), childQuantityList: flour(60) }),
      event(3, "AggregationEvent", { action: "DELETE", parentID: sscc(1), childQuantityList: flour(60) }),
      transform(4, [], [epc(1), epc(2)], { inputQuantityList: flour(60) }),
      aggregate(5, "ADD", sscc(2), [epc(1), epc(2)]),
      aggregate(6, "DELETE", sscc(2), [epc(2)]),
      aggregate(7, "ADD", sscc(3), [epc(2)]),
      object(8, "OBSERVE", [sscc(2)]),
      object(9, "OBSERVE", [sscc(3)]),
      aggregate(10, "DELETE", sscc(3), []),
      transform(11, [epc(2)], [epc(4)]),
      object(12, "DELETE", [epc(4)]),
      transform(13, [], [epc(5)], { inputQuantityList: flour(40) }),
      object(20, "OBSERVE", [sscc(1)]),
    );
    const recall = harness.trace(lot("FLOUR"), { direction: TRACE_FORWARD });
    assert.deepEqual(hours(recall), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    assert.deepEqual(
      identities(recall),
      [lot("FLOUR"), sscc(1), sscc(2), sscc(3), epc(1), epc(2), epc(4), epc(5)].map(keyOf).sort(),
    );
    assert.deepEqual(
      hours(harness.trace(epc(4), { direction: TRACE_BACK })),
      [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13],
    );
  });

  it("reaches what was packed before its container was", () => {
    const { harness } = setUp(
      aggregate(1, "ADD", sscc(2), [epc(1)]),
      aggregate(2, "ADD", sscc(1), [sscc(2)]),
      aggregate(3, "DELETE", sscc(1), []),
      aggregate(4, "DELETE", sscc(2), []),
      transform(5, [epc(1)], [epc(2)]),
      object(6, "OBSERVE", [epc(2)]),
    );
    assert.deepEqual(hours(harness.trace(sscc(1), { direction: TRACE_FORWARD })), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(hours(harness.trace(epc(2), { direction: TRACE_BACK })), [1, 2, 3, 4, 5, 6]);
  });

  it("is not misled by clocks that are wrong", () => {
    const { harness } = setUp(
      object(10, "ADD", [epc(1)]),
      transform(9, [epc(1)], [epc(2)]),
      transform(8, [epc(2)], [epc(3)]),
    );
    assert.deepEqual(hours(harness.trace(epc(1), { direction: TRACE_FORWARD })), [8, 9, 10]);
    assert.deepEqual(hours(harness.trace(epc(3), { direction: TRACE_BACK })), [8, 9, 10]);
  });

  it("takes full containers in its stride", () => {
    const children = Array.from({ length: 500 }, (_, n) => epc(n + 1));
    const { harness } = setUp(
      aggregate(1, "ADD", sscc(1), children),
      ...Array.from({ length: 20 }, (_, n) => aggregate(n + 2, "OBSERVE", sscc(1), children)),
    );
    const result = harness.trace(sscc(1));
    assert.deepEqual([result.steps.length, result.items.length, result.isTruncated], [21, 501, false]);
  });

  it("keeps a part of a lot in its container until all of it is out", () => {
    const some = (quantity: number) => ({
      childQuantityList: [{ epcClass: lot("A"), quantity, uom: "KGM" }],
    });
    const { harness } = setUp(
      event(1, "AggregationEvent", { action: "ADD", parentID: sscc(1), ...some(10) }),
      event(2, "AggregationEvent", { action: "DELETE", parentID: sscc(1), ...some(4) }),
      object(3, "OBSERVE", [sscc(1)]),
      event(4, "AggregationEvent", { action: "DELETE", parentID: sscc(1), ...some(6) }),
      object(5, "OBSERVE", [sscc(1)]),
    );
    assert.deepEqual(hours(harness.trace(lot("A"))), [1, 2, 3, 4]);
  });

  it("joins the events of one transformationID, of one captor", () => {
    const id = { transformationID: "urn:epc:id:gdti:0614141.06012.1234" };
    const { harness, bob } = setUp(
      transform(1, [epc(1)], [], id),
      transform(2, [], [epc(3)], id),
      transform(3, [epc(2)], [], id),
    );
    harness.capture(bob, transform(4, [epc(9, "4012345")], [], id));
    assert.deepEqual(hours(harness.trace(epc(3), { direction: TRACE_BACK })), [1, 2, 3]);
    assert.deepEqual(hours(harness.trace(epc(1), { direction: TRACE_FORWARD })), [1, 2, 3]);
    assert.ok(identities(harness.trace(epc(3), { direction: TRACE_BACK })).includes(keyOf(epc(2))));
  });

  it("shows what did not occur, and does not follow it", () => {
    const packed = aggregate(2, "ADD", sscc(1), [epc(1)]);
    const mixed = transform(4, [epc(1)], [epc(2)]);
    const { harness } = setUp(
      object(1, "ADD", [epc(1)]),
      packed,
      object(3, "OBSERVE", [sscc(1)]),
      mixed,
      object(5, "OBSERVE", [epc(2)]),
      retract(packed),
      retract(mixed),
    );
    const result = harness.trace(epc(1));
    assert.deepEqual(hours(result), [1, 2, 2, 4, 4]);
    assert.deepEqual(
      result.steps.map(({ isRetracted, isFollowed }) => [isRetracted, isFollowed]),
      [
        [false, true],
        [true, false],
        [false, false],
        [true, false],
        [false, false],
      ],
    );
  });

  it("undoes a release that did not occur: the item was in the container all along", () => {
    const released = aggregate(3, "DELETE", sscc(1), [epc(1)]);
    const { harness } = setUp(
      aggregate(2, "ADD", sscc(1), [epc(1)]),
      released,
      object(4, "OBSERVE", [sscc(1)]),
      retract(released),
    );
    assert.deepEqual(hours(harness.trace(epc(1))), [2, 3, 3, 4]);
  });

  it("shows an outsider's word and follows it only when asked", () => {
    const { harness, bob } = setUp(object(1, "ADD", [epc(1)]));
    harness.capture(
      bob,
      transform(2, [epc(1)], [epc(9, "4012345")]),
      object(3, "OBSERVE", [epc(9, "4012345")]),
    );
    assert.deepEqual(hours(harness.trace(epc(1))), [1, 2]);
    assert.deepEqual(hours(harness.trace(epc(1), { observations: OBSERVATIONS_FOLLOW })), [1, 2, 3]);
    // Bob answers for his own product and for what he says went into it.
    assert.deepEqual(hours(harness.trace(epc(9, "4012345"), { direction: TRACE_BACK })), [1, 2, 3]);
  });

  it("cannot be drowned by outsiders", () => {
    const { harness, alice, bob } = setUp(object(1, "ADD", [epc(1)]));
    harness.capture(bob, ...Array.from({ length: 50 }, (_, n) => object(100 + n, "OBSERVE", [epc(1)])));
    harness.capture(alice, transform(200, [epc(1)], [epc(2)]));
    harness.capture(alice, object(201, "OBSERVE", [epc(2)]));
    const shown = harness.trace(epc(1), { maxEvents: 10 });
    assert.deepEqual(
      [1, 200, 201].every((hour) => hours(shown).includes(hour)),
      true,
    );
    assert.equal(shown.isTruncated, true);
    const ignored = harness.trace(epc(1), { maxEvents: 10, observations: OBSERVATIONS_IGNORE });
    assert.deepEqual([hours(ignored), ignored.isTruncated], [[1, 200, 201], false]);
  });

  it("follows what is said of items that nobody owns, since there is no better word", () => {
    const { harness, bob } = setUp(object(1, "ADD", [epc(1)]), aggregate(2, "ADD", "urn:x:crate", [epc(1)]));
    harness.capture(bob, object(3, "OBSERVE", ["urn:x:crate"]));
    assert.deepEqual(hours(harness.trace(epc(1))), [1, 2, 3]);
    assert.deepEqual(hours(harness.trace("urn:x:crate")), [1, 2, 3]);
  });

  it("ends in circles, and is cut by depth, by time and by number", () => {
    const { harness } = setUp(
      ...[1, 2, 3, 4].map((n) => transform(n, [epc(n % 2)], [epc((n + 1) % 2)])),
      aggregate(5, "OBSERVE", sscc(1), [sscc(2)]),
      aggregate(6, "OBSERVE", sscc(2), [sscc(1)]),
    );
    assert.deepEqual(hours(harness.trace(epc(1))), [1, 2, 3, 4]);
    assert.deepEqual(hours(harness.trace(sscc(1))), [5, 6]);
    assert.deepEqual(
      hours(harness.trace(epc(1), { fromMs: Date.UTC(2026, 0, 1, 2), untilMs: Date.UTC(2026, 0, 1, 3) })),
      [2, 3],
    );
    const cut = harness.trace(epc(1), { maxEvents: 2 });
    assert.deepEqual([cut.steps.length, cut.isTruncated], [2, true]);
    assert.equal(harness.trace(epc(1), { maxDepth: 0 }).items.length, 1);
  });

  it("goes from an instance to its class when asked", () => {
    const gtin = "urn:epc:idpat:sgtin:0614141.107346.*";
    const { harness } = setUp(
      transform(1, [epc("raw")], [], { outputQuantityList: [{ epcClass: gtin, quantity: 5 }] }),
      object(2, "OBSERVE", [epc(1)]),
    );
    assert.deepEqual(hours(harness.trace(epc(1))), [2]);
    assert.deepEqual(hours(harness.trace(epc(1), { direction: TRACE_BACK, includeClasses: true })), [1, 2]);
    assert.equal(classOf(keyOf(epc(1))), keyOf(gtin));
    assert.equal(
      classOf(keyOf("urn:epc:id:grai:0614141.12345.77")),
      keyOf("urn:epc:idpat:grai:0614141.12345.*"),
    );
    assert.equal(classOf(keyOf(sscc(1))), undefined);
  });
});
