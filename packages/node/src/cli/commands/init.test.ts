import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { openHome } from "../network/open-home.ts";
import { openSigner } from "../network/open-signer.ts";
import { runCommand } from "../run-command.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-init-"));
});

after(async () => {
  await rm(folder, { recursive: true });
});

async function run(...args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exitCode = await runCommand(args, { stdout, stderr });
  const read = (stream: PassThrough): string => String(stream.read() ?? "");
  return { exitCode, stdout: read(stdout), stderr: read(stderr) };
}

const refuse = async (): Promise<string> => {
  throw new Error("no passphrase is needed");
};

/** Ports below those that the system gives out, and not those of the defaults. */
const PORTS = ["--base-port", "21700"];

test("a network has a home for each node, whose keys are those of genesis and of its peers' settings", async () => {
  const out = join(folder, "net");
  const made = await run(
    "init",
    "--validators",
    "4",
    "--observers",
    "1",
    "--out",
    out,
    "--insecure-keys",
    ...PORTS,
    "--json",
  );
  assert.equal(made.exitCode, 0, made.stderr);
  const said = JSON.parse(made.stdout) as { nodes: { name: string; peerId: string }[]; next: string[] };
  assert.ok(said.next.some((line) => line.endsWith(`node --home ${join(out, "node3")}`)));

  const names = ["node0", "node1", "node2", "node3", "observer0"];
  assert.deepEqual((await readdir(out)).sort(), ["accounts", "genesis.json", ...names]);
  const homes = await Promise.all(
    names.map(async (name) => {
      const home = await openHome({ home: join(out, name), environment: {}, flags: {} });
      return { ...home, signing: await openSigner(home.config, refuse, () => {}) };
    }),
  );
  assert.deepEqual(
    said.nodes.map(({ peerId }) => peerId),
    homes.map(({ nodeKey }) => nodeKey.peerId),
  );
  const [first] = homes;
  for (const [i, { config, genesis, nodeKey, signing }] of homes.entries()) {
    assert.deepEqual(genesis, first!.genesis);
    assert.equal(config.dataDirectory, join(out, names[i]!, "data"));
    const others = homes.filter((other) => other.nodeKey !== nodeKey).map((other) => other.nodeKey.peerId);
    assert.deepEqual(
      config.p2pPeers.map((address) => address.split("/").at(-1)),
      others,
    );
    const founder = genesis.validators[i];
    assert.equal(signing && toHex(signing.signer.publicKey), founder && toHex(founder.consensusKey));
  }
  assert.equal(new Set(homes.map(({ nodeKey }) => toHex(nodeKey.seed))).size, homes.length);
});

test("secrets are for their owner alone", async () => {
  const out = join(folder, "modes");
  await run(
    "init",
    "--validators",
    "1",
    "--out",
    out,
    "--insecure-keys",
    ...PORTS,
    "--vendor",
    "Acme Works=0614141",
  );
  const secrets = ["node-key", "consensus-key.json", "operator-key.json"].map((name) => join("node0", name));
  for (const name of [...secrets, "accounts/faucet.json", "accounts/acme-works.json"])
    assert.equal((await stat(join(out, name))).mode & 0o777, 0o600, name);
  for (const name of ["node0", "accounts"])
    assert.equal((await stat(join(out, name))).mode & 0o777, 0o700, name);
  const file = JSON.parse(await readFile(join(out, "node0/consensus-key.json"), "utf8"));
  assert.match(file.warning, /NOT ENCRYPTED/);

  const key = join(out, "node0/node-key");
  await chmod(key, 0o640);
  const refused = await run("node", "--home", join(out, "node0"));
  assert.match(
    refused.stderr,
    /node-key: is open to other users of this machine: chmod 600 \(home\.key-mode\)/,
  );
});

