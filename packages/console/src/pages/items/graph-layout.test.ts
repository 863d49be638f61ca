import assert from "node:assert/strict";
import { test } from "node:test";
import { layOutGraph, NODES_MAX } from "./graph-layout.ts";
import { LOT, makeStep, OTHER, PALLET, PHONE } from "./testing-steps.ts";

const pack = { type: "AggregationEvent", action: "ADD" } as const;

test("what came first stands left, and siblings share a node", () => {
  const siblings = Array.from({ length: 50 }, (_, i) => `${OTHER}${i}`);
  const made = makeStep(1, [["input", LOT], ...[PHONE, ...siblings].map((id) => ["output", id] as const)], {
    type: "TransformationEvent",
    action: null,
  });
  const packed = makeStep(
    2,
    [["parent", PALLET], ...[PHONE, ...siblings].map((id) => ["child", id] as const)],
    pack,
  );
  const graph = layOutGraph(PHONE, [made, packed], [PHONE, LOT, PALLET, ...siblings]);
  const columnOf = (identity: string): number | undefined =>
    graph.nodes.find(({ items }) => items.includes(identity))?.column;
  assert.deepEqual([LOT, PHONE, PALLET].map(columnOf), [0, 1, 2]);
  assert.equal(graph.nodes.length, 4);
  assert.deepEqual(graph.nodes.find(({ isAsked }) => isAsked)?.items, [PHONE]);
});

test("a circle ends, and a crowd is cut with a count", () => {
  const circle = [
    makeStep(
      1,
      [
        ["parent", PALLET],
        ["child", PHONE],
      ],
      pack,
    ),
    makeStep(
      2,
      [
        ["parent", PHONE],
        ["child", PALLET],
      ],
      pack,
    ),
  ];
  assert.equal(layOutGraph(PHONE, circle, [PHONE, PALLET]).edges.length, 2);
  const many = Array.from({ length: 100 }, (_, i) => [`${LOT}${i}`, `${PALLET}${i}`] as const);
  const pairs = many.map(([child, parent]) =>
    makeStep(
      1,
      [
        ["parent", parent],
        ["child", child],
      ],
      pack,
    ),
  );
  const crowd = layOutGraph(PHONE, pairs, many.flat());
  assert.equal(crowd.nodes.length, NODES_MAX);
  assert.equal(crowd.hidden, 201 - NODES_MAX);
});

test("events of one transformation are one edge", () => {
  const inputs = makeStep(1, [["input", LOT]], { type: "TransformationEvent", action: null });
  const outputs = makeStep(2, [["output", PHONE]], { type: "TransformationEvent", action: null });
  const items = [PHONE, LOT];
  assert.equal(layOutGraph(PHONE, [inputs, outputs], items, [null, null]).edges.length, 0);
  assert.equal(layOutGraph(PHONE, [inputs, outputs], items, ["urn:x:1", "urn:x:1"]).edges.length, 1);
});

test("things of one article and one history are one node, those of another lot are not", () => {
  const lots = [LOT, `${LOT}B`];
  const phones = lots.map((_, lot) => [1, 2, 3].map((n) => `${PHONE}${lot}${n}`));
  const made = lots.map((lot, i) =>
    makeStep(1, [["input", lot], ...phones[i]!.map((id) => ["output", id] as const)], {
      type: "TransformationEvent",
      action: null,
    }),
  );
  const built = phones.flat().map((id) =>
    makeStep(
      2,
      [
        ["child", id],
        ["parent", `https://id.gs1.org/01/04012345999990/21/${id.slice(-2)}`],
      ],
      {
        type: "AssociationEvent",
        action: "ADD",
      },
    ),
  );
  const all = [...lots, ...phones.flat(), ...built.map(({ event }) => event.items[1]!.identity)];
  const graph = layOutGraph(LOT, [...made, ...built], all);
  assert.deepEqual(graph.nodes.map(({ items }) => items.length).sort(), [1, 1, 3, 3, 3, 3]);
});
