import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { toHex } from "../../core/bytes.ts";
import { formatDecimal } from "../../core/decimal.ts";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { computeItemKey } from "./facts.ts";
import { AGGREGATION, custodyLog, findLink, getItem, type ItemRecord } from "./items.ts";
import { type FlagName, flagNames, NOTICE_DUPLICATE } from "./messages.ts";
import { type CaptureOutcome, hourText, type TestEvent, type TraceHarness } from "./testing.ts";
import { aggregate, epc, event, lot, object, openTradingWorld, party, ship, sscc } from "./testing-events.ts";
import { findEventsByAlias, getEventRecord, readLeaves } from "./trace-reader.ts";

const sha256 = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

const setUp = () => openTradingWorld(sha256);

function itemOf({ harness }: { harness: TraceHarness }, uri: string): ItemRecord {
  const item = getItem(harness.state, computeItemKey(harness.crypto, canonicalIdentity(uri, "").key));
  assert.ok(item !== undefined);
  return item;
}

function flagsOf({ harness }: { harness: TraceHarness }, outcome: CaptureOutcome, index = 0): FlagName[] {
  assert.equal(outcome.status, "ok", outcome.field);
  const record = getEventRecord(harness.state, { capture: outcome.id, index });
  assert.ok(record !== undefined);
  return flagNames(record.flags);
}

