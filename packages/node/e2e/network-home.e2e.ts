import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { findFreeBase } from "./network/loopback.ts";

const LHG = join(import.meta.dirname, "../src/cli/main.ts");
const run = promisify(execFile);

let folder: string;
const running = new Set<ChildProcess>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-home-"));
});

after(async () => {
  for (const child of running) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

async function lhg<T>(...args: readonly string[]): Promise<T> {
  const { stdout } = await run(process.execPath, [LHG, ...args, "--json"], { cwd: folder });
  return JSON.parse(stdout) as T;
}

interface Said {
  readonly url: string;
  readonly chainId: string;
  readonly peerId: string;
  readonly peerAddresses: readonly string[];
  readonly consensusKey: string | null;
}

interface Started<T> {
  readonly said: T;
  readonly log: () => string;
  /** SIGTERM, and the code it ended with. */
  stop(): Promise<number | null>;
}

/** Starts a command that keeps running, and waits for what it says when it is up. */
async function start<T>(...args: readonly string[]): Promise<Started<T>> {
  const child = spawn(process.execPath, [LHG, ...args, "--json"], { cwd: folder });
  running.add(child);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  let text = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.endsWith("}\n")) break;
  }
  if (text === "") throw new Error(`ended without an answer: ${log}`);
  return {
    said: JSON.parse(text) as T,
    log: () => log,
    async stop() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      const [code] = await closed;
      running.delete(child);
      return code as number | null;
    },
  };
}

const startNode = (home: string): Promise<Started<Said>> => start("node", "--home", home);

interface Status {
  readonly chainId: string;
  readonly height: number;
  readonly validators: number;
  readonly peers: number;
}

test("a network of one is made, runs, takes a transfer, stops by SIGTERM and goes on", async () => {
  const made = await lhg<{ chainId: string; nodes: readonly { home: string; peerId: string }[] }>(
    "init",
    ...[
      "--validators",
      "1",
      "--out",
      "net",
      "--insecure-keys",
      "--base-port",
      "0",
      "--vendor",
      "Acme=0614141",
    ],
  );
  const { home, peerId } = made.nodes[0]!;
  const checked = await lhg<{ ok: boolean; chainId: string }>("node", "--home", home, "--check-config");
  assert.deepEqual([checked.ok, checked.chainId], [true, made.chainId]);

  const first = await startNode(home);
  assert.deepEqual([first.said.chainId, first.said.peerId], [made.chainId, peerId]);
  assert.match(
    first.said.peerAddresses.join(),
    new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/[1-9]\\d*/p2p/${peerId}$`),
  );
  await assert.rejects(lhg("node", "--home", home), /store\.locked/, "and ends, its port for peers closed");
  const at = (url: string): string[] => ["--url", url, "--keys", "net/accounts"];
  const transfer = ["send", "transfer", "acme", "1", "--as", "faucet", "--wait", "provable"];
  await lhg(...transfer, ...at(first.said.url));
  const before = await lhg<Status>("status", ...at(first.said.url));
  assert.equal(before.validators, 1);
  assert.equal(await first.stop(), 0);
  const entries = first.log().trim().split("\n");
  assert.ok(
    entries.map((line) => JSON.parse(line) as { msg: string }).some(({ msg }) => /stopped/.test(msg)),
  );
  const keyText = await readFile(join(folder, home, "consensus-key.json"), "utf8");
  const { insecureSecret, publicKey } = JSON.parse(keyText) as Record<string, string>;
  assert.equal(first.said.consensusKey, publicKey);
  assert.ok(!first.log().includes(insecureSecret!), "no secret is logged");

  const second = await startNode(home);
  await lhg(...transfer, ...at(second.said.url));
  const after = await lhg<Status>("status", ...at(second.said.url));
  assert.equal(after.chainId, before.chainId);
  assert.ok(after.height > before.height);
  assert.equal(await second.stop(), 0);
});

test("a node whose key is with lhg signer votes with it, and says so when nobody signs", async () => {
  await lhg("init", ...["--validators", "1", "--out", "guarded", "--insecure-keys", "--base-port", "0"]);
  const home = "guarded/node0";
  const socket = `unix:${join(folder, "signer.sock")}`;
  const path = join(folder, home, "lhg.toml");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace(/^key_file = .*$/m, `remote_signer = ${JSON.stringify(socket)}`));

  const missing = await run(process.execPath, [LHG, "node", "--home", home, "--check-config"], {
    cwd: folder,
    env: { ...process.env, LHG_CONSENSUS_MAX_TIMEOUT_MS: "1000" },
  }).catch((error: { code: number; stdout: string }) => error);
  assert.match(missing.stdout, /problem: .*\(signer\.unreachable\)/);
  assert.equal((missing as { code?: number }).code, 2);

  const signer = await start<{ publicKey: string }>(
    ...["signer", "--key", `${home}/consensus-key.json`, "--listen", socket, "--new-state"],
  );
  const node = await startNode(home);
  assert.equal(node.said.consensusKey, signer.said.publicKey);
  const transfer = ["send", "transfer", "00".repeat(20), "1", "--as", "faucet", "--wait", "provable"];
  await lhg(...transfer, "--keys", "guarded/accounts", "--url", node.said.url);
  assert.equal(await node.stop(), 0);
  assert.equal(await signer.stop(), 0);
});

const NODES = 4;

test("four nodes as they were made find each other and agree; what one is told, another proves", async () => {
  const base = await findFreeBase(NODES);
  const made = await lhg<{ nodes: readonly { home: string }[] }>(
    "init",
    ...["--validators", String(NODES), "--out", "four", "--insecure-keys", "--base-port", String(base)],
  );
  const nodes = await Promise.all(made.nodes.map(({ home }) => startNode(home)));
  const [first, last] = [nodes[0]!, nodes.at(-1)!];
  const send = (url: string): Promise<{ id: string }> =>
    lhg(
      ...["send", "transfer", "00".repeat(20), "7", "--as", "faucet", "--keys", "four/accounts"],
      ...["--wait", "provable", "--url", url],
    );
  const sent = await send(first.said.url);
  // When the last node has proven a later one it has the first, too.
  await send(last.said.url);
  await lhg("receipt", sent.id, "--out", "receipt.cbor", "--url", last.said.url);
  for (const { said } of nodes) await waitForPeers(said.url);
  assert.deepEqual(await Promise.all(nodes.map((node) => node.stop())), Array(NODES).fill(0));
});

/** Until a node has met all others: each question takes the time of a process. */
async function waitForPeers(url: string): Promise<void> {
  for (;;) {
    const { peers, validators } = await lhg<Status>("status", "--url", url);
    assert.equal(validators, NODES);
    if (peers === NODES - 1) return;
  }
}
