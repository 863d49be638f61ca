import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { compareBytes, toHex } from "../../../protocol/src/core/bytes.ts";
import { InvariantError, type LhgError } from "../../../protocol/src/core/errors.ts";
import { openLevelStore } from "./level-store.ts";
import { createCrashingStore, createMemoryStore } from "./memory-store.ts";
import type { KeyRange, Store, StoreEntry, StoreWrite } from "./store.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "lhg-store-"));
});
after(() => rm(directory, { recursive: true }));

let opened = 0;
function newDirectory(): string {
  opened += 1;
  return join(directory, `${opened}`);
}

const key = fc.uint8Array({ maxLength: 3 });
const write: fc.Arbitrary<StoreWrite> = fc.record({
  key,
  value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined, freq: 4 }),
});
const commits = fc.array(fc.array(write, { maxLength: 8 }), { maxLength: 6 });
const range: fc.Arbitrary<KeyRange> = fc.record(
  { gte: key, lt: key, reverse: fc.boolean() },
  { requiredKeys: [] },
);

/** The contract in its plainest form: a map sorted when asked. */
function applyToModel(model: Map<string, StoreEntry>, writes: readonly StoreWrite[]): void {
  for (const { key, value } of writes) {
    if (value === undefined) model.delete(toHex(key));
    else model.set(toHex(key), { key, value });
  }
}

function scanModel(model: Map<string, StoreEntry>, range: KeyRange): StoreEntry[] {
  const entries = [...model.values()]
    .filter(({ key }) => range.gte === undefined || compareBytes(key, range.gte) >= 0)
    .filter(({ key }) => range.lt === undefined || compareBytes(key, range.lt) < 0)
    .sort((a, b) => compareBytes(a.key, b.key));
  return range.reverse ? entries.reverse() : entries;
}

async function readAll<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

const stores: Record<string, () => Promise<Store>> = {
  memory: async () => createMemoryStore(),
  level: () => openLevelStore(newDirectory()),
};

for (const [name, open] of Object.entries(stores)) {
  describe(`${name} store`, () => {
    test("behaves like a sorted map", async () => {
      await fc.assert(
        fc.asyncProperty(commits, range, fc.integer({ min: 1, max: 5 }), async (batches, range, limit) => {
          const store = await open();
          const model = new Map<string, StoreEntry>();
          for (const batch of batches) {
            await store.commit(batch);
            applyToModel(model, batch);
            for (const { key } of batch) assert.deepEqual(store.get(key), model.get(toHex(key))?.value);
          }
          assert.deepEqual(await store.scan({ ...range, limit: 1000 }), scanModel(model, range));
          assert.deepEqual(await store.scan({ ...range, limit }), scanModel(model, range).slice(0, limit));
          assert.deepEqual(await readAll(store.iterate(range)), scanModel(model, range));
          await store.close();
        }),
        { numRuns: name === "level" ? 25 : 200 },
      );
    });

    test("shows a commit only when its promise has resolved, and all of it", async () => {
      const store = await open();
      const keys = Array.from({ length: 500 }, (_, i) => Uint8Array.of(i >> 8, i & 255));
      const last = keys[499] as Uint8Array;
      await store.commit([{ key: last, value: Uint8Array.of(0) }]);
      let resolved = false;
      const commit = store.commit(keys.map((key) => ({ key, value: Uint8Array.of(1) }))).then(() => {
        resolved = true;
      });
      // Hold the event loop while LevelDB's thread finishes: the batch is in, its promise cannot have resolved.
      const until = performance.now() + 50;
      while (performance.now() < until);
      assert.deepEqual(store.get(last), Uint8Array.of(0));
      const during = store.iterate({});
      while (!resolved) {
        assert.deepEqual(store.get(last), Uint8Array.of(0));
        assert.equal(store.get(keys[0] as Uint8Array), undefined);
        await new Promise(setImmediate);
      }
      await commit;
      assert.deepEqual(store.get(last), Uint8Array.of(1));
      assert.equal((await store.scan({ limit: 1000 })).length, 500);
      assert.equal((await readAll(during)).length, 1, "an iteration keeps the state it began with");
      await store.close();
    });

    test("takes one commit at a time and nothing after close", async () => {
      const store = await open();
      const commit = store.commit([]);
      assert.throws(() => store.commit([]), InvariantError);
      await commit;
      await assert.rejects(store.scan({ limit: 0 }), InvariantError);
      const last = store.commit([{ key: Uint8Array.of(1), value: Uint8Array.of(1) }]);
      await store.close();
      await last;
      assert.throws(() => store.get(Uint8Array.of(1)), { code: "store.closed" });
      assert.throws(() => store.commit([]), { code: "store.closed" });
    });

    test("copies what it is given and what it gives", async () => {
      const store = await open();
      const key = Uint8Array.of(1);
      const value = Uint8Array.of(7);
      const commit = store.commit([{ key, value }]);
      value[0] = 8;
      await commit;
      (store.get(key) as Uint8Array)[0] = 9;
      assert.deepEqual(store.get(key), Uint8Array.of(7));
      assert.equal(store.get(key)?.constructor, Uint8Array, "not a Buffer");
      await store.close();
    });
  });
}

