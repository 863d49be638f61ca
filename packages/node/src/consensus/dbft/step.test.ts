import assert from "node:assert/strict";
import { test } from "node:test";
import { decidedBlocks, makePuppets, settle } from "../../../simulation/puppets.ts";

test("four validators decide one block", () => {
  const net = makePuppets();
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
  assert.ok(net.nodes.every((node) => node.decision?.view === 0));
});

for (const count of [1, 2, 3, 5, 7, 10])
  test(`${count} validators decide one block`, () => {
    const net = makePuppets({ count });
    settle(net);
    assert.equal(decidedBlocks(net).length, 1);
    assert.ok(net.nodes.every((node) => node.decision !== undefined));
  });
