import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "smol-toml";
import { SUBMISSION_BYTES_MAX } from "../../../intake/exchange-messages.ts";
import { DEFAULT_MEMPOOL_LIMITS } from "../../../mempool/mempool.ts";
import { formatCometConfig, planCometConfig, TX_BYTES_MAX } from "./comet-config.ts";
import { makeCometGenesis } from "./comet-genesis.ts";
import { cometNodeId, readCometNodeId, readCometValidatorKey, writeCometHome } from "./comet-home.ts";
import { CHAIN_ID, makeFolder, planHome, testKey } from "./testing.ts";

type Json = Record<string, never>;
const readJson = async (path: string): Promise<Json> => JSON.parse(await readFile(path, "utf8")) as Json;

test("a home holds the genesis and the keys of its plan, in the form of CometBFT", async (t) => {
  const home = join(await makeFolder(t), "comet");
  const [own, other] = [testKey(1), testKey(3)];
  const validators = [own, other].map(({ publicKey }, i) => ({
    consensusKey: publicKey,
    power: 10n ** 17n * BigInt(i + 1),
    name: `node${i}`,
  }));
  await writeCometHome(planHome(home, { validators }));
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const ownAddress = cometNodeId(own.publicKey).toUpperCase();
  assert.deepEqual(await readJson(join(home, "config/genesis.json")), {
    genesis_time: "2025-06-15T15:06:40.123Z",
    chain_id: CHAIN_ID,
    initial_height: "1",
    consensus_params: {
      block: { max_bytes: "8388608", max_gas: "-1" },
      evidence: { max_age_num_blocks: "64", max_age_duration: "1000000", max_bytes: "1048576" },
      validator: { pub_key_types: ["ed25519"] },
      version: { app: "0" },
      abci: { vote_extensions_enable_height: "0" },
    },
    validators: [
      {
        address: ownAddress,
        pub_key: { type: "tendermint/PubKeyEd25519", value: text(own.publicKey) },
        power: "100000000000000000",
        name: "node0",
      },
      {
        address: cometNodeId(other.publicKey).toUpperCase(),
        pub_key: { type: "tendermint/PubKeyEd25519", value: text(other.publicKey) },
        power: "200000000000000000",
        name: "node1",
      },
    ],
    app_hash: "",
  });
  const privateOf = ({ secret, publicKey }: typeof own) => ({
    type: "tendermint/PrivKeyEd25519",
    value: text(Buffer.concat([secret, publicKey])),
  });
  assert.deepEqual(await readJson(join(home, "config/priv_validator_key.json")), {
    address: ownAddress,
    pub_key: { type: "tendermint/PubKeyEd25519", value: text(own.publicKey) },
    priv_key: privateOf(own),
  });
  assert.deepEqual(await readJson(join(home, "config/node_key.json")), { priv_key: privateOf(testKey(2)) });
  assert.deepEqual(await readJson(join(home, "data/priv_validator_state.json")), {
    height: "0",
    round: 0,
    step: 0,
  });
  assert.equal(await readCometNodeId(home), cometNodeId(testKey(2).publicKey));
  assert.deepEqual(new Uint8Array(await readCometValidatorKey(home)), own.publicKey);
});

test("keys are for their owner alone, and stand nowhere else", async (t) => {
  const home = join(await makeFolder(t), "comet");
  await writeCometHome(planHome(home));
  for (const name of [
    "config/priv_validator_key.json",
    "config/node_key.json",
    "data/priv_validator_state.json",
  ])
    assert.equal((await stat(join(home, name))).mode & 0o777, 0o600, name);
  for (const name of [".", "config", "data"])
    assert.equal((await stat(join(home, name))).mode & 0o777, 0o700, name);
  const secret = Buffer.from(testKey(1).secret).toString("base64").slice(0, 40);
  for (const name of ["config/config.toml", "config/genesis.json", "config/node_key.json"])
    assert.ok(!(await readFile(join(home, name), "utf8")).includes(secret), name);
  assert.deepEqual((await readdir(join(home, "config"))).sort(), [
    "config.toml",
    "genesis.json",
    "node_key.json",
    "priv_validator_key.json",
  ]);
});

test("written again a home takes new settings, and keeps what was signed and the keys it made itself", async (t) => {
  const home = await makeFolder(t);
  const { nodeKey: _, ...observer } = planHome(home, { consensusKey: undefined });
  await writeCometHome(observer);
  const state = join(home, "data/priv_validator_state.json");
  const signed = `{"height":"7","round":0,"step":3}`;
  await writeFile(state, signed);
  const [id, key] = [await readCometNodeId(home), await readCometValidatorKey(home)];
  assert.notDeepEqual(new Uint8Array(key), testKey(1).publicKey);
  await writeCometHome({ ...observer, rpc: "tcp://127.0.0.1:7" });
  assert.equal(await readFile(state, "utf8"), signed);
  assert.deepEqual([await readCometNodeId(home), await readCometValidatorKey(home)], [id, key]);
  assert.match(await readFile(join(home, "config/config.toml"), "utf8"), /laddr = "tcp:\/\/127\.0\.0\.1:7"/);
});

