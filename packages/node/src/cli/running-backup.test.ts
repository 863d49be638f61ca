import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import { addressOf, openTestChain } from "../application/testing.ts";
import { makeFolder, openRestored, takeSnapshot } from "../snapshot/testing.ts";
import { openLevelStore } from "../store/level-store.ts";
import { EXIT } from "./exit-codes.ts";
import { runCommand } from "./run-command.ts";

async function run(...args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exitCode = await runCommand(args, { stdout, stderr });
  const read = (stream: PassThrough): string => String(stream.read() ?? "");
  return { exitCode, stdout: read(stdout), stderr: read(stderr) };
}

test("a running node's newest snapshot is a backup, without anything that an old copy must not take up", async (context) => {
  const folder = await makeFolder(context);
  const data = join(folder, "data");
  const file = join(folder, "chain.lhgbackup");
  const target = join(folder, "restored");
  for (const name of ["votes", "inbox", "keys", "devices"]) {
    await mkdir(join(data, name), { recursive: true });
    await writeFile(join(data, name, "one.json"), name);
  }
  const store = await openLevelStore(join(data, "ledger"));
  const { application, commit, transaction, dev } = await openTestChain({ store });
  const without = await run("backup", file, "--data", data);
  assert.equal(without.exitCode, EXIT.refused);
  assert.match(without.stderr, /backup\.running/);

  for (let i = 1n; i <= 3n; i++)
    await commit([transaction(dev.faucet, [makeTransfer(addressOf(dev.operators[0]!), i)])]);
  await takeSnapshot(application, join(data, "snapshots"));
  await commit([]);
  const { info } = await takeSnapshot(application, join(data, "snapshots"));
  const made = await run("backup", file, "--data", data, "--json");
  assert.equal(made.exitCode, EXIT.ok, made.stderr);
  const said = JSON.parse(made.stdout);
  assert.equal(said.kind, "snapshot");
  assert.equal(said.height, info.height);
  assert.match(made.stderr, /newest snapshot/);
  const { appHash } = application.head;
  await store.close();
  assert.equal(said.appHash, toHex(appHash));

  const restored = await run("restore", file, "--data", target);
  assert.equal(restored.exitCode, EXIT.ok, restored.stderr);
  assert.deepEqual((await readdir(target)).sort(), ["keys", "ledger", "snapshots"]);
  assert.deepEqual(await readdir(join(target, "snapshots")), [String(info.height)]);
  assert.equal(await readFile(join(target, "keys", "one.json"), "utf8"), "keys");
  const again = await openLevelStore(join(target, "ledger"));
  context.after(() => again.close());
  const opened = await openRestored(dev.genesis, again);
  assert.deepEqual(opened.head.appHash, appHash);
  assert.equal(opened.kept.firstHeight, info.height + 1);
});
