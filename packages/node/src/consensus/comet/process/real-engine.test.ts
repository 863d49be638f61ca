/** What only the real program can say: that it takes our home, our settings by their names, and answers as we read it. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { hashValidators } from "@lhg/protocol/core/block/validator-set";
import type { LhgError } from "@lhg/protocol/core/errors";
import { parse } from "smol-toml";
import { sodiumCrypto } from "../../../crypto/sodium.ts";
import type { SyncClock } from "../../../sync/sync-clock.ts";
import { planCometConfig } from "./comet-config.ts";
import { type CometHomePlan, cometNodeId, writeCometHome } from "./comet-home.ts";
import { connectCometRpc } from "./comet-rpc.ts";
import { type CometSupervisor, type EngineState, superviseComet } from "./supervisor.ts";
import {
  atEnd,
  CHAIN_ID,
  findPorts,
  findRealBinary,
  makeFolder,
  NO_BINARY,
  planHome,
  testKey,
  until,
} from "./testing.ts";

const binary = (await findRealBinary())?.file ?? "";
const skip = binary === "" && NO_BINARY;

/** Pauses are a tenth. */
const HASTY: SyncClock = {
  nowMs: () => 10 * performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs / 10);
    return () => clearTimeout(timer);
  },
};

interface Running {
  readonly supervisor: CometSupervisor;
  readonly plan: CometHomePlan;
  readonly states: EngineState[];
  readonly said: string[];
  readonly fatal: LhgError[];
}

async function start(t: TestContext, given: Partial<CometHomePlan> = {}): Promise<Running> {
  const [rpcPort, p2pPort] = await findPorts(2);
  const addresses = { rpc: `tcp://127.0.0.1:${rpcPort}`, p2p: `tcp://127.0.0.1:${p2pPort}` };
  const plan = planHome(join(await makeFolder(t), "comet"), { ...addresses, ...given });
  await writeCometHome(plan);
  return run(t, plan);
}

function run(t: TestContext, plan: CometHomePlan): Running {
  const running = { plan, states: [] as EngineState[], said: [] as string[], fatal: [] as LhgError[] };
  const supervisor = superviseComet({
    binary,
    home: plan.home,
    rpc: plan.rpc,
    clock: HASTY,
    log: (_level, fields, message) => running.said.push(`${message} ${JSON.stringify(fields)}`),
    onState: (state) => running.states.push(state),
    onFatal: (error) => running.fatal.push(error),
  });
  atEnd(t, () => supervisor.stop());
  return { ...running, supervisor };
}

test("every setting of ours is one of CometBFT's, of the same kind", { skip }, async (t) => {
  const home = await makeFolder(t);
  await promisify(execFile)(binary, ["init", "--home", home]);
  const known = parse(await readFile(join(home, "config/config.toml"), "utf8")) as Record<string, unknown>;
  const stateSync = { rpcServers: [], trustHeight: 1n, trustHash: new Uint8Array(32), trustPeriodMs: 1 };
  const plan = planHome("/srv", { emptyBlockEveryMs: 1, externalAddress: "192.0.2.1:1", stateSync });
  for (const { name, entries } of planCometConfig(plan)) {
    const table = (name === "" ? known : known[name]) as Record<string, unknown>;
    for (const [key, value] of entries) assert.equal(typeof table[key], typeof value, `${name}.${key}`);
  }
});

test("it starts on our home, makes blocks that our validators sign, and says what we asked", {
  skip,
}, async (t) => {
  const { supervisor, plan, states, said } = await start(t);
  await until(() => supervisor.state === "running");
  const rpc = connectCometRpc({ address: plan.rpc });
  atEnd(t, () => rpc.close());
  const status = await rpc.status();
  assert.deepEqual(
    [status.chainId, status.nodeId, status.version, status.power],
    [CHAIN_ID, cometNodeId(testKey(2).publicKey), "0.39.4", 1n],
  );
  const tx = Buffer.from("name=value");
  assert.equal((await rpc.broadcastTxSync(tx)).code, 0);
  await assert.rejects(rpc.broadcastTxSync(tx), { code: "engine.rpc-tx-known" });
  await until(async () => (await rpc.status()).height >= 2n);
  const { header, commit, isCanonical } = await rpc.commit(1n);
  assert.deepEqual([header.chainId, header.height, commit.round, isCanonical], [CHAIN_ID, 1n, 0, true]);
  assert.deepEqual(
    header.time,
    { seconds: 1_750_000_000n, nanos: 123_000_000 },
    "the first block has the time of genesis",
  );
  const validators = await rpc.validators(1n);
  assert.deepEqual(
    validators.map(({ consensusKey, power }) => [Buffer.from(consensusKey), power]),
    [[Buffer.from(testKey(1).publicKey), 1n]],
  );
  assert.deepEqual(header.validatorsHash, hashValidators(sodiumCrypto, validators));
  await rpc.broadcastTxs([tx]);
  await rpc.broadcastTxs([tx, Buffer.from("other=value"), Buffer.from("third=value")]);
  assert.equal(await rpc.peerCount(), 0);
  await assert.rejects(rpc.commit(1_000n), { code: "engine.rpc-not-found" });
  await assert.rejects(rpc.validators(1_000n), { code: "engine.rpc-not-found" });
  await until(async () => (await rpc.unconfirmedCount()).count === 0);
  const { pid } = supervisor;
  await supervisor.stop();
  assert.deepEqual(states, ["starting", "running", "stopped"]);
  assert.throws(() => process.kill(pid!, 0), { code: "ESRCH" });
  const secret = Buffer.concat([testKey(1).secret, testKey(1).publicKey]).toString("base64");
  assert.ok(said.every((line) => !line.includes(secret.slice(0, 40))));
});

