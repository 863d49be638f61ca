import assert from "node:assert/strict";
import { test } from "node:test";
import type { TracedEvent, TraceVerdict } from "@lhg/sdk/verify/verify-trace";
import { makeUnknownState } from "../../verify/check-trace.ts";
import type { ItemState, TraceProof } from "../../verify/messages.ts";
import { LOT, makeStep, OTHER, PALLET, PHONE } from "../items/testing-steps.ts";
import { findAffected, findOrigins } from "./affected.ts";

function makeState(identity: string, more: Partial<ItemState> = {}): ItemState {
  return { ...makeUnknownState(identity), isKnown: true, ...more };
}

function makeProof(events: readonly TracedEvent[], states: readonly ItemState[]): TraceProof {
  const items = states.map(({ identity }, depth) => ({ identity, depth }));
  const verdict = { events, items } as unknown as TraceVerdict;
  return { isProven: true, verdict, states, sources: [], tookMs: 0 };
}

const made = makeStep(
  1,
  [
    ["input", LOT],
    ["output", PHONE],
    ["output", OTHER],
  ],
  {
    type: "TransformationEvent",
    action: null,
  },
);
const packed = makeStep(
  2,
  [
    ["parent", PALLET],
    ["child", PHONE],
    ["child", OTHER],
  ],
  {
    type: "AggregationEvent",
    action: "ADD",
  },
);
const shipped = makeStep(3, [["epc", PALLET]], { step: "shipping" });
const sold = makeStep(4, [["epc", OTHER]], { step: "retail_selling", disposition: "retail_sold" });
const inPallet = { parents: [{ isAggregation: true, identity: PALLET }] };

test("the lot and the pallet are no affected items; the phones are, where their pallet is", () => {
  const states = [
    makeState(LOT, { quantities: ["0 KGM"] }),
    makeState(PHONE, inPallet),
    makeState(OTHER),
    makeState(PALLET, { custodian: "22".repeat(20) }),
  ];
  const found = findAffected(LOT, makeProof([made, packed, shipped, sold], states));
  assert.deepEqual(
    found.map(({ identity, status, last }) => [identity, status, last]),
    [
      [PHONE, "transit", shipped],
      [OTHER, "sold", sold],
    ],
  );
  assert.deepEqual(found[0]?.custody, { kind: "vendor", vendor: "22".repeat(20) });
});

test("what is left of a lot counts, and parts stand in what they were built into", () => {
  const states = [
    makeState(LOT, { quantities: ["12.5 KGM"] }),
    makeState(PHONE),
    makeState(OTHER, { parents: [{ isAggregation: false, identity: PHONE }] }),
  ];
  const found = findAffected(LOT, makeProof([made], states));
  assert.deepEqual(
    found.map(({ identity, status }) => [identity, status]),
    [
      [LOT, "left"],
      [PHONE, "stock"],
    ],
  );
});

test("an item that went into nothing is itself what is affected", () => {
  const found = findAffected(PHONE, makeProof([sold], [makeState(PHONE, { isEnded: true })]));
  assert.deepEqual(
    found.map(({ identity, status }) => [identity, status]),
    [[PHONE, "gone"]],
  );
});

test("origins leave out what only carried", () => {
  const found = findOrigins(
    PHONE,
    makeProof(
      [made, packed],
      [PHONE, LOT, PALLET].map((id) => makeState(id)),
    ),
  );
  assert.deepEqual(
    found.map(({ identity }) => identity),
    [LOT],
  );
});
