import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createFileStore } from "./file-store.ts";

const HOLDER = `
import { createFileStore } from ${JSON.stringify(import.meta.resolve("./file-store.ts"))};
await createFileStore(process.argv[1]).save(Uint8Array.of(7));
process.stdout.write("held");
process.stdin.resume().on("end", () => process.exit(0));
`;

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-store-"));
});

after(() => rm(folder, { recursive: true, force: true }));

async function startHolder(path: string) {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", HOLDER, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

test("a second process is told who has the memory, and gets it when the first has ended", async () => {
  const path = join(folder, "ended.state");
  const holder = await startHolder(path);
  const store = createFileStore(path);
  const inUse = { code: "device.in-use", field: path, message: new RegExp(`process ${holder.pid} `) };
  await assert.rejects(store.load(), inUse);
  await assert.rejects(store.save(Uint8Array.of(8)), inUse);
  holder.stdin.end();
  await once(holder, "exit");
  assert.deepEqual(await readdir(folder), ["ended.state"]);
  assert.deepEqual(await store.load(), Uint8Array.of(7));
});

test("a process that was killed blocks nobody", async () => {
  const path = join(folder, "killed.state");
  const holder = await startHolder(path);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  assert.deepEqual(await createFileStore(path).load(), Uint8Array.of(7));
});

test("a lock that a power cut left empty, or whose number another program bears now, blocks nobody", async () => {
  const other = await startHolder(join(folder, "other.state"));
  for (const [name, left] of [
    ["empty", ""],
    ["reused", process.platform === "linux" ? `${other.pid} 1` : "999999999 "],
  ] as const) {
    const path = join(folder, `${name}.state`);
    await writeFile(`${path}.lock`, left);
    assert.equal(await createFileStore(path).load(), undefined);
  }
  other.stdin.end();
  await once(other, "exit");
});