describe("level store", () => {
  test("keeps what was committed", async () => {
    const path = newDirectory();
    const first = await openLevelStore(path);
    await first.commit([{ key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
    await first.close();
    const second = await openLevelStore(path);
    assert.deepEqual(second.get(Uint8Array.of(1)), Uint8Array.of(2));
    assert.ok((await second.sizeBytes()) >= 0);
    await second.close();
  });

  test("is exclusive", async () => {
    const path = newDirectory();
    const store = await openLevelStore(path);
    await assert.rejects(openLevelStore(path), { code: "store.locked" });
    await store.close();
  });

  test("names damage and refused directories", async () => {
    const path = newDirectory();
    await (await openLevelStore(path)).close();
    const manifest = (await readdir(path)).find((name) => name.startsWith("MANIFEST")) as string;
    await truncate(join(path, manifest), 3);
    await assert.rejects(openLevelStore(path), { code: "store.corrupt" });
    const file = newDirectory();
    await writeFile(file, "");
    await assert.rejects(openLevelStore(file), (error: LhgError) => error.code === "store.io");
  });
});

const CHILD = `
import { openLevelStore } from ${JSON.stringify(new URL("./level-store.ts", import.meta.url).href)};
const store = await openLevelStore(process.argv[1], { writeBufferBytes: 65536 });
for (let n = 0; ; n++) {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, n);
  await store.commit(Array.from({ length: 50 }, (_, i) => ({ key: Uint8Array.of(i), value })));
  process.stdout.write(n + "\\n");
}
`;

test("level store: kill -9 leaves whole commits, and all that were acknowledged", async () => {
  const path = newDirectory();
  const child = spawn(process.execPath, ["--input-type=module", "-e", CHILD, path]);
  let output = "";
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (output.length > 1000) child.kill("SIGKILL");
    });
    child.on("close", () => resolve());
  });
  const acknowledged = Number(output.split("\n").at(-2));
  assert.ok(acknowledged > 100, errors);
  const store = await openLevelStore(path);
  const found = (await store.scan({ limit: 100 })).map(({ value }) =>
    new DataView(value.buffer).getUint32(0),
  );
  assert.equal(found.length, 50);
  assert.equal(new Set(found).size, 1, "no commit is torn");
  assert.ok((found[0] as number) >= acknowledged);
  await store.close();
});

describe("crashing store", () => {
  const numbered = (n: number): StoreWrite[] => [
    { key: Uint8Array.of(0), value: Uint8Array.of(n) },
    { key: Uint8Array.of(1), value: Uint8Array.of(n) },
  ];
  const lastCommit = (store: Store): number => store.get(Uint8Array.of(0))?.[0] ?? 0;

  test("loses at most the commit in flight, and that whole", async () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const disk = createCrashingStore(seed);
      await disk.store.commit(numbered(1));
      await disk.store.commit(numbered(2));
      const dying = disk.store;
      let resolved = false;
      void dying.commit(numbered(3)).then(() => {
        resolved = true;
      });
      for (let i = 0; i < seed % 8; i++) await Promise.resolve();
      disk.crash();
      await new Promise(setImmediate);
      assert.throws(() => dying.get(Uint8Array.of(0)), { code: "store.closed" });
      const found = lastCommit(disk.store);
      assert.ok(found >= (resolved ? 3 : 2));
      assert.equal(disk.store.get(Uint8Array.of(1))?.[0], found, "not torn");
      seen.add(found);
    }
    assert.deepEqual([...seen].sort(), [2, 3]);
  });

  test("can model a missing fsync", async () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const disk = createCrashingStore(seed, { dropUnsynced: true });
      for (let n = 1; n <= 3; n++) await disk.store.commit(numbered(n));
      disk.crash();
      seen.add(lastCommit(disk.store));
    }
    assert.ok(seen.has(1) && seen.has(3), "resolved commits may be lost in this mode");
  });
});
