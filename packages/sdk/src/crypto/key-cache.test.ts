import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyCache } from "./key-cache.ts";

test("the least recently used key goes first, and the bound holds", () => {
  const cache = new KeyCache<number>(2);
  const derived: number[] = [];
  const look = (key: number): number | undefined =>
    cache.getOrDerive(Uint8Array.of(key), ([byte]) => {
      derived.push(byte!);
      return byte;
    });
  for (const key of [1, 2, 1, 3, 1, 2]) assert.equal(look(key), key);
  assert.deepEqual(derived, [1, 2, 3, 2]);
  assert.equal(cache.size, 2);
});

test("keys that fail their check are not kept", () => {
  const cache = new KeyCache<number>(2);
  assert.equal(
    cache.getOrDerive(Uint8Array.of(1), () => undefined),
    undefined,
  );
  assert.equal(cache.size, 0);
});
