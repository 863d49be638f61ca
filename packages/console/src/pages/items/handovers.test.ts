import assert from "node:assert/strict";
import { test } from "node:test";
import { findReceipts } from "./handovers.ts";
import { makeStep, OTHER, PALLET, PHONE } from "./testing-steps.ts";

test("a handover ends with the next step that received the same thing", () => {
  const shipped = makeStep(1, [["epc", PALLET]], { step: "shipping", flags: ["handedOver"] });
  const seen = makeStep(2, [["epc", PALLET]]);
  const received = makeStep(3, [["epc", PALLET]], { step: "receiving", flags: ["received"] });
  const onward = makeStep(4, [["epc", PALLET]], { step: "shipping", flags: ["handedOver"] });
  assert.deepEqual([...findReceipts(PHONE, [shipped, seen, received, onward])], [[shipped, received]]);
});

test("what another thing of the shipment became, and what was taken back, ends no handover", () => {
  const both = [
    ["epc", PHONE],
    ["epc", OTHER],
  ] as const;
  const shipped = makeStep(1, both, { flags: ["handedOver"] });
  const other = makeStep(2, [["epc", OTHER]], { flags: ["received"] });
  const retracted = makeStep(3, [["epc", PHONE]], { flags: ["received"], isRetracted: true });
  assert.equal(findReceipts(PHONE, [shipped, other, retracted]).size, 0);
});
