import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { parse } from "smol-toml";
import { abciAddressOf } from "../../consensus/comet/process/addresses.ts";
import { readCometNodeId, readCometValidatorKey } from "../../consensus/comet/process/comet-home.ts";
import { COMETBFT_VERSION } from "../../consensus/comet/process/engine-binary.ts";
import { openHome } from "../network/open-home.ts";
import { runCommand } from "../run-command.ts";

let folder: string;
/** Where a program is that plays cometbft; nothing else is on PATH. */
let bin: string;
const { PATH, XDG_CACHE_HOME } = process.env;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-init-comet-"));
  bin = join(folder, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "cometbft"), `#!/bin/sh\necho ${COMETBFT_VERSION}\n`, { mode: 0o755 });
  process.env.XDG_CACHE_HOME = join(folder, "cache");
});

after(async () => {
  Object.assign(process.env, { PATH });
  if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  await rm(folder, { recursive: true });
});

async function run(...args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exitCode = await runCommand(args, { stdout, stderr });
  const read = (stream: PassThrough): string => String(stream.read() ?? "");
  return { exitCode, stdout: read(stdout), stderr: read(stderr) };
}

const init = (out: string, ...args: readonly string[]) =>
  run("init", "--engine", "comet", "--out", out, "--insecure-keys", "--base-port", "21900", ...args);

type Toml = Record<string, Record<string, string>>;
const readToml = async (home: string): Promise<Toml> =>
  parse(await readFile(join(home, "comet/config/config.toml"), "utf8")) as Toml;

test("each home has one of CometBFT, of the same chain, with its key and its peers", async () => {
  const out = join(folder, "net");
  const made = await init(out, "--validators", "4", "--observers", "1", "--json");
  assert.equal(made.exitCode, 0, made.stderr);
  const said = JSON.parse(made.stdout);
  assert.deepEqual([said.engine, said.nodes[1].comet.rpc], ["comet", "tcp://127.0.0.1:21913"]);
  assert.ok(said.next[0].endsWith("engine install"));

  const names = ["node0", "node1", "node2", "node3", "observer0"];
  const homes = await Promise.all(
    names.map(async (name, i) => {
      const home = join(out, name);
      const { config, genesis } = await openHome({ home, environment: {}, flags: {} });
      const comet = { toml: await readToml(home), id: await readCometNodeId(join(home, "comet")) };
      const key = toHex(await readCometValidatorKey(join(home, "comet")));
      const document = JSON.parse(await readFile(join(home, "comet/config/genesis.json"), "utf8"));
      return { name, i, home, config, genesis, comet, key, document };
    }),
  );
  for (const { home, name, i, config, genesis, comet, key, document } of homes) {
    assert.deepEqual([config.engine, config.cometHome], ["comet", join(home, "comet")]);
    assert.equal(abciAddressOf(config), `unix://${join(home, "comet/abci.sock")}`);
    assert.equal(config.cometRpc, comet.toml.rpc!.laddr, "the node asks where the engine listens");
    const founder = genesis.validators[i];
    if (founder === undefined)
      assert.ok(genesis.validators.every((other) => toHex(other.consensusKey) !== key));
    else assert.equal(key, toHex(founder.consensusKey));
    assert.deepEqual(document, homes[0]!.document);
    assert.equal(document.chain_id, said.chainId);
    assert.equal(Date.parse(document.genesis_time), genesis.timeMs);
    assert.deepEqual(
      document.validators.map(({ name, power }: { name: string; power: string }) => [name, power]),
      ["node0", "node1", "node2", "node3"].map((each) => [each, "100"]),
      "less than a third of the power, rounded down: CometBFT lets nobody else fetch blocks",
    );
    const others = homes.filter((other) => other.name !== name);
    assert.equal(
      comet.toml.p2p!.persistent_peers,
      others
        .map((other) => `${other.comet.id}@${other.comet.toml.p2p!.laddr!.slice("tcp://".length)}`)
        .join(","),
    );
  }
  const used = homes.flatMap(({ config, comet: { toml } }) => [
    config.p2pListen[0]!.split("/").at(-1),
    String(config.port),
    ...[toml.p2p!.laddr!, toml.rpc!.laddr!].map((address) => address.split(":").at(-1)),
  ]);
  assert.equal(new Set(used).size, 4 * names.length, "no port is used twice");
});

