import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type FilePort, openFilePort } from "./file-port.ts";
import { PAGE_BYTES } from "./inbox-format.ts";
import { type InboxLog, type InboxOptions, openInboxLog } from "./inbox-log.ts";
import { createCrashingFiles } from "./memory-file-port.ts";

const SMALL: InboxOptions = {
  maxRecordBytes: 5000,
  maxBatchBytes: 6000,
  segmentBytes: 5 * PAGE_BYTES,
  maxTotalBytes: 1_000_000,
  maxPendingBytes: 100_000,
};

/** A record that says which one it is. */
function numbered(n: number, sizeBytes: number): Uint8Array {
  const record = new Uint8Array(Math.max(4, sizeBytes)).fill(n & 255);
  new DataView(record.buffer).setUint32(0, n);
  return record;
}

function numberOf(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset).getUint32(0);
}

async function recoverNumbers(log: InboxLog): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { record } of log.recover()) {
    const n = numberOf(record);
    assert.deepEqual(record, numbered(n, record.length), "a record is whole");
    numbers.push(n);
  }
  return numbers;
}

test("survives any crash: nothing acknowledged is lost, nothing invented, order kept", async () => {
  const life = fc.record({
    batches: fc.array(fc.array(fc.integer({ min: 4, max: 5000 }), { minLength: 1, maxLength: 4 }), {
      maxLength: 8,
    }),
    crashAfter: fc.integer({ min: 0, max: 120 }),
    power: fc.boolean(),
    settleEvery: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(life, { minLength: 1, maxLength: 5 }), async (seed, lives) => {
      const disk = createCrashingFiles(seed);
      const acknowledged = new Set<number>();
      const settled = new Set<number>();
      let appended = 0;
      for (const { batches, crashAfter, power, settleEvery } of lives) {
        const log = await openInboxLog(disk.port, SMALL);
        for (const n of await recoverNumbers(log)) acknowledged.add(n); // now known to be durable
        if (power) disk.crashAfter(crashAfter);
        const appends = batches.map(async (sizes, turn) => {
          if (turn > 2) for (let i = 0; i < turn * 7; i++) await Promise.resolve();
          const from = appended;
          appended += sizes.length;
          const first = await log.appendMany(sizes.map((size, i) => numbered(from + i, size)));
          sizes.forEach((_, i) => {
            acknowledged.add(from + i);
            if ((from + i) % settleEvery !== 0) return;
            log.markSettled(first + i);
            settled.add(from + i);
          });
        });
        await Promise.allSettled(appends);
        if (power) disk.crash();
        else disk.kill();
      }
      const recovered = await recoverNumbers(await openInboxLog(disk.port, SMALL));
      assert.deepEqual(
        recovered,
        recovered.toSorted((a, b) => a - b),
        "in order",
      );
      assert.equal(new Set(recovered).size, recovered.length, "no record twice");
      for (const n of recovered) assert.ok(n < appended, "nothing invented");
      const found = new Set(recovered);
      for (const n of acknowledged) assert.ok(found.has(n) || settled.has(n), `record ${n} is lost`);
    }),
    { numRuns: 300 },
  );
});

test("appends of one turn share a sync, and many concurrent ones a few", async () => {
  const disk = createCrashingFiles(1);
  let syncs = 0;
  const port: FilePort = {
    ...disk.port,
    create: async (name) => {
      const file = await disk.port.create(name);
      return {
        ...file,
        sync: () => {
          syncs += 1;
          return file.sync();
        },
      };
    },
  };
  const log = await openInboxLog(port, SMALL);
  const positions = await Promise.all(Array.from({ length: 40 }, (_, i) => log.append(numbered(i, 100))));
  assert.deepEqual(positions, [...positions.keys()]);
  assert.equal(syncs, 2, "one for the segment's header, one for all records");
  await log.close();
});

