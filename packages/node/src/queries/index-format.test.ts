import assert from "node:assert/strict";
import { test } from "node:test";
import { compareBytes } from "@lhg/protocol/core/bytes";
import fc from "fast-check";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  blockContentsKey,
  decodeContents,
  decodeEntry,
  decodeEventRef,
  decodePlace,
  encodeContents,
  encodeEntry,
  encodeEventPlace,
  encodeEventRef,
  encodePlace,
  heightOfContentsKey,
  STATEMENT_KINDS,
} from "./index-format.ts";
import { scanAfter } from "./paging.ts";

const height = fc.nat(2 ** 31).map((value) => value * 1_000);
const position = fc.nat(0xffff_ffff);
const id = fc.uint8Array({ minLength: 32, maxLength: 32 });
const plain = { noNullPrototype: true };
const entry = fc.record({ kind: fc.constantFrom(...STATEMENT_KINDS), status: fc.nat(0xffff), id }, plain);

test("places sort newest first and read back", () => {
  const place = fc.record({ height, position }, plain);
  fc.assert(
    fc.property(place, place, (a, b) => {
      assert.deepEqual(decodePlace(encodePlace(a)), a);
      const order = b.height - a.height || b.position - a.position;
      assert.equal(Math.sign(compareBytes(encodePlace(a), encodePlace(b))), Math.sign(order));
    }),
  );
});

test("events sort by claimed time, whatever year it claims", () => {
  const place = fc.record({
    height,
    position,
    index: fc.nat(100_000),
    eventTimeMs: fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
  });
  fc.assert(
    fc.property(place, place, (a, b) => {
      const order =
        b.eventTimeMs - a.eventTimeMs || b.height - a.height || b.position - a.position || b.index - a.index;
      assert.equal(Math.sign(compareBytes(encodeEventPlace(a), encodeEventPlace(b))), Math.sign(order));
    }),
  );
});

test("entries, contents of blocks and event references read back", () => {
  fc.assert(
    fc.property(entry, fc.array(fc.record({ position, entry }, plain)), height, (one, many, at) => {
      assert.deepEqual(decodeEntry(encodeEntry(one)), one);
      const contents = many.map((placed) => ({ position: placed.position, ...placed.entry }));
      assert.deepEqual(decodeContents(encodeContents(contents)), contents);
      assert.equal(heightOfContentsKey(blockContentsKey(at)), at);
      const ref = { capture: one.id, index: 7 };
      assert.deepEqual(decodeEventRef(encodeEventRef(ref)), ref);
    }),
  );
});

test("a scan stays within its prefix, prefixes of 0xff bytes included", async () => {
  const key = fc
    .uint8Array({ minLength: 1, maxLength: 4 })
    .map((bytes) => bytes.map((byte) => (byte & 1 ? 0xff : byte & 2)));
  await fc.assert(
    fc.asyncProperty(fc.array(key, { maxLength: 12 }), key, async (keys, tail) => {
      const prefix = Uint8Array.of(0x20, ...tail);
      const store = createMemoryStore();
      const all = keys.map((rest) => Uint8Array.of(0x20, ...rest));
      await store.commit(all.map((each) => ({ key: each, value: new Uint8Array(1) })));
      const found = await scanAfter(store, prefix, undefined, 100);
      const expected = new Set(
        all.filter((each) => prefix.every((byte, i) => each[i] === byte)).map((each) => each.join()),
      );
      assert.deepEqual(new Set(found.map((each) => each.key.join())), expected);
    }),
    { numRuns: 50 },
  );
});