test("killed it comes up again on the chain that it had", { skip }, async (t) => {
  const { supervisor, plan, states } = await start(t);
  await until(() => supervisor.state === "running");
  const rpc = connectCometRpc({ address: plan.rpc });
  atEnd(t, () => rpc.close());
  await until(async () => (await rpc.status()).height >= 1n);
  const { pid } = supervisor;
  process.kill(pid!, "SIGKILL");
  await until(() => states.filter((state) => state === "running").length === 2);
  assert.notEqual(supervisor.pid, pid);
  assert.ok((await rpc.status()).height >= 1n);
  assert.equal(supervisor.restarts, 1);
});

test("a port that is taken, and a home that is in use, are said in plain words", { skip }, async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => other.close());
  const { port } = other.address() as { port: number };
  const taken = await start(t, { rpc: `tcp://127.0.0.1:${port}` });
  await until(() => taken.fatal.length > 0);
  assert.match(taken.fatal[0]!.message, /another program has one of the engine's ports/);

  const first = await start(t);
  await until(() => first.supervisor.state === "running");
  const [rpcPort] = await findPorts(1);
  const second = run(t, { ...first.plan, rpc: `tcp://127.0.0.1:${rpcPort}` });
  await until(() => second.fatal.length > 0);
  assert.equal(second.fatal[0]!.code, "engine.crashed");
  assert.match(second.fatal[0]!.message, /another cometbft uses the same home/);
});

test("it ends itself when the node that read its lines was killed", { skip }, async (t) => {
  const [rpcPort, p2pPort, abciPort] = await findPorts(3);
  const home = join(await makeFolder(t), "comet");
  const [rpc, p2p] = [`tcp://127.0.0.1:${rpcPort}`, `tcp://127.0.0.1:${p2pPort}`];
  // Nobody listens there: it tries again and again, and says so.
  await writeCometHome(planHome(home, { rpc, p2p, abci: `tcp://127.0.0.1:${abciPort}` }));
  const options = JSON.stringify({ binary, home, rpc });
  const source = `const { superviseComet } = await import(${JSON.stringify(import.meta.resolve("./supervisor.ts"))});
const supervisor = superviseComet({ ...${options}, log() {}, onState() {}, onFatal() {} });
setTimeout(() => console.log(supervisor.pid), 500);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [text] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(text);
  process.kill(pid, 0);
  parent.kill("SIGKILL");
  await until(() => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  });
});

test("four homes of one plan find each other", { skip }, async (t) => {
  const folder = await makeFolder(t);
  const ports = await findPorts(8);
  const [keys, nodeKeys] = [[1, 2, 3, 4].map(testKey), [5, 6, 7, 8].map(testKey)];
  const validators = keys.map(({ publicKey }, i) => ({
    consensusKey: publicKey,
    power: 1n,
    name: `node${i}`,
  }));
  const peers = nodeKeys.map(({ publicKey }, i) => ({
    id: cometNodeId(publicKey),
    host: "127.0.0.1",
    port: ports[i]!,
  }));
  const nodes: Running[] = [];
  for (const [i, consensusKey] of keys.entries()) {
    const home = join(folder, `node${i}`);
    await mkdir(home);
    const plan = planHome(home, {
      validators,
      consensusKey,
      nodeKey: nodeKeys[i]!,
      p2p: `tcp://127.0.0.1:${ports[i]}`,
      rpc: `tcp://127.0.0.1:${ports[4 + i]}`,
      persistentPeers: peers.filter((_, other) => other !== i),
    });
    await writeCometHome(plan);
    nodes.push(run(t, plan));
  }
  const rpc = connectCometRpc({ address: nodes[3]!.plan.rpc });
  atEnd(t, () => rpc.close());
  await until(() => nodes.every(({ supervisor }) => supervisor.state === "running"));
  await until(async () => !(await rpc.status()).isCatchingUp);
  assert.equal((await rpc.broadcastTxSync(Buffer.from("name=value"))).code, 0);
  await until(async () => (await rpc.status()).height >= 2n);
  const { header, commit } = await rpc.commit(1n);
  assert.equal(commit.signatures.length, 4);
  assert.ok(commit.signatures.filter(({ blockIdFlag }) => blockIdFlag === 2).length >= 3);
  assert.deepEqual(header.validatorsHash, hashValidators(sodiumCrypto, await rpc.validators(1n)));
});
