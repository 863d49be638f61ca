import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const LHG = join(import.meta.dirname, "../src/cli/main.ts");
const run = promisify(execFile);

let folder: string;
let running: ChildProcess | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-home-"));
});

after(async () => {
  running?.kill("SIGKILL");
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
  readonly consensusKey: string | null;
}

interface Node extends Said {
  readonly log: () => string;
  /** SIGTERM, and the code it ended with. */
  stop(): Promise<number | null>;
}

async function startNode(home: string): Promise<Node> {
  const child = spawn(process.execPath, [LHG, "node", "--home", home, "--json"], { cwd: folder });
  running = child;
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
    ...(JSON.parse(text) as Said),
    log: () => log,
    async stop() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      const [code] = await closed;
      return code as number | null;
    },
  };
}

interface Status {
  readonly chainId: string;
  readonly height: number;
  readonly validators: number;
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
  assert.deepEqual([first.chainId, first.peerId], [made.chainId, peerId]);
  const at = (url: string): string[] => ["--url", url, "--keys", "net/accounts"];
  const transfer = ["send", "transfer", "acme", "1", "--as", "faucet", "--wait", "provable"];
  await lhg(...transfer, ...at(first.url));
  const before = await lhg<Status>("status", ...at(first.url));
  assert.equal(before.validators, 1);
  assert.equal(await first.stop(), 0);
  const entries = first.log().trim().split("\n");
  assert.ok(
    entries.map((line) => JSON.parse(line) as { msg: string }).some(({ msg }) => /stopped/.test(msg)),
  );
  const keyText = await readFile(join(folder, home, "consensus-key.json"), "utf8");
  const { insecureSecret, publicKey } = JSON.parse(keyText) as Record<string, string>;
  assert.equal(first.consensusKey, publicKey);
  assert.ok(!first.log().includes(insecureSecret!), "no secret is logged");

  const second = await startNode(home);
  await lhg(...transfer, ...at(second.url));
  const after = await lhg<Status>("status", ...at(second.url));
  assert.equal(after.chainId, before.chainId);
  assert.ok(after.height > before.height);
  assert.equal(await second.stop(), 0);
});
