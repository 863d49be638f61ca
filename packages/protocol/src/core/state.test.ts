import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { byteString, concatBytes, encodeUtf8, toHex } from "./bytes.ts";
import { verifyTrieProof } from "./merkle/trie-proof.ts";
import { StateOverlay } from "./state/overlay.ts";
import { APP, BASE, ITEMS, type Partition, vendorPartition } from "./state/partition.ts";
import { VERSIONS_KEPT, VersionedState } from "./state/versioned-state.ts";

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

const PARTITIONS: readonly Partition[] = [BASE, ITEMS, vendorPartition(new Uint8Array(20).fill(1))];
const KEYS = 40;
const keyOf = (key: number): Uint8Array => encodeUtf8(`key ${key}`);

interface Write {
  readonly partition: number;
  readonly key: number;
  /** Undefined deletes. */
  readonly value: number | undefined;
}

/** A store that tells what was read of it, under a state that can forget its caches. */
class World {
  readonly store = new Map<string, Uint8Array>();
  readonly read = new Set<string>();
  state = this.open();
  /** After each version, what each partition holds: version 0 is the first. */
  readonly model: Map<string, Uint8Array>[] = [];

  private open(): VersionedState {
    return new VersionedState(hasher, {
      get: (key) => {
        const name = byteString(key);
        const value = this.store.get(name);
        if (value !== undefined) this.read.add(name);
        return value;
      },
    });
  }

  reopen(): void {
    this.state = this.open();
  }

  commit(writes: readonly Write[]): void {
    const overlay = new StateOverlay(this.state);
    const next = new Map(this.model.at(-1));
    for (const { partition, key, value } of writes) {
      const encoded = value === undefined ? undefined : encodeUtf8(`value ${value}`);
      overlay.setValue(PARTITIONS[partition]!, keyOf(key), encoded);
      if (encoded === undefined) next.delete(`${partition}/${key}`);
      else next.set(`${partition}/${key}`, encoded);
    }
    const commit = this.state.prepareCommit(overlay, [], this.model.length);
    for (const { key, value } of commit.writes)
      if (value === undefined) this.store.delete(byteString(key));
      else this.store.set(byteString(key), value);
    commit.accept();
    this.model.push(next);
  }

  /** Values and proofs of every key at every version that is kept; leaves in `read` whatever it took. */
  checkKept(): void {
    const newest = this.model.length - 1;
    for (let version = Math.max(0, newest - VERSIONS_KEPT); version <= newest; version++) {
      const appHash = this.state.getAppHash(version);
      for (const [number, partition] of PARTITIONS.entries()) {
        const record = this.state.getPartitionRecord(this.state.viewAt(version), partition);
        const appProof = this.state.proveValue(APP, partition.id, version);
        const verdict = verifyTrieProof(hasher, appHash, sha256(partition.id), appProof);
        assert.equal(verdict?.present, record !== undefined);
        for (let key = 0; key < KEYS; key++) {
          const expected = this.model[version]!.get(`${number}/${key}`);
          assert.deepEqual(this.state.getValueAt(partition, keyOf(key), version), expected);
          const proof = this.state.proveValue(partition, keyOf(key), version);
          if (record === undefined) continue;
          const shown = verifyTrieProof(hasher, record.mapRoot, sha256(keyOf(key)), proof);
          assert.ok(shown !== undefined, `key ${key} of version ${version} is proven`);
          assert.equal(shown.present, expected !== undefined);
          if (shown.present) assert.deepEqual(shown.valueHash, sha256(expected!));
        }
      }
    }
  }
}

const write = fc.record({
  partition: fc.nat(PARTITIONS.length - 1),
  key: fc.nat(KEYS - 1),
  value: fc.option(fc.nat(5), { nil: undefined, freq: 2 }),
});
/** Long enough for what is obsolete to be collected, with idle stretches in between. */
const history = fc
  .array(fc.oneof(fc.array(write, { maxLength: 12 }), fc.constant([])), { minLength: 5, maxLength: 40 })
  .chain((early) =>
    fc
      .tuple(
        fc.integer({ min: 0, max: VERSIONS_KEPT }),
        fc.array(fc.array(write, { maxLength: 6 }), { maxLength: 50 }),
      )
      .map(([idle, late]) => [...early, ...Array.from({ length: idle }, (): Write[] => []), ...late]),
  );