test("deletes a segment when all of its records are settled, and a clean close leaves nothing settled", async () => {
  const disk = createCrashingFiles(2);
  const log = await openInboxLog(disk.port, SMALL);
  const positions: number[] = [];
  for (let i = 0; i < 12; i++) positions.push(await log.append(numbered(i, 4000)));
  assert.equal(disk.fileNames().length, 3);
  for (const position of [4, 5, 6, 4, 5, 6]) log.markSettled(position); // twice counts once
  await log.append(numbered(12, 4));
  assert.equal(disk.fileNames().length, 4);
  log.markSettled(7);
  log.markSettled(7);
  await log.append(numbered(13, 4));
  assert.deepEqual(
    disk.fileNames().map((name) => Number.parseInt(name, 10)),
    [0, 2, 3],
  );
  for (const position of [...positions, 12, 13]) log.markSettled(position);
  await log.close();
  assert.deepEqual(disk.fileNames(), []);
  assert.equal(log.retainedBytes, 0);
});

test("deletions taken back by a crash do not look like damage", async () => {
  for (let seed = 0; seed < 150; seed++) {
    const disk = createCrashingFiles(seed);
    const first = await openInboxLog(disk.port, SMALL);
    for (let i = 0; i < 9; i++) first.markSettled(await first.append(numbered(i, 4000)));
    await first.close();
    const second = await openInboxLog(disk.port, SMALL);
    disk.crashAfter(seed % 15);
    await second.append(numbered(9, 4000)).catch(() => undefined);
    disk.crash();
    await openInboxLog(disk.port, SMALL);
  }
});

test("yields what earlier runs left, then goes on", async () => {
  const disk = createCrashingFiles(3);
  const first = await openInboxLog(disk.port, SMALL);
  await first.appendMany([numbered(0, 4), numbered(1, 4000), numbered(2, 4)]);
  await first.close();
  const second = await openInboxLog(disk.port, SMALL);
  const recovered: number[] = [];
  for await (const { position, record } of second.recover()) {
    recovered.push(position, numberOf(record));
    assert.equal(record.buffer.byteLength, record.length, "it takes no segment along to another thread");
  }
  assert.deepEqual(recovered, [0, 0, 1, 1, 2, 2]);
  assert.equal(await second.append(numbered(3, 4)), 3);
  second.markSettled(0);
  await second.close();
  assert.deepEqual(await recoverNumbers(await openInboxLog(disk.port, SMALL)), [0, 1, 2, 3]);
});

test("refuses what does not fit", async () => {
  const disk = createCrashingFiles(4);
  const log = await openInboxLog(disk.port, SMALL);
  await assert.rejects(log.append(new Uint8Array(0)), { code: "inbox.record-size", field: "records[0]" });
  await assert.rejects(log.append(new Uint8Array(5001)), { code: "inbox.record-size" });
  const waiting = Array.from({ length: 30 }, (_, i) => log.append(numbered(i, 5000)));
  const outcomes = await Promise.allSettled(waiting);
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(refused.length, 11, "of 30 records of 5 kB, 100 kB may wait");
  for (const { reason } of refused) assert.equal(reason.code, "inbox.full");
  const failure = (async () => {
    for (let i = 0; ; i++) await log.append(numbered(i, 5000));
  })();
  await assert.rejects(failure, { code: "inbox.full" });
  assert.ok(log.retainedBytes <= SMALL.maxTotalBytes + SMALL.segmentBytes);
  await log.close();
  await assert.rejects(log.append(numbered(0, 4)), { code: "inbox.closed" });
});

test("after a failed fsync nothing is acknowledged until it is opened anew", async () => {
  const disk = createCrashingFiles(5);
  const log = await openInboxLog(disk.port, SMALL);
  await log.append(numbered(0, 100));
  disk.failNextSync();
  const doomed = [log.append(numbered(1, 4000)), log.append(numbered(2, 4000))];
  for (const append of doomed) await assert.rejects(append, { code: "inbox.io" });
  await assert.rejects(log.append(numbered(3, 100)), { code: "inbox.failed" });
  disk.crash();
  const recovered = await recoverNumbers(await openInboxLog(disk.port, SMALL));
  assert.equal(recovered[0], 0);
  assert.ok(!recovered.includes(3));
});