describe("whose word counts", () => {
  it("lets only the holder of a prefix commission, and names the EPC", () => {
    const { harness, alice, bob } = setUp();
    const foreign = harness.capture(bob, object("ADD", [epc(1, "4012345"), epc(1)]));
    assert.deepEqual(
      [foreign.status, foreign.field],
      ["trace.prefix-not-owned", "$.epcisBody.eventList[0].epcList[1]"],
    );
    const output = event("TransformationEvent", {
      inputEPCList: [epc(1, "4012345")],
      outputQuantityList: [{ epcClass: lot("A"), quantity: 1, uom: "KGM" }],
    });
    assert.deepEqual(
      harness.capture(bob, output).field,
      "$.epcisBody.eventList[0].outputQuantityList[0].epcClass",
    );
    assert.equal(harness.capture(alice, object("ADD", [epc(1)])).status, "ok");
  });

  it("lets the longest prefix win", () => {
    const { harness, alice, bob } = setUp();
    const inner = harness.admit("inner", ["061414107"]);
    assert.equal(harness.capture(alice, object("ADD", [epc(1)])).status, "trace.prefix-not-owned");
    assert.equal(harness.capture(inner, object("ADD", [epc(1)])).status, "ok");
    assert.equal(harness.capture(bob, object("OBSERVE", [epc(1)])).status, "ok");
  });

  it("puts an outsider's clone of a serial into the observation log, where it changes nothing", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    harness.capture(alice, object("ADD", [epc(1)]), aggregate("ADD", sscc(1), [epc(1)]));
    const before = itemOf(context, epc(1));
    const clone = harness.capture(
      bob,
      object("OBSERVE", [epc(1)]),
      aggregate("ADD", sscc(1, "4012345"), [epc(1)]),
    );
    assert.deepEqual(flagsOf(context, clone), ["observed"]);
    assert.deepEqual(flagsOf(context, clone, 1), ["observed", "notLinked"]);
    const after = itemOf(context, epc(1));
    assert.deepEqual({ ...after, observations: before.observations }, before);
    assert.equal(after.observations.size, 2);
    harness.capture(bob, object("DELETE", [epc(1)]));
    assert.equal(itemOf(context, epc(1)).ended, null);
  });

  it("shows ungranted namespaces as unowned", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    const outcome = harness.capture(alice, object("ADD", [epc(1, "9999999")]));
    assert.deepEqual(flagsOf(context, outcome), ["unowned", "observed"]);
    assert.equal(harness.capture(bob, object("ADD", ["https://example.org/thing/1"])).status, "ok");
    assert.equal(itemOf(context, epc(1, "9999999")).custody.size, 0);
  });

  it("passes custody when both sides say so, and only then", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    const receive = () => object("OBSERVE", [epc(1)], { bizStep: "receiving" });
    harness.capture(alice, object("ADD", [epc(1)]));
    assert.deepEqual(flagsOf(context, harness.capture(bob, receive())), ["observed"]);
    assert.deepEqual(flagsOf(context, harness.capture(alice, ship([epc(1)], "4012345"))), ["handedOver"]);
    assert.deepEqual(flagsOf(context, harness.capture(alice, object("OBSERVE", [epc(1)]))), []);
    assert.deepEqual(flagsOf(context, harness.capture(bob, receive())), ["received"]);
    assert.deepEqual(flagsOf(context, harness.capture(alice, object("OBSERVE", [epc(1)]))), ["observed"]);
    const item = itemOf(context, epc(1));
    assert.equal(toHex(item.custodian!), toHex(bob.address));
    assert.deepEqual([item.custody.size, item.observations.size], [4, 2]);
  });

  it("keeps custody with a possessing party that sells and does not send", () => {
    const context = setUp();
    const { harness, alice } = context;
    const sold = object("OBSERVE", [epc(1)], {
      bizStep: "shipping",
      destinationList: [
        { type: "owning_party", destination: party("4012345") },
        { type: "possessing_party", destination: party("0614141") },
      ],
    });
    assert.deepEqual(flagsOf(context, harness.capture(alice, sold)), []);
  });

  it("takes a shipment back before it is received", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    harness.capture(alice, object("ADD", [epc(1)]), ship([epc(1)], "4012345"));
    harness.capture(alice, object("OBSERVE", [epc(1)], { bizStep: "void_shipping" }));
    const outcome = harness.capture(bob, object("OBSERVE", [epc(1)], { bizStep: "receiving" }));
    assert.deepEqual(flagsOf(context, outcome), ["observed"]);
  });

  it("lets custody follow the container, and voids what its former custodian had under way", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    const carol = harness.admit("carol", ["8901234"]);
    harness.capture(
      alice,
      object("ADD", [epc(1), sscc(1)]),
      ship([epc(1)], "8901234"),
      aggregate("ADD", sscc(1), [epc(1)]),
      ship([sscc(1)], "4012345"),
    );
    harness.capture(bob, object("OBSERVE", [sscc(1)], { bizStep: "receiving" }));
    const carols = harness.capture(carol, object("OBSERVE", [epc(1)], { bizStep: "receiving" }));
    assert.deepEqual(flagsOf(context, carols), ["observed"]);
    assert.deepEqual(flagsOf(context, harness.capture(bob, object("OBSERVE", [epc(1)]))), []);
    assert.deepEqual(flagsOf(context, harness.capture(bob, aggregate("DELETE", sscc(1), []))), []);
    const item = itemOf(context, epc(1));
    assert.equal(toHex(item.custodian!), toHex(bob.address));
    assert.deepEqual([item.parents, item.pending], [[], null]);
  });

  it("lets many hold some of a lot", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    const some = (quantity: number) => ({ quantityList: [{ epcClass: lot("L1"), quantity, uom: "KGM" }] });
    harness.capture(
      alice,
      event("ObjectEvent", { action: "ADD", ...some(100) }),
      event("ObjectEvent", {
        action: "OBSERVE",
        bizStep: "shipping",
        destinationList: [{ type: "owning_party", destination: party("4012345") }],
        ...some(60),
      }),
    );
    const received = harness.capture(
      bob,
      event("ObjectEvent", { action: "OBSERVE", bizStep: "receiving", ...some(60) }),
    );
    assert.deepEqual(flagsOf(context, received), ["received"]);
    const used = event("TransformationEvent", {
      inputQuantityList: [{ epcClass: lot("L1"), quantity: 60, uom: "KGM" }],
      outputEPCList: [epc(1, "4012345")],
    });
    assert.deepEqual(flagsOf(context, harness.capture(bob, used)), []);
    assert.deepEqual(
      flagsOf(context, harness.capture(alice, event("ObjectEvent", { action: "OBSERVE", ...some(40) }))),
      [],
    );
    assert.equal(formatDecimal(itemOf(context, lot("L1")).quantities[0]!.balance), "40");
  });
});

