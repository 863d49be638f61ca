import assert from "node:assert/strict";
import { test } from "node:test";
import { requireRoom, UNSENT_BYTES_MAX, UNSENT_MAX } from "./unsent-store.ts";

const entryOf = (sizeBytes: number) => ({ bytes: "00".repeat(sizeBytes) });

test("statements that wait are bounded in number and in size, and none is dropped for another", () => {
  const some = Array.from({ length: UNSENT_MAX - 1 }, () => entryOf(10));
  requireRoom(some, 10);
  assert.throws(() => requireRoom([...some, entryOf(1)], 0), { code: "outbox.full" });
  requireRoom([entryOf(1 << 20)], UNSENT_BYTES_MAX - (1 << 20));
  assert.throws(() => requireRoom([entryOf(1 << 20)], UNSENT_BYTES_MAX), { code: "outbox.full" });
});
