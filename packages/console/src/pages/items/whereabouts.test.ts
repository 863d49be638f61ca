import assert from "node:assert/strict";
import { test } from "node:test";
import { LOT, makeStep, OTHER, PALLET, PHONE } from "./testing-steps.ts";
import { findDoubts, stepsOf, wayOf } from "./whereabouts.ts";

const BERLIN = "geo:52.52,13.41";
const HAMBURG = "geo:53.55,9.99";
const MELBOURNE = "geo:-37.81,144.96";
const own = [["epc", PHONE]] as const;

test("what befell the container counts while the item stood in it, and no longer", () => {
  const packed = makeStep(
    1,
    [
      ["parent", PALLET],
      ["child", PHONE],
    ],
    { type: "AggregationEvent", action: "ADD" },
  );
  const moved = makeStep(2, [["epc", PALLET]]);
  const unpacked = makeStep(3, [["parent", PALLET]], { type: "AggregationEvent", action: "DELETE" });
  const later = makeStep(4, [["epc", PALLET]]);
  const events = [packed, moved, unpacked, later];
  assert.deepEqual(stepsOf(PHONE, events), [packed, moved, unpacked]);
  assert.deepEqual(stepsOf(OTHER, events), []);
});

test("containers in a circle end", () => {
  const a = makeStep(
    1,
    [
      ["parent", PALLET],
      ["child", PHONE],
    ],
    { type: "AggregationEvent", action: "ADD" },
  );
  const b = makeStep(
    2,
    [
      ["parent", PHONE],
      ["child", PALLET],
    ],
    { type: "AggregationEvent", action: "ADD" },
  );
  assert.equal(stepsOf(PHONE, [a, b]).length, 2);
});

test("a thing can't be in Berlin and three hours later in Melbourne", () => {
  const sold = makeStep(0, own, { place: BERLIN, step: "retail_selling" });
  const seen = makeStep(3, own, { place: MELBOURNE, log: "observation" });
  const [doubt, ...more] = findDoubts(PHONE, [sold, seen]);
  assert.equal(more.length, 0);
  assert.equal(doubt?.reason, "speed");
  assert.equal(doubt?.first.step, sold);
  assert.ok(Math.abs(doubt.distanceKm - 15_970) < 50, `${doubt.distanceKm} km`);
});

test("a flight, a retracted step, a lot in two places and the town next door are no doubt", () => {
  const here = makeStep(0, own, { place: BERLIN });
  assert.deepEqual(findDoubts(PHONE, [here, makeStep(30, own, { place: MELBOURNE })]), []);
  assert.deepEqual(findDoubts(PHONE, [here, makeStep(3, own, { place: MELBOURNE, isRetracted: true })]), []);
  assert.deepEqual(findDoubts(PHONE, [here, makeStep(0, own, { place: "geo:52.39,13.06" })]), []);
  const lots = [0, 1].map((hours) => makeStep(hours, [["epc", LOT]], { place: hours ? MELBOURNE : BERLIN }));
  assert.deepEqual(findDoubts(LOT, lots), []);
});

test("a stranger far from the holder is a doubt, unless the thing was sold", () => {
  const stocked = makeStep(0, own, { place: BERLIN, step: "stocking" });
  const seen = makeStep(100, own, { place: HAMBURG, log: "observation" });
  assert.deepEqual(
    findDoubts(PHONE, [stocked, seen]).map(({ reason }) => reason),
    ["elsewhere"],
  );
  const sold = makeStep(1, own, { place: BERLIN, step: "retail_selling" });
  assert.deepEqual(findDoubts(PHONE, [stocked, sold, seen]), []);
});

test("the way on a map is that of origins and item, without the later lives of others", () => {
  const mined = makeStep(0, [["epc", LOT]]);
  const made = makeStep(
    1,
    [
      ["input", LOT],
      ["output", PHONE],
    ],
    { type: "TransformationEvent" },
  );
  const remark = makeStep(2, [["epc", LOT]], { log: "observation" });
  const sold = makeStep(3, own);
  const others = makeStep(4, [["epc", OTHER]]);
  assert.deepEqual(wayOf(PHONE, [mined, made, remark, sold, others]), [mined, made, sold]);
});
