import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openChunkStore } from "./chunk-store.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)];

test("chunks are found again by the next start, and those of other offers go", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "lhg-chunks-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const store = openChunkStore(join(directory, "snapshot"));
  assert.deepEqual(await store.listOffers(), []);
  assert.equal(await store.read(A, 0), undefined);
  assert.ok((await store.roomBytes()) > 0);
  await store.begin(A);
  await store.write(A, 0, Uint8Array.of(1, 2));
  await store.write(A, 12, Uint8Array.of(3));
  await store.write(A, 12, Uint8Array.of(4));
  await writeFile(join(directory, "snapshot", A, "13.new"), "half");
  const again = openChunkStore(join(directory, "snapshot"));
  await again.begin(A);
  assert.deepEqual((await again.listChunks(A)).sort(), [0, 12]);
  assert.deepEqual(await again.read(A, 12), Uint8Array.of(4));
  assert.equal(await again.read(A, 1), undefined);
  await again.begin(B);
  assert.deepEqual(await again.listOffers(), [B]);
  await again.clear();
  assert.deepEqual(await again.listOffers(), []);
});

test("what was rejected stays rejected", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "lhg-chunks-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const store = openChunkStore(directory);
  assert.deepEqual(await store.listRejected(), []);
  await store.reject(A);
  await store.reject(B);
  await store.clear();
  assert.deepEqual(await openChunkStore(directory).listRejected(), [A, B]);
});
