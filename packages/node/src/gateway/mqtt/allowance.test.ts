import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAllowance } from "./allowance.ts";

const WIDE = { perSecond: 1e9, burst: 1e9 };

test("a burst is free, what is beyond it is waited for", () => {
  const allowance = createAllowance({ perSecond: 50, burst: 200 }, WIDE);
  assert.equal(allowance.spend(200, 0, 0), 0);
  assert.equal(allowance.spend(50, 0, 0), 1_000);
  assert.equal(allowance.spend(0, 0, 1_000), 0);
  assert.equal(allowance.spend(1, 0, 1_000), 20);
});

test("bytes are counted beside messages, and the longer wait counts", () => {
  const allowance = createAllowance({ perSecond: 50, burst: 200 }, { perSecond: 1_000, burst: 4_000 });
  assert.equal(allowance.spend(1, 6_000, 0), 2_000);
});

test("who waits as told never sends more than burst and rate allow", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(300), fc.nat(2_000)), { maxLength: 50 }), (calls) => {
      const allowance = createAllowance({ perSecond: 50, burst: 200 }, WIDE);
      let nowMs = 0;
      let sent = 0;
      for (const [messages, idleMs] of calls) {
        nowMs += idleMs;
        sent += messages;
        nowMs += allowance.spend(messages, 0, nowMs);
        assert.ok(sent <= 200 + (nowMs * 50) / 1_000 + 1e-6);
      }
    }),
  );
});
