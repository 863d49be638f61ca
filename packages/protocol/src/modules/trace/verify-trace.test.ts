import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { equalBytes } from "../../core/bytes.ts";
import { LhgError } from "../../core/errors.ts";
import { hourText, type TestEvent, TraceHarness } from "./testing.ts";
import { encodeTraceBundle, type TraceBundle } from "./trace-bundle.ts";
import { OBSERVATIONS_IGNORE } from "./trace-query.ts";
import { type TraceVerdict, verifyTraceBundle } from "./verify-trace.ts";

const sha256 = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

const epc = (serial: number, company = "0614141") => `urn:epc:id:sgtin:${company}.107346.${serial}`;
const sscc = (n: number) => `urn:epc:id:sscc:0614141.123456789${n}`;
const event = (hour: number, type: string, fields: TestEvent): TestEvent => ({
  type,
  eventTime: hourText(hour),
  eventTimeZoneOffset: "+00:00",
  ...fields,
});

/** A pallet, a transformation in two events, an observation and a retraction. */
function setUp() {
  const harness = new TraceHarness(sha256);
  const alice = harness.admit("alice", ["0614141"]);
  const bob = harness.admit("bob", ["4012345"]);
  const transformationID = "urn:uuid:mix";
  const wrong = event(5, "ObjectEvent", { action: "OBSERVE", epcList: [epc(1)] });
  const errorDeclaration = { declarationTime: hourText(9), reason: "did_not_occur" };
  const captures: [typeof alice, TestEvent[]][] = [
    [
      alice,
      [
        event(1, "ObjectEvent", { action: "ADD", epcList: [epc(1), epc(2)] }),
        event(2, "AggregationEvent", { action: "ADD", parentID: sscc(1), childEPCs: [epc(1)] }),
        event(3, "AggregationEvent", { action: "DELETE", parentID: sscc(1), childEPCs: [] }),
      ],
    ],
    [bob, [event(4, "ObjectEvent", { action: "OBSERVE", epcList: [epc(1)] })]],
    [alice, [wrong]],
    [alice, [{ ...wrong, errorDeclaration }]],
    [alice, [event(6, "TransformationEvent", { transformationID, inputEPCList: [epc(1)] })]],
    [alice, [event(7, "TransformationEvent", { transformationID, outputEPCList: [epc(3)] })]],
  ];
  for (const [vendor, events] of captures) assert.equal(harness.capture(vendor, ...events).status, "ok");
  const built = harness.bundle(epc(3));
  const verify = (bytes: Uint8Array, asked = built.asked): TraceVerdict =>
    verifyTraceBundle(
      harness.crypto,
      bytes,
      (anchor) => {
        if (!equalBytes(anchor, built.anchor.bytes)) throw new LhgError("anchor.partition", "is another");
        return built.anchor.facts;
      },
      asked,
    );
  return { harness, alice, bob, built, verify };
}

