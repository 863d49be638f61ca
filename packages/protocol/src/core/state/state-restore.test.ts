import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { byteString, compareBytes, concatBytes, encodeUtf8 } from "../bytes.ts";
import { encodeCbor } from "../codec/cbor.ts";
import { StateOverlay } from "./overlay.ts";
import { APP, BASE, ITEMS, type Partition } from "./partition.ts";
import { createStateExport, VALUES_RANGE } from "./state-export.ts";
import { MapBuilder } from "./state-restore.ts";
import { type KeyValueWrite, VersionedState } from "./versioned-state.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const hasher = {
  sha256,
  hashPairs: (pairs: Uint8Array) =>
    concatBytes(
      ...Array.from({ length: pairs.length / 64 }, (_, i) => sha256(pairs.subarray(64 * i, 64 * i + 64))),
    ),
  keccak256: sha256,
  decompressSecp256k1: (key: Uint8Array) => key,
};

/** A store in memory: keys in order when they are scanned. */
class World {
  readonly held = new Map<string, KeyValueWrite & { readonly value: Uint8Array }>();
  readonly store = { get: (key: Uint8Array) => this.held.get(byteString(key))?.value };

  write(writes: readonly KeyValueWrite[]): void {
    for (const { key, value } of writes)
      if (value === undefined) this.held.delete(byteString(key));
      else this.held.set(byteString(key), { key, value });
  }

  scan() {
    return [...this.held.values()]
      .filter(({ key }) => compareBytes(key, VALUES_RANGE.gte) >= 0 && compareBytes(key, VALUES_RANGE.lt) < 0)
      .sort((a, b) => compareBytes(a.key, b.key));
  }
}

const PARTITIONS: readonly Partition[] = [BASE, ITEMS];
const keyOf = (key: number): Uint8Array => encodeCbor([1, 2, key]);
const change = fc.record({
  partition: fc.nat(1),
  key: fc.nat(60),
  value: fc.option(fc.nat(9), { nil: undefined }),
});
const history = fc.array(fc.array(change, { maxLength: 40 }), { minLength: 1, maxLength: 12 });

function runHistory(
  blocks: readonly (readonly { partition: number; key: number; value: number | undefined }[])[],
) {
  const world = new World();
  const state = new VersionedState(hasher, world.store);
  blocks.forEach((changes, version) => {
    const overlay = new StateOverlay(state);
    for (const { partition, key, value } of changes)
      overlay.setValue(
        PARTITIONS[partition]!,
        keyOf(key),
        value === undefined ? undefined : encodeUtf8(`value ${value}`),
      );
    const commit = state.prepareCommit(overlay, [], version);
    world.write(commit.writes);
    commit.accept();
  });
  return { world, state };
}

test("what a scan at the head tells of any earlier version builds that version, proofs included", () => {
  fc.assert(
    fc.property(history, fc.nat(), fc.integer({ min: 1, max: 20 }), (blocks, pick, pairsMax) => {
      const { world, state } = runHistory(blocks);
      const head = blocks.length - 1;
      const version = pick % blocks.length;
      const read = createStateExport(world.store, version, head);
      const target = new World();
      const maps = new MapBuilder(hasher, target.store, version, pairsMax);
      const finish = (): void => {
        for (const writes of maps.drain()) target.write(writes);
        target.write(maps.finish().writes);
      };
      let partition: Partition | undefined;
      for (const stored of world.scan()) {
        const entry = read(stored);
        if (entry === undefined) continue;
        if (partition?.name !== entry.partition.name) {
          if (partition !== undefined) finish();
          partition = entry.partition;
          maps.start(partition);
        }
        target.write([maps.add(entry.key, entry.value)]);
        if (maps.isFull) for (const writes of maps.drain()) target.write(writes);
      }
      if (partition !== undefined) finish();
      const restored = new VersionedState(hasher, target.store);
      assert.deepEqual(restored.getAppHash(version), state.getAppHash(version));
      for (const each of [APP, ...PARTITIONS])
        for (let key = 0; key <= 60; key++) {
          const path = each === APP ? PARTITIONS[key % 2]!.id : keyOf(key);
          assert.deepEqual(restored.getValueAt(each, path, version), state.getValueAt(each, path, version));
          assert.deepEqual(restored.proveValue(each, path, version), state.proveValue(each, path, version));
        }
    }),
    { numRuns: 30 },
  );
});
