import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { createMaintenance, type MaintenanceOptions } from "./maintenance.ts";
import { makeFolder } from "./testing.ts";

const DAY_MS = 86_400_000;

const info = (height: number) => ({
  height,
  format: 1,
  chunks: 1,
  hash: new Uint8Array(32),
  metadata: new Uint8Array(0),
  sizeBytes: 1,
});

async function create(context: Parameters<typeof makeFolder>[0], over: Partial<MaintenanceOptions>) {
  const told: string[] = [];
  const maintenance = createMaintenance({
    ledger: {
      makeSnapshot: async () => info(1),
      prune: async (beforeMs) => {
        told.push(`prune ${beforeMs}`);
        return { firstHeight: told.length, isDone: told.length >= 3 };
      },
    },
    directory: await makeFolder(context),
    pruneAfterDays: undefined,
    snapshotEveryBlocks: 0,
    snapshotsKept: 1,
    firstHeight: 1,
    log: (level, _, message) => told.push(`${level} ${message}`),
    onFatal: (error) => told.push(`fatal ${error}`),
    ...over,
  });
  return { maintenance, told };
}

test("an archive forgets nothing, and nobody who did not ask for snapshots gets any", async (context) => {
  const { maintenance, told } = await create(context, {});
  for (let height = 1; height < 1_000; height++) maintenance.noteBlock({ height, timeMs: height });
  await maintenance.stop();
  assert.deepEqual(told, []);
  assert.equal(maintenance.firstHeight, 1);
});

test("pruning goes on until nothing that old is left, by the time of the chain", async (context) => {
  const { maintenance, told } = await create(context, { pruneAfterDays: 2 });
  maintenance.noteBlock({ height: 63, timeMs: 5 * DAY_MS });
  maintenance.noteBlock({ height: 64, timeMs: 5 * DAY_MS });
  while (told.length < 3) await new Promise((resolve) => setImmediate(resolve));
  await maintenance.stop();
  assert.deepEqual(told, Array(3).fill(`prune ${3 * DAY_MS}`));
  assert.equal(maintenance.firstHeight, 3);
  maintenance.noteBlock({ height: 128, timeMs: 5 * DAY_MS });
  assert.equal(told.length, 3, "nothing begins once it is stopped");
});

test("snapshots are of multiples of a height; one that fails is told, what is broken ends the node", async (context) => {
  const failures = [new LhgError("snapshot.io", "no room"), new Error("broken")];
  const heights: number[] = [];
  let height = 0;
  const { maintenance, told } = await create(context, {
    snapshotEveryBlocks: 100,
    ledger: {
      makeSnapshot: async () => {
        heights.push(height - 1);
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        return info(height - 1);
      },
      prune: async () => ({ firstHeight: 1, isDone: true }),
    },
  });
  for (height = 1; height <= 301; height++) {
    maintenance.noteBlock({ height, timeMs: height });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await maintenance.stop();
  assert.deepEqual(heights, [100, 200, 300]);
  assert.deepEqual(told, ["warn snapshot", "fatal Error: broken", "debug snapshot"]);
});

test("where certificates come later, a snapshot waits for that of the second block after it", async (context) => {
  const heights: unknown[] = [];
  const { maintenance } = await create(context, {
    snapshotEveryBlocks: 100,
    certifiesLater: true,
    oldestSnapshot: 7,
    ledger: {
      makeSnapshot: async (_, height) => {
        heights.push(height);
        return info(height!);
      },
      prune: async () => ({ firstHeight: 1, isDone: true }),
    },
  });
  assert.equal(maintenance.oldestSnapshot, 7);
  for (let height = 1; height <= 301; height++) {
    maintenance.noteBlock({ height, timeMs: height });
    maintenance.noteCertified(height);
    // The one before may still be at work in its folder; the certificate after next reminds of it.
    while (heights.length < Math.floor((height - 2) / 100)) {
      maintenance.noteCertified(height);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await maintenance.stop();
  assert.deepEqual(heights, [100, 200]);
  assert.equal(maintenance.oldestSnapshot, undefined, "as many as there are in the folder");
});

test("a node makes no snapshot of the block that it began with", async (context) => {
  const heights: unknown[] = [];
  const { maintenance } = await create(context, {
    snapshotEveryBlocks: 100,
    certifiesLater: true,
    ledger: {
      makeSnapshot: async (_, height) => {
        heights.push(height);
        return info(height!);
      },
      prune: async () => ({ firstHeight: 1, isDone: true }),
    },
  });
  maintenance.restart(101);
  assert.equal(maintenance.firstHeight, 101);
  for (const height of [102, 202]) maintenance.noteCertified(height);
  await maintenance.stop();
  assert.deepEqual(heights, [200]);
});