describe("containment", () => {
  it("links, reparents with a flag, releases one or all, and numbers children without gaps", () => {
    const context = setUp();
    const { harness, alice } = context;
    const all = [1, 2, 3, 4].map((n) => epc(n));
    harness.capture(alice, object("ADD", [...all, sscc(1), sscc(2)]), aggregate("ADD", sscc(1), all));
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 4);
    assert.deepEqual(flagsOf(context, harness.capture(alice, aggregate("ADD", sscc(2), [epc(1)]))), [
      "reparented",
    ]);
    harness.capture(alice, aggregate("DELETE", sscc(1), [epc(2)]));
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 2);
    assert.deepEqual([3, 4].map((n) => findLink(itemOf(context, epc(n)), AGGREGATION)!.index).sort(), [0, 1]);
    const emptied = harness.capture(alice, aggregate("DELETE", sscc(1), []));
    assert.equal(emptied.touched.length, 3);
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 0);
    const key = computeItemKey(harness.crypto, canonicalIdentity(epc(3), "").key);
    const leaves = readLeaves(harness.state, custodyLog(key), itemOf(context, epc(3)).custody);
    assert.equal(leaves.at(-1)!.role, 6);
    assert.equal(itemOf(context, epc(1)).parents.length, 1);
  });

  it("refuses cycles, of any length", () => {
    const context = setUp();
    const { harness, alice } = context;
    harness.capture(alice, aggregate("ADD", sscc(1), [sscc(2)]), aggregate("ADD", sscc(2), [sscc(3)]));
    for (const [parent, child] of [
      [3, 1],
      [3, 2],
      [1, 1],
    ] as const) {
      const outcome = harness.capture(alice, aggregate("ADD", sscc(parent), [epc(1), sscc(child)]));
      assert.deepEqual(
        [outcome.status, outcome.field],
        ["trace.cycle", "$.epcisBody.eventList[0].childEPCs[1]"],
      );
    }
    const attach = { type: "AssociationEvent" };
    assert.equal(harness.capture(alice, { ...aggregate("ADD", sscc(3), [sscc(1)]), ...attach }).status, "ok");
  });

  it("refuses to nest deeper than it walks", () => {
    const { harness, alice } = setUp();
    const crate = (n: number) => `urn:epc:id:grai:0614141.12345.${n}`;
    const nest = Array.from({ length: 64 }, (_, n) => aggregate("ADD", crate(n + 1), [crate(n)]));
    assert.equal(harness.capture(alice, ...nest).status, "ok");
    assert.equal(harness.capture(alice, aggregate("ADD", crate(65), [crate(64)])).status, "ok");
    assert.equal(harness.capture(alice, object("OBSERVE", [crate(0)])).status, "trace.depth");
    assert.equal(harness.capture(alice, object("OBSERVE", [crate(1)])).status, "ok");
  });

  it("wants many children named before it lets them out", () => {
    const { harness, alice } = setUp();
    const children = Array.from({ length: 1_001 }, (_, n) => epc(n + 1));
    harness.capture(alice, aggregate("ADD", sscc(1), children));
    assert.equal(harness.capture(alice, aggregate("DELETE", sscc(1), [])).status, "trace.children");
    assert.equal(harness.capture(alice, aggregate("DELETE", sscc(1), children.slice(0, 1))).status, "ok");
    assert.equal(harness.capture(alice, aggregate("DELETE", sscc(1), [])).status, "ok");
  });
});