test("tells damage from a torn tail", async () => {
  const write = async (seed: number): Promise<ReturnType<typeof createCrashingFiles>> => {
    const disk = createCrashingFiles(seed);
    const log = await openInboxLog(disk.port, SMALL);
    for (let i = 0; i < 6; i++) await log.append(numbered(i, 3000));
    await log.close();
    return disk;
  };
  const disk = await write(6);
  const [full, last] = disk.fileNames() as [string, string];
  disk.flipBit(full, 2 * PAGE_BYTES + 500);
  await assert.rejects(openInboxLog(disk.port, SMALL), {
    code: "inbox.corrupt",
    field: `${full}@${2 * PAGE_BYTES}`,
  });
  disk.flipBit(full, 2 * PAGE_BYTES + 500);
  disk.flipBit(last, PAGE_BYTES);
  await assert.rejects(openInboxLog(disk.port, SMALL), {
    code: "inbox.corrupt",
    field: `${last}@${PAGE_BYTES}`,
  });
  disk.flipBit(last, PAGE_BYTES);
  disk.flipBit(full, 3);
  await assert.rejects(openInboxLog(disk.port, SMALL), { code: "inbox.corrupt", field: `${full}@0` });
  disk.flipBit(full, 3);
  await disk.port.truncate(full, 3 * PAGE_BYTES);
  await assert.rejects(openInboxLog(disk.port, SMALL), { code: "inbox.corrupt" }, "a gap between segments");

  const torn = await write(7);
  const [, tail] = torn.fileNames() as [string, string];
  torn.flipBit(tail, torn.fileSizeBytes(tail) - PAGE_BYTES + 100);
  assert.deepEqual(await recoverNumbers(await openInboxLog(torn.port, SMALL)), [0, 1, 2, 3, 4]);
});

test("a record cannot pass for a batch: a torn record full of copied batches is only torn", async () => {
  const disk = createCrashingFiles(8);
  const log = await openInboxLog(disk.port, SMALL);
  await log.append(numbered(0, 4));
  // Page-aligned copies of a real batch of another segment, and thus of another salt.
  const other = createCrashingFiles(9);
  const otherLog = await openInboxLog(other.port, SMALL);
  for (let i = 0; i < 3; i++) await otherLog.append(numbered(i, 4));
  const copied = (await other.port.read(other.fileNames()[0] as string)).subarray(3 * PAGE_BYTES);
  const hostile = new Uint8Array(5000);
  hostile.set(copied.subarray(0, 5000 - (PAGE_BYTES - 24)), PAGE_BYTES - 24);
  await log.append(hostile);
  await log.close();
  const name = disk.fileNames()[0] as string;
  disk.flipBit(name, 2 * PAGE_BYTES + 30);
  assert.deepEqual(await recoverNumbers(await openInboxLog(disk.port, SMALL)), [0]);
});

const CHILD = `
import { openFilePort } from ${JSON.stringify(new URL("./file-port.ts", import.meta.url).href)};
import { openInboxLog } from ${JSON.stringify(new URL("./inbox-log.ts", import.meta.url).href)};
const log = await openInboxLog(await openFilePort(process.argv[1]), { segmentBytes: 1 << 16, maxRecordBytes: 1000, maxBatchBytes: 8192 });
let next = 0;
await Promise.all(Array.from({ length: 16 }, async () => {
  for (;;) {
    const n = next++;
    const record = new Uint8Array(300).fill(n & 255);
    new DataView(record.buffer).setUint32(0, n);
    await log.append(record);
    process.stdout.write(n + "\\n");
  }
}));
`;

test("keeps on a real disk what it acknowledged before kill -9", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lhg-inbox-"));
  try {
    const child = spawn(process.execPath, ["--input-type=module", "-e", CHILD, directory]);
    let output = "";
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk) => {
        output += chunk;
        if (output.length > 8000) child.kill("SIGKILL");
      });
      child.on("close", () => resolve());
    });
    const acknowledged = output.split("\n").slice(0, -1).map(Number);
    assert.ok(acknowledged.length > 1000, errors);
    const log = await openInboxLog(await openFilePort(directory));
    const recovered = new Set<number>();
    for await (const { position, record } of log.recover()) {
      recovered.add(numberOf(record));
      log.markSettled(position);
    }
    for (const n of acknowledged) assert.ok(recovered.has(n), `record ${n} is lost`);
    await log.append(numbered(0, 4));
    log.markSettled(recovered.size);
    await log.close();
    assert.deepEqual(await readdir(directory), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});
