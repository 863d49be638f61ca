/** Files and devices from the command line: hashes registered and found, commands sent, checked and answered. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type DevNode, runLhg, startDevNode } from "./dev-node.ts";

process.env.LHG_PASSPHRASE = "correct horse battery";
let folder: string;
let node: DevNode;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-attest-"));
  node = await startDevNode(folder);
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What the command answered, each test knows which of these. */
interface Said {
  readonly id: string;
  readonly owner: string;
  readonly vendor: string;
  readonly nonce: number;
  readonly total: number;
  readonly items: readonly { note: string; statementId: string; owner: string }[];
  readonly waiting: readonly { name: string; payload: string }[];
  readonly followed: readonly { name: string; payload: string; result: string }[];
  readonly commands: readonly { number: number; acknowledgement?: { result: string } }[];
}

async function run(...args: readonly string[]): Promise<{ code: number | null; said: Said }> {
  const { code, stdout, stderr } = await runLhg(node, [...args, "--json"]);
  return { code, said: JSON.parse(stdout === "" ? (stderr.trim().split("\n").at(-1) ?? "") : stdout) };
}

test("a file is registered once by its owner, found by its content, and its receipt verifies", async () => {
  const file = join(folder, "contract.pdf");
  await writeFile(file, Buffer.alloc(3 << 20, 7));
  const before = await run("attest", file, "--look");
  assert.deepEqual([before.code, before.said.total], [0, 0]);
  const made = await run("attest", file, "--note", "the contract", "--wait", "provable");
  assert.equal(made.code, 0);
  const { nonce } = (await run("account", made.said.owner)).said;
  const again = await run("attest", file);
  assert.equal(again.code, 1);
  assert.match(JSON.stringify(again.said), /attestation\.exists.*registered it already in block/);
  assert.equal((await run("account", made.said.owner)).said.nonce, nonce);
  const others = await run("attest", file, "--as", "nordic-rail");
  assert.equal(others.code, 0);
  const copy = join(folder, "renamed.bin");
  await writeFile(copy, Buffer.alloc(3 << 20, 7));
  const found = await run("attest", copy, "--look");
  const [first] = found.said.items;
  assert.deepEqual(
    [first!.note, first!.owner, first!.statementId],
    ["the contract", made.said.owner, made.said.id],
  );
  const receipt = join(folder, "contract.receipt");
  assert.equal((await run("receipt", made.said.id, "--out", receipt)).code, 0);
  assert.equal((await run("verify", receipt)).code, 0);
});

test("a device follows its vendor's commands and nobody else's", async () => {
  for (const key of ["sensor", "fleet"]) assert.equal((await run("keys", "new", key)).code, 0);
  const { code, said: registered } = await run("device", "register", "sensor", "--model", "T");
  assert.equal(code, 0);
  const { nonce } = (await run("account", registered.vendor)).said;
  const again = await run("device", "register", "sensor", "--model", "T");
  assert.equal(again.code, 1);
  assert.match(JSON.stringify(again.said), /identity\.device-exists.*is registered already/);
  assert.equal((await run("account", registered.vendor)).said.nonce, nonce);
  const stranger = await run("command", "send", "sensor", "open", "--as", "nordic-rail");
  assert.equal(stranger.code, 1);
  assert.match(JSON.stringify(stranger.said), /command\.not-authorised/);
  assert.equal((await run("command", "send", "sensor", "configure", "--payload", "every 5 s")).code, 0);
  const listed = await run("device", "answer", "sensor");
  assert.deepEqual(
    [listed.said.waiting[0]?.name, listed.said.waiting[0]?.payload, listed.said.followed],
    ["configure", "every 5 s", []],
  );
  const both = await run("device", "answer", "sensor", "--done", "--refuse", "busy");
  assert.equal(both.code, 2);
  const answered = await run("device", "answer", "sensor", "--done");
  const [followed] = answered.said.followed;
  assert.deepEqual([followed!.name, followed!.payload, followed!.result], ["configure", "every 5 s", "done"]);
  assert.deepEqual((await run("device", "answer", "sensor", "--done")).said.followed, []);

  assert.equal((await run("command", "delegate", "fleet", "--days", "1")).code, 0);
  assert.equal((await run("send", "transfer", "fleet", "5")).code, 0);
  assert.equal((await run("command", "send", "sensor", "reboot", "--as", "fleet")).code, 0);
  await run("device", "answer", "sensor", "--refuse", "busy");
  const { said } = await run("command", "list", "sensor");
  assert.deepEqual(
    said.commands.map(({ number, acknowledgement }) => [number, acknowledgement?.result]),
    [
      [2, "refused: busy"],
      [1, "done"],
    ],
  );
});

test("a program follows what a device is told, and how it ends is the answer", async () => {
  assert.equal((await run("keys", "new", "valve")).code, 0);
  assert.equal((await run("device", "register", "valve", "--model", "V")).code, 0);
  const program = join(folder, "follow.sh");
  await writeFile(
    program,
    '#!/bin/sh\n[ "$1" = open ] || exit 3\necho working\necho "$LHG_COMMAND_NAME $(cat) $LHG_PASSPHRASE"\n',
    { mode: 0o755 },
  );
  await run("command", "send", "valve", "open", "--payload", "wide");
  await run("command", "send", "valve", "shut");
  const missing = await run("device", "answer", "valve", "--run", join(folder, "nothing.sh"));
  assert.equal(missing.code, 2);
  const { said } = await run("device", "answer", "valve", "--run", program);
  assert.deepEqual(
    said.followed.map(({ name, result }) => [name, result]),
    [
      ["open", "open wide"],
      ["shut", "failed: exit 3"],
    ],
  );
});