describe("quantities", () => {
  const amount = (name: string, quantity: number, uom = "KGM") => ({ epcClass: lot(name), quantity, uom });

  it("flags consumption beyond what is known, in the same unit only", () => {
    const context = setUp();
    const { harness, alice } = context;
    const add = (name: string, value: number, uom?: string) =>
      event("ObjectEvent", { action: "ADD", quantityList: [amount(name, value, uom)] });
    const use = (name: string, value: number, uom?: string) =>
      event("ObjectEvent", { action: "DELETE", quantityList: [amount(name, value, uom)] });
    harness.capture(alice, add("A", 10.5));
    assert.deepEqual(flagsOf(context, harness.capture(alice, use("A", 10))), []);
    assert.deepEqual(flagsOf(context, harness.capture(alice, use("A", 7, "LTR"))), []);
    assert.deepEqual(flagsOf(context, harness.capture(alice, use("A", 0.6))), ["quantityExceeded"]);
    assert.deepEqual(flagsOf(context, harness.capture(alice, use("B", 5))), []);
    assert.deepEqual(flagsOf(context, harness.capture(alice, use("A", 1e20), use("A", 1e-20))), [
      "quantityExceeded",
    ]);
  });

  it("does not break on quantities beyond the digits it counts in", () => {
    const context = setUp();
    const { harness, alice } = context;
    const big = event("ObjectEvent", { action: "ADD", quantityList: [amount("A", 1e200)] });
    const small = event("ObjectEvent", { action: "ADD", quantityList: [amount("A", 1e-200)] });
    assert.deepEqual(flagsOf(context, harness.capture(alice, big)), []);
    assert.deepEqual(flagsOf(context, harness.capture(alice, small)), ["quantityUncounted"]);
  });

  it("flags a transformation that yields more than it takes, where both are stated", () => {
    const context = setUp();
    const { harness, alice } = context;
    const transform = (inputs: readonly TestEvent[], outputs: readonly TestEvent[], more: TestEvent = {}) =>
      event("TransformationEvent", { inputQuantityList: inputs, outputQuantityList: outputs, ...more });
    const flags = (value: TestEvent) => flagsOf(context, harness.capture(alice, value));
    assert.deepEqual(flags(transform([amount("A", 5), amount("B", 5)], [amount("C", 10.1)])), [
      "outputExceedsInput",
    ]);
    assert.deepEqual(flags(transform([amount("A", 5)], [amount("C", 5)])), []);
    assert.deepEqual(flags(transform([amount("A", 5), amount("B", 5, "LTR")], [amount("C", 9)])), []);
    assert.deepEqual(
      flags(transform([{ epcClass: lot("A"), quantity: 1 }], [{ epcClass: lot("C"), quantity: 9 }])),
      [],
    );
    const inputEPCList = [epc(1)];
    assert.deepEqual(flags(transform([amount("A", 5)], [amount("C", 50)], { inputEPCList })), []);
  });

  it("flags a second beginning and what comes after the end", () => {
    const context = setUp();
    const { harness, alice } = context;
    const flags = (value: TestEvent) => flagsOf(context, harness.capture(alice, value));
    assert.deepEqual(flags(object("ADD", [epc(1)])), []);
    assert.deepEqual(flags(object("ADD", [epc(1)])), ["recommissioned"]);
    assert.deepEqual(flags(object("DELETE", [epc(1)])), []);
    assert.deepEqual(flags(object("OBSERVE", [epc(1)])), ["afterEnd"]);
  });
});

describe("aliases and repetition", () => {
  it("answers a captor's second capture of an event from state", () => {
    const context = setUp();
    const { harness, alice } = context;
    const value = object("ADD", [epc(1), epc(2)]);
    const first = harness.capture(alice, value);
    const before = itemOf(context, epc(1));
    const again = harness.capture(alice, { ...value, eventID: "urn:uuid:1", epcList: [epc(2), epc(1)] });
    assert.deepEqual(
      again.notices.map(({ kind, attributes }) => [kind, attributes.slice(1)]),
      [[NOTICE_DUPLICATE, [0, first.id, 0]]],
    );
    assert.deepEqual(again.touched, []);
    assert.deepEqual(itemOf(context, epc(1)), before);
    const record = getEventRecord(harness.state, { capture: again.id, index: 0 });
    assert.deepEqual(record?.duplicateOf, { capture: first.id, index: 0 });
  });

  it("does not let an outsider's copy, captured first, stand in for the captor's", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    const value = object("OBSERVE", [epc(1)], { eventID: "urn:uuid:front-run" });
    harness.capture(bob, value);
    const own = harness.capture(alice, value);
    assert.deepEqual(flagsOf(context, own), []);
    assert.deepEqual(
      [itemOf(context, epc(1)).custody.size, itemOf(context, epc(1)).observations.size],
      [1, 1],
    );
    const found = findEventsByAlias(harness.crypto, harness.state, "urn:uuid:front-run");
    assert.equal(found.length, 2);
    const hash = toHex(getEventRecord(harness.state, { capture: own.id, index: 0 })!.facts.hash);
    assert.equal(
      findEventsByAlias(harness.crypto, harness.state, `ni:///sha-256;${hash}?ver=CBV2.0`).length,
      2,
    );
  });

  it("keeps different events apart that share one pre-hash", () => {
    const context = setUp();
    const { harness, alice } = context;
    const time = { eventTime: hourText(5) };
    const one = { ...object("OBSERVE", ["urn:x:a", "urn:x:b"]), ...time };
    const two = { ...object("OBSERVE", ["urn:x:aepc=urn:x:b"]), ...time };
    const first = harness.capture(alice, one);
    const second = harness.capture(alice, two);
    const facts = [first, second].map(
      ({ id }) => getEventRecord(harness.state, { capture: id, index: 0 })!.facts,
    );
    assert.equal(toHex(facts[0]!.hash), toHex(facts[1]!.hash));
    assert.equal(second.notices[0]!.kind, 1);
    const alias = `ni:///sha-256;${toHex(facts[0]!.hash)}?ver=CBV2.0`;
    assert.equal(findEventsByAlias(harness.crypto, harness.state, alias).length, 2);
  });
});

