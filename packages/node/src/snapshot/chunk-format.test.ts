import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, fromHex, toHex } from "@lhg/protocol/core/bytes";
import fc from "fast-check";
import {
  CHUNK_BYTES_MAX,
  ChunkCutter,
  encodeChunk,
  encodeItem,
  HASHES_PER_ITEM,
  readItems,
  type SnapshotItem,
} from "./chunk-format.ts";

const someBytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
const plain = { noNullPrototype: true } as const;
const anyItem: fc.Arbitrary<SnapshotItem> = fc.oneof(
  fc.record({ kind: fc.constant("partition" as const), id: someBytes(1, 64) }, plain),
  fc.record({ kind: fc.constant("pair" as const), key: someBytes(1, 80), value: someBytes(0, 300) }, plain),
  fc.record({ kind: fc.constant("leaf" as const), leaf: someBytes(0, 300) }, plain),
  fc
    .array(someBytes(32, 32), { minLength: 1, maxLength: 8 })
    .map((hashes) => ({ kind: "hashes" as const, hashes: concatBytes(...hashes) })),
);

test("chunks hold the items they were cut from, in order, and none is larger than it may be", () => {
  fc.assert(
    fc.property(
      fc.array(anyItem, { maxLength: 60 }),
      fc.integer({ min: 16, max: 2_000 }),
      (items, chunkBytes) => {
        const cutter = new ChunkCutter(chunkBytes);
        const chunks = items.flatMap((item) => cutter.add(encodeItem(item)) ?? []);
        chunks.push(cutter.finish());
        assert.deepEqual(
          chunks.flatMap((chunk) => [...readItems(chunk)]),
          items,
        );
        for (const chunk of chunks) {
          const held = [...readItems(chunk)];
          assert.ok(chunk.length <= chunkBytes || held.length === 1);
          assert.deepEqual(encodeChunk(held.map(encodeItem)), chunk, "there is one encoding");
        }
      },
    ),
  );
});

test("the bytes are those that every other node makes", () => {
  const items: SnapshotItem[] = [
    { kind: "partition", id: fromHex("816462617365") },
    { kind: "pair", key: fromHex("820005"), value: fromHex("01") },
    { kind: "leaf", leaf: fromHex("02") },
    { kind: "hashes", hashes: new Uint8Array(32).fill(3) },
  ];
  assert.equal(
    toHex(encodeChunk(items.map(encodeItem))),
    `82018482004681646261736583014382000541018202410282035820${"03".repeat(32)}`,
  );
});

test("what is no item, too long or half a hash is refused where it stands", () => {
  const refused = (items: readonly string[], code: string, field: string): void =>
    assert.throws(
      () => [...readItems(encodeChunk(items.map((item) => fromHex(item))))],
      (error: { code: string; field: string }) => error.code === code && error.field === field,
      items.join(" "),
    );
  refused(["82024102", "820441ff"], "snapshot.item", "chunk[1]");
  refused(["8301014141"], "cbor.type", "chunk[0]");
  refused(["820040"], "snapshot.item", "chunk[0]");
  refused([`82005841${"00".repeat(65)}`], "snapshot.item", "chunk[0]");
  refused([`8203581f${"00".repeat(31)}`], "snapshot.item", "chunk[0]");
  refused([`82035821${"00".repeat(33)}`], "snapshot.item", "chunk[0]");
  const bytes = (HASHES_PER_ITEM + 1) * 32;
  refused([`820359${bytes.toString(16).padStart(4, "0")}${"00".repeat(bytes)}`], "snapshot.item", "chunk[0]");
  assert.throws(() => [...readItems(new Uint8Array(CHUNK_BYTES_MAX + 1))], { code: "snapshot.oversize" });
  assert.throws(() => [...readItems(fromHex("820280"))], { code: "snapshot.item" });
  assert.throws(() => new ChunkCutter().add(new Uint8Array(CHUNK_BYTES_MAX)), { code: "snapshot.oversize" });
});
