import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createBodyBudget } from "./body-budget.ts";

test("bodies share one budget, and what has ended gives its share back", async () => {
  const budget = createBodyBudget(100);
  const [slow, big] = [budget.meter(), budget.meter()];
  slow.resume().write(Buffer.alloc(60));
  await new Promise(setImmediate);
  assert.equal(budget.heldBytes, 60);
  const failed = once(big, "error");
  big.resume().write(Buffer.alloc(50));
  assert.equal((await failed)[0].code, "body.busy");
  slow.destroy();
  await new Promise(setImmediate);
  assert.equal(budget.heldBytes, 0);
});
