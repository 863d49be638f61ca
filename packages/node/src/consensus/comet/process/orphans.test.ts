import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { endOrphans } from "./orphans.ts";

const reason = process.platform === "linux" ? false : "orphans are found in /proc of Linux";

test("who outlived the node of this home is killed, and nobody else", { skip: reason }, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-orphans-"));
  const children: ChildProcess[] = [];
  context.after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  // A shell that bears another name runs a script called "start": to /proc it looks as CometBFT does.
  await writeFile(join(folder, "start"), "read line\n");
  const run = async (name: string, home: string): Promise<ChildProcess> => {
    const child = spawn("/bin/sh", ["start", "--home", home], { argv0: name, cwd: folder });
    children.push(child);
    await once(child, "spawn");
    return child;
  };
  const home = join(folder, "home");
  const orphan = await run("/usr/bin/cometbft", home);
  const others = [await run("cometbft", `${home}2`), await run("other", home)];
  const ended = once(orphan, "exit");
  const told: object[] = [];
  await endOrphans(home, (_, fields) => void told.push(fields));
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.deepEqual(told, [{ pid: orphan.pid, home }]);
  for (const { exitCode, signalCode } of others) assert.equal(exitCode ?? signalCode, null);
  await endOrphans(home, () => assert.fail("there is none any more"));
});
