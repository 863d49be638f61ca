import assert from "node:assert/strict";
import { test } from "node:test";
import { hashHeader } from "@lhg/protocol/core/block/header";
import fc from "fast-check";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { ANSWER_BYTES_MAX, type ReceivedBlock } from "./block-messages.ts";
import { type Ask, createBlockWindow, WINDOW_BYTES_MAX } from "./block-window.ts";
import { makeToyChain } from "./testing.ts";

const chain = makeToyChain(2_000);
const received: readonly ReceivedBlock[] = chain.blocks.map(({ header }, i) => ({
  encoded: chain.encoded[i]!,
  header,
  hash: hashHeader(sodiumCrypto, header),
}));
const all = { first: 1, last: 2_000 };

test("peers are asked for different heights, lowest first, and for the same only when an ask is overdue", () => {
  const window = createBlockWindow();
  const first = window.beginAsk("a", all, ANSWER_BYTES_MAX, 1)!;
  const second = window.beginAsk("b", all, ANSWER_BYTES_MAX, 1)!;
  assert.deepEqual([first.from, first.count, second.from], [1, 64, 65]);
  first.isOverdue = true;
  assert.equal(window.beginAsk("a", all, ANSWER_BYTES_MAX, 1)?.from, 129);
  assert.deepEqual(window.beginAsk("b", all, ANSWER_BYTES_MAX, 1), { ...first, peer: "b", isOverdue: false });
});

test("a peer is asked only for what it serves, and nobody for what lies too far ahead", () => {
  const window = createBlockWindow();
  const ask = window.beginAsk("a", { first: 10, last: 12 }, ANSWER_BYTES_MAX, 5)!;
  assert.deepEqual([ask.from, ask.count], [10, 3]);
  assert.equal(window.beginAsk("a", { first: 1, last: 4 }, ANSWER_BYTES_MAX, 5), undefined);
  assert.equal(window.beginAsk("a", { first: 1_100, last: 1_200 }, ANSWER_BYTES_MAX, 5), undefined);
});

test("a block said to be too large is asked for alone, when it is next, and by others as any other", () => {
  const window = createBlockWindow();
  const small = window.beginAsk("a", all, 1 << 20, 1)!;
  window.endAsk(small);
  window.noteOversize(small, 5 << 20);
  assert.equal(window.beginAsk("b", all, ANSWER_BYTES_MAX, 1)?.count, 64);
  const other = createBlockWindow();
  other.noteOversize(small, 5 << 20);
  const alone = other.beginAsk("b", all, 1 << 20, 1)!;
  assert.deepEqual([alone.from, alone.count, alone.bytesMax], [1, 1, 5 << 20]);
  other.noteOversize({ ...small, from: 2 }, 5 << 20);
  assert.equal(other.beginAsk("c", all, 1 << 20, 1)?.from, 3);
  assert.equal(other.findOversizeLiar(1, 1_000), "a");
  assert.equal(other.findOversizeLiar(1, 2 << 20), undefined);
});

test("a large block that is next makes what was fetched ahead give way", () => {
  const window = createBlockWindow();
  const first = window.beginAsk("a", all, ANSWER_BYTES_MAX, 1)!;
  for (;;) {
    const ask = window.beginAsk("a", all, ANSWER_BYTES_MAX, 1);
    if (ask === undefined) break;
    window.endAsk(ask);
    window.hold("a", received.slice(ask.from - 1, ask.from + ask.count - 1), ask.bytesMax, 1);
  }
  assert.ok(window.usedBytes > WINDOW_BYTES_MAX / 2);
  window.endAsk(first);
  window.noteOversize(first, 60 << 20);
  assert.equal(window.beginAsk("b", all, ANSWER_BYTES_MAX, 1)?.bytesMax, 60 << 20);
  assert.ok(window.usedBytes <= WINDOW_BYTES_MAX + 1024);
});

test("whatever is asked, given, dropped: the window holds its bound, and the next height is never shut out", () => {
  const step = fc.record({
    kind: fc.constantFrom("ask", "answer", "fail", "apply", "lie", "overdue"),
    peer: fc.constantFrom("a", "b", "c", "d", "e"),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const window = createBlockWindow();
      const asks: Ask[] = [];
      let next = 1;
      for (const { kind, peer, share } of steps) {
        const ask = asks[Math.floor(share * asks.length)];
        if (kind === "ask") {
          const begun = window.beginAsk(peer, all, ANSWER_BYTES_MAX, next);
          if (begun !== undefined) asks.push(begun);
        } else if (kind === "apply") {
          if (window.get(next) !== undefined) next += 1;
          window.dropBelow(next);
        } else if (kind === "lie") window.dropGiver(peer);
        else if (ask !== undefined && kind === "overdue") ask.isOverdue = true;
        else if (ask !== undefined) {
          asks.splice(asks.indexOf(ask), 1);
          window.endAsk(ask);
          const blocks = received.slice(ask.from - 1, ask.from - 1 + Math.ceil(share * ask.count));
          if (kind === "answer" && !ask.isDropped)
            window.hold(ask.peer, blocks, Math.floor(share * ask.bytesMax), next);
        }
        // Two more at most: the next height asked for again of others.
        assert.ok(window.usedBytes <= WINDOW_BYTES_MAX + 2 * (ANSWER_BYTES_MAX + 1024));
        const isNextAsked = asks.some(
          (each) => !each.isDropped && each.from <= next && next < each.from + each.count,
        );
        if (window.get(next) === undefined && !isNextAsked) {
          const fresh = window.beginAsk("f", all, ANSWER_BYTES_MAX, next);
          assert.equal(fresh?.from, next);
          window.endAsk(fresh!);
        }
      }
      for (const ask of asks) window.endAsk(ask);
      window.dropBelow(3_000);
      assert.equal(window.usedBytes, 0);
    }),
    { numRuns: 100 },
  );
});
