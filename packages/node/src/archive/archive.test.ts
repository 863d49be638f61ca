import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { findPathProblem } from "./archive-format.ts";
import { readArchiveHeader } from "./read-archive.ts";
import { restoreArchive } from "./restore-archive.ts";
import {
  type ForgedFile,
  forgePlain,
  readTree,
  SUBJECT,
  sealFrame,
  sealPlain,
  writeTree,
} from "./testing.ts";
import { writeArchive } from "./write-archive.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-archive-"));
});

after(() => rm(folder, { recursive: true }));

const fresh = (): Promise<string> => mkdtemp(join(folder, "case-"));
const check = async (): Promise<void> => {};
const options = { subject: SUBJECT, madeMs: 1, force: false };
const HELLO: ForgedFile = { path: "ledger/CURRENT", content: Buffer.from("hello") };

/** A folder with one file in it, and its archive. */
async function archiveOf(files: ReadonlyMap<string, Uint8Array>) {
  const place = await fresh();
  const data = join(place, "data");
  const file = join(place, "made.lhgbackup");
  await writeTree(data, files);
  return { place, data, file, written: await writeArchive(data, file, options) };
}

async function assertRefused(bytes: Uint8Array, code: string, field = ""): Promise<void> {
  const place = await fresh();
  const file = join(place, "hostile");
  await writeFile(file, bytes);
  await assert.rejects(restoreArchive(file, join(place, "target"), { check }), (error: Error) => {
    const { code: found, field: at } = error as unknown as { code: string; field: string };
    assert.equal(found, code, error.message);
    if (field !== "") assert.equal(at, field);
    return true;
  });
  assert.deepEqual(await readdir(place), ["hostile"], "nothing is left behind");
}

test("what was written is restored, whatever the names, sizes and contents", async () => {
  const name = fc
    .string({ minLength: 1, maxLength: 12, unit: "grapheme" })
    .filter((text) => text !== "LOCK" && !text.includes("/") && findPathProblem(text) === undefined);
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.nat(300_000).map((size) => new Uint8Array(size).map((_, i) => i * i)),
  );
  const tree = fc.uniqueArray(fc.tuple(name, name, fc.boolean(), content), {
    maxLength: 6,
    selector: ([a]) => a,
  });
  await fc.assert(
    fc.asyncProperty(tree, async (entries) => {
      const files = new Map(
        entries.map(([first, second, isDeep, bytes]) => [isDeep ? `${first}/${second}` : first, bytes]),
      );
      const { place, data, file, written } = await archiveOf(files);
      assert.equal(written.header.files.length, files.size);
      assert.deepEqual(await readArchiveHeader(file), written.header);
      const target = join(place, "target");
      await restoreArchive(file, target, { check });
      assert.deepEqual(await readTree(target), await readTree(data));
      await rm(place, { recursive: true });
    }),
    { numRuns: 30 },
  );
});

test("a frame that just fills the compressor's buffer is restored", async () => {
  const bufferBytes = 16 << 10;
  const bytes = randomBytes(bufferBytes);
  const makeFile = async (size: number): Promise<Buffer> => {
    const { file } = await archiveOf(new Map([["a", bytes.subarray(0, size)]]));
    return readFile(file);
  };
  const size = 15_000;
  // What is random grows by as much as it is given: only then a second, empty frame follows.
  const filling = await archiveOf(
    new Map([["a", bytes.subarray(0, size + bufferBytes - ((await makeFile(size)).length - 8 - 32))]]),
  );
  const frames = (await readFile(filling.file)).subarray(8, -32);
  assert.ok(frames.length > bufferBytes, "the case is as it is meant");
  const target = join(filling.place, "target");
  await restoreArchive(filling.file, target, { check });
  assert.deepEqual(await readTree(target), await readTree(filling.data));
});

test("any changed byte and any cut is noticed, and leaves nothing behind", async () => {
  const { file } = await archiveOf(new Map([["a", Buffer.from("some content")]]));
  const bytes = await readFile(file);
  for (const [at] of bytes.entries()) {
    const bent = Uint8Array.from(bytes);
    bent[at]! ^= 1;
    await assertRefused(
      bent,
      at < 7 ? "archive.not-a-backup" : at === 7 ? "archive.version" : "archive.damaged",
    );
  }
  for (const size of [0, 7, 8, 20, 40, bytes.length - 1])
    await assertRefused(bytes.subarray(0, size), size < 8 ? "archive.not-a-backup" : "archive.damaged");
  await assertRefused(Buffer.concat([bytes, Buffer.of(0)]), "archive.damaged");
});

test("paths that lead elsewhere are refused before anything is written", async () => {
  for (const path of [
    "../outside",
    "ledger/../../outside",
    "/etc/passwd",
    "",
    ".",
    "a//b",
    "a/",
    "a\\b",
    "a\u0000b",
    "a\nb",
    "\ud800",
    "a/".repeat(17),
    "a".repeat(2_000),
    7,
    null,
  ])
    await assertRefused(
      sealPlain(forgePlain([{ path, content: new Uint8Array(1) }])),
      "archive.header",
      "header.files[0].path",
    );
});

test("names that stand twice, and files below files, are refused", async () => {
  await assertRefused(sealPlain(forgePlain([HELLO, HELLO])), "archive.header", "header.files[1].path");
  const below = { path: "ledger/CURRENT/x", content: new Uint8Array(0) };
  await assertRefused(sealPlain(forgePlain([below, HELLO])), "archive.header", "header.files[0].path");
});

