import assert from "node:assert/strict";
import { test } from "node:test";
import { createClosers } from "./closers.ts";

test("all are closed in reverse, once, and the first problem is told", async () => {
  const closed: string[] = [];
  const closers = createClosers();
  closers.add(async () => void closed.push("store"));
  closers.add(async () => {
    closed.push("worker");
    throw new Error("worker");
  });
  closers.add(async () => {
    closed.push("server");
    throw new Error("server");
  });
  await assert.rejects(closers.closeAll(), /server/);
  await assert.rejects(closers.closeAll(), /server/);
  assert.deepEqual(closed, ["server", "worker", "store"]);
});