test("keys are encrypted under one passphrase, and open with no other", async () => {
  const out = join(folder, "sealed");
  process.env.LHG_PASSPHRASE = "correct horse";
  try {
    const made = await run("init", "--validators", "1", "--out", out, ...PORTS);
    assert.equal(made.exitCode, 0, made.stderr);
  } finally {
    delete process.env.LHG_PASSPHRASE;
  }
  const { config, genesis } = await openHome({ home: join(out, "node0"), environment: {}, flags: {} });
  await assert.rejects(
    openSigner(
      config,
      async () => "wrong horse",
      () => {},
    ),
    { code: "keystore.wrong-passphrase" },
  );
  const signing = await openSigner(
    config,
    async () => "correct horse",
    () => {},
  );
  assert.equal(toHex(signing!.signer.publicKey), toHex(genesis.validators[0]!.consensusKey));
  const text = await readFile(join(out, "node0/operator-key.json"), "utf8");
  assert.doesNotMatch(text, /insecure/i);
});

test("nothing is written over, and nothing half a network", async () => {
  const init = (name: string, ...flags: readonly string[]) =>
    run("init", "--validators", "1", "--out", join(folder, name), "--insecure-keys", ...flags);
  const first = await init("kept");
  assert.equal(first.exitCode, 0, first.stderr);
  const before = await readdir(folder);
  const again = await init("kept");
  assert.equal(again.exitCode, 1);
  assert.match(again.stderr, /init\.exists/);
  const even = await init("even", "--validators", "4", "--kind", "alliance");
  assert.match(even.stderr, /must be odd on a chain of kind alliance \(init\.validators\)/);
  const twice = await init("twice", "--vendor", "A=0614141", "--vendor", "B=0614141");
  assert.match(twice.stderr, /genesis\.duplicate/);
  const same = await init("same", "--vendor", "A b=0614141", "--vendor", "A-B=0614142");
  assert.match(same.stderr, /init\.vendor/);
  const wrong = await init("wrong", "--vendor", "A=12");
  assert.match(wrong.stderr, /12 is no prefix that can be granted \(init\.vendor\)/);
  const long = await init("long", "--vendor", `${"a".repeat(129)}=0614141`);
  assert.match(long.stderr, /genesis\.vendors\[0\]\.name/);
  assert.deepEqual(await readdir(folder), before);
});

test("the check says all that is wrong with a home, and shows no secret", async () => {
  const out = join(folder, "checked");
  await run("init", "--validators", "1", "--out", out, "--insecure-keys", "--base-port", "0");
  const home = join(out, "node0");
  const fine = await run("node", "--home", home, "--check-config");
  assert.equal(fine.exitCode, 0, fine.stdout + fine.stderr);
  assert.match(fine.stdout, /^consensus\.max_timeout_ms = 60000$/m);
  for (const name of ["node-key", "consensus-key.json"]) {
    const text = await readFile(join(home, name), "utf8");
    const secret = name === "node-key" ? text.trim() : (JSON.parse(text).insecureSecret as string);
    assert.ok(!fine.stdout.includes(secret), name);
  }

  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  await chmod(join(home, "consensus-key.json"), 0o644);
  await writeFile(join(home, "genesis.json"), "{}");
  process.env.LHG_API_PORT = String(port);
  try {
    const wrong = await run("node", "--home", home, "--check-config", "--json");
    assert.equal(wrong.exitCode, 2);
    const { ok, problems } = JSON.parse(wrong.stdout) as { ok: boolean; problems: { code: string }[] };
    assert.deepEqual(
      [ok, problems.map(({ code }) => code).sort()],
      [false, ["home.genesis", "home.key-mode", "port.in-use"]],
    );
  } finally {
    delete process.env.LHG_API_PORT;
    other.close();
  }
  const nowhere = await run("node", "--home", join(folder, "nowhere"), "--check-config");
  assert.match(nowhere.stdout, /holds no lhg\.toml: lhg init makes the homes of nodes \(home\.not-found\)/);
  assert.equal(nowhere.exitCode, 2);
});