test("sizes that lie are refused", async () => {
  await assertRefused(sealPlain(forgePlain([{ ...HELLO, sizeBytes: 4 }])), "archive.damaged");
  await assertRefused(sealPlain(forgePlain([{ ...HELLO, sizeBytes: 6 }])), "archive.damaged");
  await assertRefused(sealPlain(forgePlain([{ ...HELLO, sizeBytes: 5_000 }])), "archive.damaged");
  await assertRefused(sealPlain(forgePlain([{ ...HELLO, sizeBytes: 2 ** 52 }])), "restore.no-room");
  for (const sizeBytes of [-1, 1.5, 2 ** 53, "5"])
    await assertRefused(
      sealPlain(forgePlain([{ ...HELLO, sizeBytes }])),
      "archive.header",
      "header.files[0].sizeBytes",
    );
});

test("a bomb is put out where its declared size ends", async () => {
  const bomb = Buffer.concat([forgePlain([HELLO]), new Uint8Array(64 << 20)]);
  await assertRefused(sealPlain(bomb), "archive.damaged");
});

test("headers of strangers are checked field by field", async () => {
  await assertRefused(
    sealPlain(forgePlain([{ ...HELLO, mode: 0o4777 }])),
    "archive.header",
    "header.files[0].mode",
  );
  for (const [field, value] of Object.entries({
    chainId: "x".repeat(200),
    height: -1,
    timeMs: "now",
    appHash: 1,
    madeMs: null,
    files: {},
  }))
    await assertRefused(sealPlain(forgePlain([], { [field]: value })), "archive.header", `header.${field}`);
  await assertRefused(sealPlain(Buffer.from([0xff, 0xff, 0xff, 0xff])), "archive.header");
  await assertRefused(sealPlain(Buffer.from("\0\0\0\u0002{]")), "archive.header");
  await assertRefused(sealPlain(Buffer.from("\0\0\0\u0004null")), "archive.header");
});

test("frames that are cut, foreign or followed by something are refused", async () => {
  const frame = zstdCompressSync(forgePlain([HELLO]));
  await assertRefused(sealFrame(frame.subarray(0, -4)), "archive.damaged");
  await assertRefused(sealFrame(Buffer.from("no zstd frame at all")), "archive.damaged");
  await assertRefused(sealFrame(Buffer.concat([frame, Buffer.from("and more")])), "archive.damaged");
});

test("an archive is its owner's alone, and so is what is restored", async () => {
  const { place, file } = await archiveOf(new Map([["keys/a.json", Buffer.from("secret")]]));
  const target = join(place, "target");
  await restoreArchive(file, target, { check });
  const modes = await Promise.all(
    [file, target, join(target, "keys"), join(target, "keys/a.json")].map(
      async (path) => (await stat(path)).mode & 0o777,
    ),
  );
  assert.deepEqual(modes, [0o600, 0o700, 0o700, 0o600]);
});

test("a file that is there is replaced by force only, and stays whole when the backup fails", async () => {
  const { place, data, file } = await archiveOf(new Map([["a", Buffer.from("1")]]));
  const first = await readFile(file);
  await assert.rejects(writeArchive(data, file, options), { code: "backup.exists" });
  await symlink("elsewhere", join(data, "link"));
  await assert.rejects(writeArchive(data, file, { ...options, force: true }), {
    code: "backup.no-file",
    field: "link",
  });
  assert.deepEqual(await readFile(file), first);
  await rm(join(data, "link"));
  await writeFile(join(data, "b"), "2");
  await writeArchive(data, file, { ...options, force: true });
  assert.equal((await readArchiveHeader(file)).files.length, 2);
  assert.deepEqual((await readdir(place)).sort(), ["data", "made.lhgbackup"]);
});

test("a folder that somebody writes to meanwhile makes no backup", async () => {
  const { place, data } = await archiveOf(
    new Map([
      ["a", Buffer.from("1")],
      ["b", Buffer.from("2")],
    ]),
  );
  for (const [file, victim] of [
    ["one", "a"],
    ["two", "b"],
    ["three", "c"],
  ] as const) {
    let isFirst = true;
    const onProgress = (): void => {
      if (isFirst) appendFileSync(join(data, victim), "more");
      isFirst = false;
    };
    const target = join(place, file);
    await assert.rejects(writeArchive(data, target, { ...options, onProgress }), {
      code: "backup.changed",
      field: victim,
    });
  }
  assert.deepEqual((await readdir(place)).sort(), ["data", "made.lhgbackup"]);
});

test("only a folder that is empty or missing is restored into, and only what passes the check", async () => {
  const { place, data, file } = await archiveOf(new Map([["ledger/a", Buffer.from("1")]]));
  await assert.rejects(restoreArchive(file, data, { check }), { code: "restore.not-empty", field: data });
  const target = join(place, "target");
  const refuse = async (): Promise<void> => {
    throw new Error("not this one");
  };
  await assert.rejects(restoreArchive(file, target, { check: refuse }), /not this one/);
  assert.deepEqual((await readdir(place)).sort(), ["data", "made.lhgbackup"]);
  await mkdir(target);
  const { ino } = await stat(target);
  await restoreArchive(file, target, { check });
  assert.equal((await stat(target)).ino, ino, "an empty folder may be a mount: it stays");
  assert.deepEqual(await readTree(target), await readTree(data));
});