describe("corrections", () => {
  const declare = (value: TestEvent, more: TestEvent = {}) => ({
    ...value,
    errorDeclaration: { declarationTime: "2026-03-01T00:00:00Z", ...more },
  });
  const retract = (value: TestEvent) => declare(value, { reason: "did_not_occur" });

  it("logs a correction by the captor and undoes what did not occur", () => {
    const context = setUp();
    const { harness, alice } = context;
    const packed = aggregate("ADD", sscc(1), [epc(1), epc(2)]);
    const made = event("ObjectEvent", {
      action: "ADD",
      epcList: [epc(9)],
      quantityList: [{ epcClass: lot("A"), quantity: 10, uom: "KGM" }],
    });
    const ended = object("DELETE", [epc(3)]);
    harness.capture(alice, packed, made, ended);
    const undone = harness.capture(alice, retract(packed), retract(made), retract(ended));
    for (const index of [0, 1, 2]) assert.deepEqual(flagsOf(context, undone, index), ["correction"]);
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 0);
    assert.equal(itemOf(context, epc(9)).commissioned, null);
    assert.equal(itemOf(context, epc(3)).ended, null);
    assert.equal(formatDecimal(itemOf(context, lot("A")).quantities[0]!.balance), "0");
    // Twice is once, and after it the same event is a new one.
    const again = harness.capture(alice, retract(packed), packed);
    assert.deepEqual(
      again.notices.map(({ kind }) => kind),
      [2, 1],
    );
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 2);
  });

  it("keeps what only has incorrect data", () => {
    const context = setUp();
    const { harness, alice } = context;
    const packed = aggregate("ADD", sscc(1), [epc(1)]);
    harness.capture(
      alice,
      packed,
      declare(packed, { reason: "incorrect_data", correctiveEventIDs: ["urn:uuid:2"] }),
    );
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 1);
    assert.equal(harness.trace(epc(1)).steps[0]!.corrections.length, 1);
  });

  it("finds the original by eventID where the content differs", () => {
    const context = setUp();
    const { harness, alice } = context;
    const value = object("OBSERVE", [epc(1)], { eventID: "urn:uuid:7" });
    harness.capture(alice, value);
    const outcome = harness.capture(alice, retract({ ...value, disposition: "active" }));
    assert.deepEqual(flagsOf(context, outcome), ["correction"]);
    assert.equal(harness.trace(epc(1)).steps[0]!.isRetracted, true);
  });

  it("gives a stranger's declaration no force", () => {
    const context = setUp();
    const { harness, alice, bob } = context;
    const value = object("OBSERVE", [epc(1)], { eventID: "urn:uuid:8" });
    harness.capture(alice, value);
    const outcome = harness.capture(bob, retract(value));
    assert.deepEqual(flagsOf(context, outcome), ["observed", "correction", "correctionUnknown"]);
    assert.equal(harness.trace(epc(1)).steps[0]!.isRetracted, false);
  });

  it("takes a declaration of what was never recorded as that, without effect", () => {
    const context = setUp();
    const { harness, alice } = context;
    const outcome = harness.capture(alice, retract(aggregate("ADD", sscc(1), [epc(1)])));
    assert.deepEqual(flagsOf(context, outcome), ["correction", "correctionUnknown"]);
    assert.equal(itemOf(context, sscc(1)).aggregatedChildren, 0);
  });
});
