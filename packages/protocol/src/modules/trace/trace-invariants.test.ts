import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { equalBytes, toHex } from "../../core/bytes.ts";
import { hashLeaf, logRoot } from "../../core/merkle/log.ts";
import type { LogHead, LogId } from "../../core/state/log.ts";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { computeItemKey } from "./facts.ts";
import {
  AGGREGATION,
  ASSOCIATION,
  countChildren,
  custodyLog,
  findLink,
  getChild,
  getItem,
  observationLog,
  type Relation,
} from "./items.ts";
import { hourText, type TestEvent, TraceHarness } from "./testing.ts";
import { readLeafBytes } from "./trace-reader.ts";
import { verifyTraceBundle } from "./verify-trace.ts";

const sha256 = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

const THINGS = Array.from(
  { length: 6 },
  (_, n) => `urn:epc:id:sgtin:${n < 4 ? "0614141" : "4012345"}.107346.${n}`,
);
const LOTS = ["urn:epc:class:lgtin:0614141.107346.A", "urn:epc:class:lgtin:4012345.107346.B"];
const thing = fc.constantFrom(...THINGS, "urn:x:unowned");
const things = fc.uniqueArray(thing, { maxLength: 3 });
const amounts = fc.array(
  fc.record({
    epcClass: fc.constantFrom(...LOTS),
    quantity: fc.nat({ max: 20 }),
    uom: fc.constantFrom("KGM", "LTR"),
  }),
  { maxLength: 2 },
);
const action = fc.constantFrom("ADD", "OBSERVE", "DELETE");
const bizStep = fc.constantFrom("shipping", "receiving", "packing", "void_shipping");
const destinationList = fc
  .constantFrom("0614141", "4012345")
  .map((company) => [{ type: "possessing_party", destination: `urn:epc:id:pgln:${company}.00225` }]);
const common = { bizStep, destinationList, eventTime: fc.nat({ max: 30 }).map(hourText) };

const event: fc.Arbitrary<TestEvent> = fc
  .oneof(
    fc.record({
      ...common,
      type: fc.constant("ObjectEvent"),
      action,
      epcList: things,
      quantityList: amounts,
    }),
    fc.record({
      ...common,
      type: fc.constantFrom("AggregationEvent", "AssociationEvent"),
      action,
      parentID: thing,
      childEPCs: things,
      childQuantityList: amounts,
    }),
    fc.record({
      ...common,
      type: fc.constant("TransformationEvent"),
      inputEPCList: things,
      inputQuantityList: amounts,
      outputEPCList: things,
      outputQuantityList: amounts,
      transformationID: fc.constantFrom("urn:uuid:a", "urn:uuid:b"),
    }),
  )
  .map((value) => ({ ...value, eventTimeZoneOffset: "+00:00" }));

const step = fc.record({
  isBob: fc.boolean(),
  events: fc.array(event, { minLength: 1, maxLength: 3 }),
  /** Which earlier event is declared not to have happened beside these; none mostly. */
  retracts: fc.option(fc.nat({ max: 30 }), { freq: 3, nil: undefined }),
});

function checkLog(harness: TraceHarness, id: LogId, head: LogHead): void {
  const leaves = readLeafBytes(harness.state, id, head);
  const root = logRoot(
    harness.crypto,
    leaves.map((leaf) => hashLeaf(harness.crypto, leaf)),
  );
  assert.equal(toHex(root), toHex(head.root));
}

function checkItem(harness: TraceHarness, key: Uint8Array): void {
  const { state } = harness;
  const item = getItem(state, key);
  if (item === undefined) return;
  checkLog(harness, custodyLog(key), item.custody);
  checkLog(harness, observationLog(key), item.observations);
  for (const relation of [AGGREGATION, ASSOCIATION] as Relation[]) {
    const count = countChildren(item, relation);
    for (let index = 0; index < count; index++) {
      const child = getChild(state, key, relation, index);
      assert.ok(child !== undefined, "children are numbered without gaps");
      const link = findLink(getItem(state, child)!, relation);
      assert.ok(link !== undefined && equalBytes(link.parent, key) && link.index === index);
    }
    assert.equal(getChild(state, key, relation, count), undefined);
    let walked = 0;
    for (
      let at = findLink(item, relation);
      at !== undefined;
      at = findLink(getItem(state, at.parent)!, relation)
    )
      assert.ok(++walked <= THINGS.length, "nothing contains itself");
  }
}

describe("any captures in any order", () => {
  it("leave logs whole, links two-sided and acyclic, and every item provable", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), thing, (steps, asked) => {
        const harness = new TraceHarness(sha256);
        const alice = harness.admit("alice", ["0614141"]);
        const bob = harness.admit("bob", ["4012345"]);
        const past: TestEvent[] = [];
        for (const { isBob, events, retracts } of steps) {
          const original = past[retracts ?? past.length];
          const errorDeclaration = { declarationTime: hourText(50), reason: "did_not_occur" };
          const declared = original === undefined ? [] : [{ ...original, errorDeclaration }];
          past.push(...events);
          harness.capture(isBob ? bob : alice, ...events, ...declared);
        }
        for (const uri of [...THINGS, ...LOTS, "urn:x:unowned"])
          checkItem(harness, computeItemKey(harness.crypto, canonicalIdentity(uri, "").key));
        const { bytes, anchor, result } = harness.bundle(asked);
        const verdict = verifyTraceBundle(harness.crypto, bytes, () => anchor.facts);
        assert.deepEqual(verdict.problems, []);
        assert.deepEqual(verdict.result, result);
      }),
      { numRuns: 60 },
    );
  });
});