test("a home with blocks and no memory of what was signed is refused", async (t) => {
  const home = await makeFolder(t);
  await mkdir(join(home, "data/blockstore.db"), { recursive: true });
  await assert.rejects(writeCometHome(planHome(home)), {
    code: "engine.sign-state",
    field: /priv_validator_state/,
  });
  assert.deepEqual(await readdir(home), ["data"]);
});

test("what CometBFT would not start with is refused by name, before anything is written", async (t) => {
  const home = join(await makeFolder(t), "comet");
  const [validator] = planHome(home).validators;
  for (const [given, field] of [
    [{ chainId: "x".repeat(51) }, "chainId"],
    [{ chainId: "" }, "chainId"],
    [{ genesisTimeMs: Number.NaN }, "genesisTimeMs"],
    [{ genesisTimeMs: 1e17 }, "genesisTimeMs"],
    [{ validators: [] }, "validators"],
    [{ validators: [{ ...validator!, power: 0n }] }, "validators[0].power"],
    [{ validators: [{ ...validator!, consensusKey: new Uint8Array(33) }] }, "validators[0].consensusKey"],
    [{ blockBytesMax: 104_857_601 }, "blockBytesMax"],
    [{ blockBytesMax: 0 }, "blockBytesMax"],
    [{ evidenceMaxAgeMs: 0 }, "evidenceMaxAgeMs"],
    [{ evidenceMaxAgeHeights: 0.5 }, "evidenceMaxAgeHeights"],
  ] as const)
    await assert.rejects(writeCometHome(planHome(home, given)), { code: "engine.genesis", field }, field);
  await assert.rejects(stat(home), { code: "ENOENT" });
});

test("a file that is no key of CometBFT is refused", async (t) => {
  const home = await makeFolder(t);
  await assert.rejects(readCometNodeId(home), { code: "engine.home", message: /lhg init --engine comet/ });
  await writeCometHome(planHome(home));
  for (const text of [
    "",
    "{}",
    "null",
    '{"priv_key":null}',
    '{"priv_key":{"type":"tendermint/PrivKeyEd25519","value":"AA=="}}',
  ]) {
    await writeFile(join(home, "config/node_key.json"), text);
    await assert.rejects(readCometNodeId(home), { code: "engine.home" }, text);
  }
});

test("settings are read as they were planned, whatever peers and names there are", () => {
  const host = fc.constantFrom("192.0.2.1", "node.example.com", "2001:db8::1");
  const peer = fc.record({
    id: fc.stringMatching(/^[0-9a-f]{40}$/),
    host,
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  const given = fc.record({
    persistentPeers: fc.array(peer, { maxLength: 5 }),
    moniker: fc.string({ unit: "binary", maxLength: 20 }).filter((text) => text.isWellFormed()),
    isLocal: fc.boolean(),
    emptyBlockEveryMs: fc.integer({ min: 1, max: 1e9 }),
  });
  fc.assert(
    fc.property(given, (plan) => {
      const tables = planCometConfig(planHome("/srv", plan));
      const read = parse(formatCometConfig(tables)) as unknown as Record<string, Record<string, unknown>>;
      assert.equal(read.moniker, plan.moniker);
      const { p2p = {} } = read;
      const peers = plan.persistentPeers.map(({ id, host, port }) =>
        host.includes(":") ? `${id}@[${host}]:${port}` : `${id}@${host}:${port}`,
      );
      assert.equal(p2p.persistent_peers, peers.join(","));
      assert.deepEqual([p2p.allow_duplicate_ip, p2p.addr_book_strict], [plan.isLocal, !plan.isLocal]);
      assert.equal(read.consensus?.create_empty_blocks_interval, `${plan.emptyBlockEveryMs}ms`);
      const entries = tables.flatMap(({ name, entries }) => entries.map(([key]) => `${name}.${key}`));
      assert.equal(new Set(entries).size, entries.length);
    }),
  );
});

test("what LHG takes fits into the mempool of CometBFT", () => {
  assert.equal(TX_BYTES_MAX, SUBMISSION_BYTES_MAX);
  const { mempool, rpc } = parse(formatCometConfig(planCometConfig(planHome("/srv")))) as Record<
    string,
    Record<string, number>
  >;
  assert.equal(mempool?.max_txs_bytes, DEFAULT_MEMPOOL_LIMITS.bytesMax);
  assert.ok(rpc!.max_body_bytes! > (TX_BYTES_MAX * 4) / 3);
  assert.doesNotThrow(() => makeCometGenesis(planHome("/srv")));
});

test("a node that joins by state sync is told whom to ask and what to trust", () => {
  const stateSync = {
    rpcServers: ["http://192.0.2.1:26703", "http://192.0.2.2:26703"],
    trustHeight: 5_000n,
    trustHash: new Uint8Array(32).fill(0xab),
    trustPeriodMs: 3_600_000,
  };
  const read = parse(formatCometConfig(planCometConfig(planHome("/srv", { stateSync }))));
  assert.deepEqual(
    { ...(read.statesync as object) },
    {
      enable: true,
      rpc_servers: "http://192.0.2.1:26703,http://192.0.2.2:26703",
      trust_height: 5_000,
      trust_hash: "ab".repeat(32),
      trust_period: "3600000ms",
    },
  );
});
