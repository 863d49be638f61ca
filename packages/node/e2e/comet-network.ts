/** A network under CometBFT on loopback: homes as `lhg init` writes them, each node a process with the real engine beside it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { LHG, NodeProcess } from "./network/node-process.ts";

const run = promisify(execFile);

export interface CometNetworkOptions {
  readonly validators: number;
  readonly observers: number;
  /** Variables of the environment for all nodes. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface CometNode {
  readonly process: NodeProcess;
  readonly home: string;
  readonly data: string;
  readonly apiUrl: string;
  /** Of its CometBFT. */
  readonly rpcUrl: string;
}

export interface CometNetwork {
  readonly folder: string;
  readonly genesisFile: string;
  readonly nodes: readonly CometNode[];
  /** Runs a command to its end, and reads what it says. */
  lhg<T>(...args: readonly string[]): Promise<T>;
  /** A transfer through this node, until it can be proven; returns its id. */
  transfer(through: CometNode, amount?: number): Promise<string>;
}

const PORTS_PER_NODE = 10;

/** Makes the homes; nothing runs yet, and whatever does ends with the test. */
export async function makeCometNetwork(
  context: TestContext,
  { validators, observers, environment = {} }: CometNetworkOptions,
): Promise<CometNetwork> {
  const folder = await mkdtemp(join(tmpdir(), "lhg-comet-"));
  const lhg = async <T>(...args: readonly string[]): Promise<T> => {
    const { stdout } = await run(process.execPath, [LHG, ...args, "--json"], { cwd: folder });
    return JSON.parse(stdout) as T;
  };
  const base = await findFreeBase(validators + observers);
  const made = await lhg<{ nodes: readonly { home: string }[] }>(
    ...["init", "--engine", "comet", "--validators", `${validators}`, "--observers", `${observers}`],
    ...["--out", "net", "--insecure-keys", "--base-port", `${base}`],
  );
  const nodes = made.nodes.map(({ home: name }, i): CometNode => {
    const home = join(folder, name);
    const [apiUrl, rpcUrl] = [1, 3].map((offset) => `http://127.0.0.1:${base + PORTS_PER_NODE * i + offset}`);
    const seat = { name, home, apiUrl: apiUrl!, command: [], environment };
    return {
      process: new NodeProcess(seat),
      home,
      data: join(home, "data"),
      apiUrl: apiUrl!,
      rpcUrl: rpcUrl!,
    };
  });
  context.after(async () => {
    await Promise.allSettled(nodes.map((node) => node.process.stop()));
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    genesisFile: join(folder, "net", "genesis.json"),
    nodes,
    lhg,
    async transfer(through, amount = 1) {
      const { id } = await lhg<{ id: string }>(
        ...["send", "transfer", "00".repeat(20), `${amount}`, "--as", "faucet", "--keys", "net/accounts"],
        ...["--wait", "provable", "--url", through.apiUrl],
      );
      return id;
    },
  };
}

/** Below the ports that the system gives out, and free now: settings of peers name ports. */
async function findFreeBase(nodes: number): Promise<number> {
  for (;;) {
    const base = 20_000 + PORTS_PER_NODE * Math.floor(Math.random() * 1_000);
    const ports = Array.from({ length: nodes * PORTS_PER_NODE }, (_, i) => base + i);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Its log, whole. */
export function readLog({ home }: CometNode): Promise<string> {
  return readFile(join(home, "node.log"), "utf8");
}