describe("trace bundles", () => {
  it("verify offline and give the server's answer", () => {
    const { built, verify } = setUp();
    const verdict = verify(built.bytes);
    assert.deepEqual(verdict.problems, []);
    assert.equal(verdict.isComplete, true);
    assert.deepEqual(verdict.result, built.result);
    assert.equal(built.result.steps.length, 8);
    assert.equal(built.result.steps.filter(({ isRetracted }) => isRetracted).length, 1);
    assert.equal(built.bundle.captures.length, 6);
  });

  it("prove that nothing is recorded of an item", () => {
    const { harness, verify } = setUp();
    const { bytes, asked } = harness.bundle(epc(77));
    const verdict = verify(bytes, asked);
    assert.deepEqual([verdict.isComplete, verdict.result?.steps.length], [true, 0]);
  });

  it("leave observations out where the question does", () => {
    const { harness, verify } = setUp();
    const { bytes, asked, bundle } = harness.bundle(epc(1), { observations: OBSERVATIONS_IGNORE });
    assert.ok(
      bundle.items.every(({ observations, custody }) => observations === null || custody.length === 0),
    );
    const verdict = verify(bytes, asked);
    assert.deepEqual([verdict.isComplete, verdict.problems], [true, []]);
  });

  it("do not pass as complete when they are cut", () => {
    const { harness, verify } = setUp();
    const { bytes, asked } = harness.bundle(epc(3), { maxEvents: 2 });
    const verdict = verify(bytes, asked);
    assert.deepEqual([verdict.isComplete, verdict.problems[0]?.code], [false, "trace.truncated"]);
  });

  it("stay valid at their height when more is captured", () => {
    const { harness, alice, built, verify } = setUp();
    harness.capture(alice, event(8, "ObjectEvent", { action: "OBSERVE", epcList: [epc(3)] }));
    assert.equal(verify(built.bytes).isComplete, true);
    assert.equal(verify(harness.bundle(epc(3)).bytes).isComplete, false);
  });

  it("are not an answer to another question", () => {
    const { built, verify } = setUp();
    const { identity, query } = built.asked;
    assert.equal(verify(built.bytes, { identity, query: { ...query, maxDepth: 3 } }).isComplete, false);
    assert.equal(verify(built.bytes, { identity: "urn:x:other", query }).isComplete, false);
  });

  it("do not verify with any part left out, doubled or moved", () => {
    const { built, verify } = setUp();
    const { bundle } = built;
    const check = (changed: TraceBundle, what: string): void =>
      assert.equal(verify(encodeTraceBundle(changed)).isComplete, false, what);
    const lists = ["items", "transformations", "captures", "events"] as const;
    for (const list of lists)
      bundle[list].forEach((part, i) => {
        const parts: readonly unknown[] = bundle[list];
        check({ ...bundle, [list]: parts.toSpliced(i, 1) }, `${list}[${i}] left out`);
        check({ ...bundle, [list]: [...parts, part] }, `${list}[${i}] doubled`);
      });
    bundle.items.forEach((item, i) => {
      for (const log of ["custody", "observations"] as const)
        item[log]!.forEach((_, leaf) => {
          const items = bundle.items.with(i, { ...item, [log]: item[log]!.toSpliced(leaf, 1) });
          check({ ...bundle, items }, `items[${i}].${log}[${leaf}] left out`);
        });
      const swapped = { ...item, custody: item.observations!, observations: item.custody };
      check(
        { ...bundle, items: bundle.items.with(i, { ...item, observations: null }) },
        `items[${i}].observations left out`,
      );
      check({ ...bundle, items: bundle.items.with(i, swapped) }, `items[${i}] swapped`);
    });
    bundle.events.forEach((part, i) => {
      const none = { ...part.corrections, leaves: [] };
      if (part.corrections.leaves.length > 0)
        check(
          { ...bundle, events: bundle.events.with(i, { ...part, corrections: none }) },
          `corrections of events[${i}] hidden`,
        );
    });
  });

  it("do not verify with an event or an item hidden altogether", () => {
    const { harness, built, verify } = setUp();
    // All of a shorter trace, under the longer question.
    const shorter = harness.bundle(epc(2)).bundle;
    const forged = { ...shorter, identity: built.bundle.identity };
    assert.equal(verify(encodeTraceBundle(forged)).isComplete, false);
  });

  it("do not verify with any bit changed", () => {
    const { built, verify } = setUp();
    fc.assert(
      fc.property(fc.nat({ max: built.bytes.length * 8 - 1 }), (bit) => {
        const bytes = built.bytes.slice();
        bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
        return !verify(bytes).isComplete;
      }),
      { numRuns: 400 },
    );
  });

  it("never make the verifier throw", () => {
    const { built, verify } = setUp();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: built.bytes.length }), (noise, at) => {
        const bytes = built.bytes.slice();
        bytes.set(noise.subarray(0, bytes.length - at), at);
        return noise.length === 0 || equalBytes(bytes, built.bytes) || !verify(bytes).isComplete;
      }),
      { numRuns: 100 },
    );
  });
});