test("the plain copy of the consensus key is for its owner alone, and is spoken of", async () => {
  const out = join(folder, "plain");
  process.env.LHG_PASSPHRASE = "correct horse";
  try {
    const { stdout, stderr, exitCode } = await run(
      "init",
      "--engine",
      "comet",
      "--validators",
      "1",
      "--out",
      out,
    );
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /priv_validator_key\.json is the consensus key again, NOT ENCRYPTED/);
  } finally {
    delete process.env.LHG_PASSPHRASE;
  }
  const key = join(out, "node0/comet/config/priv_validator_key.json");
  assert.equal((await stat(key)).mode & 0o777, 0o600);
  assert.equal((await stat(join(out, "node0/comet"))).mode & 0o777, 0o700);
});

test("on machines of their own the engines listen everywhere, say where they are, and answer on loopback", async () => {
  const out = join(folder, "machines");
  const hosts = "192.0.2.1,2001:db8::1,c.example.com,s0.internal,s1.internal,s2.internal";
  const made = await init(out, "--validators", "3", "--sentries", "--host", hosts);
  assert.equal(made.exitCode, 0, made.stderr);
  const [hidden, sentry] = await Promise.all(["node1", "sentry1"].map((name) => readToml(join(out, name))));
  assert.equal(hidden!.p2p!.laddr, "tcp://[::]:21902");
  assert.deepEqual(
    [hidden!.p2p!.external_address, sentry!.p2p!.external_address],
    [undefined, "s1.internal:21902"],
  );
  assert.match(
    hidden!.p2p!.persistent_peers!,
    /^[0-9a-f]{40}@s1\.internal:21902$/,
    "it knows its sentry alone",
  );
  assert.match(sentry!.p2p!.persistent_peers!, /@\[2001:db8::1\]:21902,/);
  for (const { rpc, p2p } of [hidden!, sentry!])
    assert.deepEqual(
      [rpc!.laddr, p2p!.allow_duplicate_ip, p2p!.addr_book_strict],
      ["tcp://127.0.0.1:21903", false, true],
    );
});

test("ports that CometBFT would have to guess are refused", async () => {
  const refused = await init(join(folder, "guess"), "--validators", "1", "--base-port", "0");
  assert.match(refused.stderr, /whose ports have to be known \(init\.port\)/);
});

test("the check says what CometBFT lacks", async () => {
  const out = join(folder, "checked");
  await init(out, "--validators", "1");
  const home = join(out, "node0");
  const check = async (): Promise<string[]> => {
    const { stdout } = await run("node", "--home", home, "--check-config", "--json");
    return JSON.parse(stdout).problems.map(({ code }: { code: string }) => code);
  };
  process.env.PATH = bin;
  assert.deepEqual(await check(), []);
  process.env.PATH = "";
  assert.deepEqual(await check(), ["engine.missing"]);
  process.env.PATH = bin;
  const key = join(home, "comet/config/priv_validator_key.json");
  await chmod(key, 0o640);
  assert.deepEqual(await check(), ["home.key-mode"]);
  await writeFile(key, await readFile(join(home, "comet/config/node_key.json")));
  await chmod(key, 0o600);
  assert.deepEqual(await check(), ["home.comet-key"]);
  await rm(join(home, "comet"), { recursive: true });
  assert.deepEqual(await check(), ["engine.home", "engine.home"]);
  const { stdout } = await run("node", "--home", home, "--engine", "dbft", "--check-config", "--json");
  assert.equal(JSON.parse(stdout).ok, true, "a flag wins over the settings");
  process.env.PATH = PATH;
});

test("the status of the engine tells a program that fits from one that does not, and whether one runs", async () => {
  const out = join(folder, "status");
  await init(out, "--validators", "1");
  process.env.PATH = bin;
  const fits = await run("engine", "status", "--home", join(out, "node0"), "--json");
  assert.deepEqual(
    [fits.exitCode, JSON.parse(fits.stdout)],
    [
      0,
      {
        needed: COMETBFT_VERSION,
        found: { file: join(bin, "cometbft"), version: COMETBFT_VERSION },
        engine: "comet",
        running: null,
      },
    ],
  );
  process.env.PATH = "";
  const none = await run("engine", "status", "--home", folder);
  assert.equal(none.exitCode, 4);
  assert.match(none.stdout, /`lhg engine install` builds CometBFT/);
  const noGo = await run("engine", "install");
  assert.match(noGo.stderr, /go: is not on PATH: Go 1\.25 or later .* \(engine\.go-missing\)/);
  process.env.PATH = PATH;
});