test("values and proofs at each kept version equal a model, with caches and without", () => {
  fc.assert(
    fc.property(history, (blocks) => {
      const world = new World();
      for (const writes of blocks) world.commit(writes);
      world.checkKept();
      world.reopen();
      world.checkKept();
    }),
    { numRuns: 4 },
  );
});

test("the store holds exactly what the kept versions need", () => {
  const GARBAGE = 6;
  fc.assert(
    fc.property(history, (blocks) => {
      const world = new World();
      for (const writes of blocks) world.commit(writes);
      world.reopen();
      world.read.clear();
      world.checkKept();
      const unneeded = [...world.store.keys()].filter(
        (name) => name.charCodeAt(0) !== GARBAGE && !world.read.has(name),
      );
      assert.deepEqual(
        unneeded.map((name) => toHex(Uint8Array.from(name, (c) => c.charCodeAt(0)))),
        [],
      );
    }),
    { numRuns: 6 },
  );
});

test("what stands in the store depends on the blocks alone, not on when the process began", () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(150), { maxLength: 8 }), (blocks, restarts) => {
      const [steady, restarted] = [new World(), new World()];
      for (const [height, writes] of blocks.entries()) {
        steady.commit(writes);
        if (restarts.includes(height)) restarted.reopen();
        restarted.commit(writes);
        assert.deepEqual(restarted.state.getAppHash(height), steady.state.getAppHash(height));
      }
      assert.deepEqual([...restarted.store].sort(), [...steady.store].sort());
    }),
    { numRuns: 15 },
  );
});

test("a key that comes back long after it was deleted has the same history for every process", () => {
  const worlds = [new World(), new World()];
  for (const world of worlds) {
    world.commit([{ partition: 0, key: 1, value: 1 }]);
    world.commit([{ partition: 0, key: 1, value: undefined }]);
    for (let i = 0; i < VERSIONS_KEPT + 5; i++) world.commit([{ partition: 0, key: 2, value: i }]);
    if (world === worlds[1]) world.reopen();
    world.commit([{ partition: 0, key: 1, value: 2 }]);
  }
  assert.deepEqual([...worlds[1]!.store].sort(), [...worlds[0]!.store].sort());
});

test("an overlay that is thrown away leaves nothing, and its version can be used again", () => {
  const world = new World();
  world.commit([{ partition: 0, key: 1, value: 1 }]);
  const before = [...world.store];
  const overlay = new StateOverlay(world.state);
  overlay.setValue(BASE, keyOf(1), encodeUtf8("other"));
  world.state.prepareCommit(overlay, [], 1);
  assert.deepEqual([...world.store], before);
  world.commit([{ partition: 0, key: 2, value: 2 }]);
  world.checkKept();
});

test("reverting an overlay to a checkpoint undoes everything since, deletions and derived data too", () => {
  const operation = fc.oneof(write, fc.record({ derived: fc.nat(5), value: fc.nat(5) }));
  fc.assert(
    fc.property(fc.array(operation), fc.array(operation), (first, second) => {
      const world = new World();
      world.commit([{ partition: 0, key: 1, value: 1 }]);
      const apply = (overlay: StateOverlay, operations: readonly (typeof first)[number][]): void => {
        for (const step of operations)
          if ("derived" in step) overlay.putDerived(keyOf(step.derived), Uint8Array.of(step.value));
          else {
            const value = step.value === undefined ? undefined : Uint8Array.of(step.value);
            overlay.setValue(PARTITIONS[step.partition]!, keyOf(step.key), value);
          }
      };
      const show = (overlay: StateOverlay): unknown => [
        PARTITIONS.map((partition) => overlay.changesOf(partition)),
        overlay.derivedChanges(),
      ];
      const [plain, reverted] = [new StateOverlay(world.state), new StateOverlay(world.state)];
      for (const overlay of [plain, reverted]) apply(overlay, first);
      const checkpoint = reverted.checkpoint();
      apply(reverted, second);
      reverted.revert(checkpoint);
      assert.deepEqual(show(reverted), show(plain));
    }),
  );
});
