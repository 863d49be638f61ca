/** CometBFT alone, with the key-value store that is built into it: what the engine costs where the application does next to nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readHomeConfig } from "../packages/node/src/cli/network/open-home.ts";
import { parseTcpAddress } from "../packages/node/src/consensus/comet/process/addresses.ts";
import { type CometRpc, connectCometRpc } from "../packages/node/src/consensus/comet/process/comet-rpc.ts";
import { type LoadedNetwork, sleep } from "./network-load.ts";
import { createCometNetwork } from "./network-nodes.ts";

export interface KvstoreNetwork extends LoadedNetwork {
  /** Throws where one that was sent is in no block. */
  requireAllCommitted(): Promise<void>;
  stop(): Promise<void>;
}

interface KvstoreNode {
  readonly child: ChildProcess;
  readonly rpc: CometRpc;
  readonly url: string;
  readonly logFile: string;
}

const POLL_MS = 50;
const READY_MS_MAX = 60_000;
const LOG_TAIL_BYTES = 2_000;

/** Four validators with the homes that `lhg init` makes: all settings but that of the application are those of CometBFT below LHG. */
export async function startKvstoreNetwork(binary: string): Promise<KvstoreNetwork> {
  const made = await createCometNetwork();
  const nodes: KvstoreNode[] = [];
  const stop = async (): Promise<void> => {
    for (const { rpc } of nodes) rpc.close();
    await Promise.all(nodes.map(({ child }) => endChild(child)));
    await made.close();
  };
  try {
    for (const { seat } of made.validators) nodes.push(await startNode(binary, seat.home));
    await Promise.all(nodes.map((node) => waitForPeers(node, made.validators.length - 1)));
    return { ...loadKvstore(nodes), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(binary: string, home: string): Promise<KvstoreNode> {
  const { cometHome, cometRpc } = await readHomeConfig({ home, environment: {}, flags: {} });
  const { host, port } = parseTcpAddress(cometRpc, "engine.comet_rpc");
  const logFile = join(home, "comet.log");
  const log = openSync(logFile, "a");
  const child = spawn(binary, ["start", "--home", cometHome, "--proxy_app", "kvstore"], {
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const killNow = (): void => void child.kill("SIGKILL");
  process.once("exit", killNow);
  child.once("exit", () => process.off("exit", killNow));
  return { child, rpc: connectCometRpc({ address: cometRpc }), url: `http://${host}:${port}`, logFile };
}

async function waitForPeers({ child, rpc, logFile }: KvstoreNode, count: number): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  for (;;) {
    const peers = await rpc.peerCount().catch(() => 0);
    if (peers >= count) return;
    if (hasEnded(child) || performance.now() > endMs)
      throw new Error(`CometBFT is not up:\n${readFileSync(logFile, "utf8").slice(-LOG_TAIL_BYTES)}`);
    await sleep(POLL_MS);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function endChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

function loadKvstore(nodes: readonly KvstoreNode[]): Omit<KvstoreNetwork, "stop"> {
  const first = nodes[0]!;
  /** Of the transactions of all blocks that were read. */
  const heights = new Map<string, number>();
  let read = 0;
  let sent = 0;

  async function readBlocks(): Promise<void> {
    for (const newest = await readHeight(first.url); read < newest; read++) {
      const { block } = await ask<{ block: { data: { txs: string[] | null } } }>(
        `${first.url}/block?height=${read + 1}`,
      );
      for (const tx of block.data.txs ?? []) heights.set(nameOf(Buffer.from(tx, "base64")), read + 1);
    }
  }

  return {
    nodes: nodes.length,
    async send(node, call) {
      await nodes[node]!.rpc.broadcastTxs(call);
      sent += call.length;
      return nameOf(call.at(-1)!);
    },
    readHeight: () => readHeight(first.url),
    async locate(name) {
      for (;;) {
        const height = heights.get(name);
        if (height !== undefined) return height;
        await readBlocks();
        if (!heights.has(name)) await sleep(POLL_MS);
      }
    },
    listProcesses: () => new Map([["CometBFT", nodes.map(({ child }) => child.pid!)]]),
    async requireAllCommitted() {
      await readBlocks();
      if (heights.size !== sent) throw new Error(`${sent} were sent, and ${heights.size} are in blocks`);
    },
  };
}

/** What the application has executed, as LHG tells its own: the height of CometBFT's own status counts a block that it has only stored. */
async function readHeight(url: string): Promise<number> {
  const { response } = await ask<{ response: { last_block_height?: string } }>(`${url}/abci_info`);
  return Number(response.last_block_height ?? 0);
}

async function ask<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  const { result, error } = (await answer.json()) as { result?: T; error?: unknown };
  if (result === undefined) throw new Error(`${url}: ${JSON.stringify(error)}`);
  return result;
}

function nameOf(tx: Uint8Array): string {
  return createHash("sha256").update(tx).digest("hex");
}

const KEY_BYTES = 16;

/** `key=value`, which the store takes, of so many bytes, and never the same twice. */
export function makePair(sizeBytes: number): Uint8Array {
  const key = randomBytes(KEY_BYTES).toString("hex");
  return Buffer.from(`${key}=${"v".repeat(sizeBytes - key.length - 1)}`);
}
