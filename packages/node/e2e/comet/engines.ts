/** The cometbft processes of a test, found by the homes they were started with, and what they say. Reads /proc: Linux only. */
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type CometRpc, connectCometRpc } from "../../src/consensus/comet/process/comet-rpc.ts";
import type { NodeProcess } from "../network/node-process.ts";
import { pollUntil } from "./poll.ts";

const UP_MS_MAX = 240_000;

export interface EngineProcess {
  readonly pid: number;
  /** Of CometBFT. */
  readonly home: string;
}

/** All that run, or are about to end, with a home in this folder. */
export function listEngines(folder: string): EngineProcess[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    const [program = "", ...args] = readCommand(name);
    const home = args[args.indexOf("--home") + 1];
    const isOne = basename(program) === "cometbft" && home?.startsWith(`${folder}/`) === true;
    return isOne ? [{ pid: Number(name), home }] : [];
  });
}

/** Empty of one that is gone, or that nobody has asked for its end yet. */
function readCommand(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    // It ended meanwhile.
    return [];
  }
}

const enginesOf = ({ seat }: NodeProcess): EngineProcess[] => listEngines(seat.home);

/** Throws where a node has none, or more than one. */
export function requireEngine(node: NodeProcess): EngineProcess {
  const [engine, ...more] = enginesOf(node);
  if (engine === undefined || more.length > 0)
    throw new Error(
      `${node.name} has ${more.length + (engine === undefined ? 0 : 1)} engines:\n${node.tellLog()}`,
    );
  return engine;
}

/** Until a node has an engine whose process is none of these, and it answers. */
export async function waitForEngine(node: NodeProcess, but: readonly number[] = []): Promise<EngineProcess> {
  return pollUntil(`${node.name} has no engine that answers`, UP_MS_MAX, async () => {
    if (!node.isRunning) throw new Error(`${node.name} ended with ${node.ending}:\n${node.tellLog()}`);
    const [engine, ...more] = enginesOf(node);
    if (engine === undefined || more.length > 0 || but.includes(engine.pid)) return undefined;
    return (await askEngine(node, (rpc) => rpc.status()).catch(() => undefined)) && engine;
  });
}

/** Resolves with how long it took until none of these processes is there. */
export async function waitUntilGone(
  folder: string,
  pids: readonly number[],
  limitMs: number,
): Promise<number> {
  const startMs = performance.now();
  await pollUntil(`engines ${pids.join(", ")} did not end with their nodes`, limitMs, async () => {
    const isLeft = listEngines(folder).some(({ pid }) => pids.includes(pid));
    return isLeft ? undefined : true;
  });
  return performance.now() - startMs;
}

/** The address of the RPC, as the settings of the home have it. */
async function rpcAddressOf({ seat }: NodeProcess): Promise<string> {
  const text = await readFile(join(seat.home, "lhg.toml"), "utf8");
  const address = seat.environment.LHG_ENGINE_COMET_RPC ?? /^comet_rpc = "(.+)"$/m.exec(text)?.[1];
  if (address === undefined) throw new Error(`${seat.home}: no engine.comet_rpc`);
  return address;
}

export async function askEngine<T>(node: NodeProcess, ask: (rpc: CometRpc) => Promise<T>): Promise<T> {
  const rpc = connectCometRpc({ address: await rpcAddressOf(node) });
  try {
    return await ask(rpc);
  } finally {
    rpc.close();
  }
}

/** What CometBFT found when it was started: how far ledger, block store and its own state were. */
export interface Handshake {
  readonly ledger: number;
  readonly blocks: number;
  readonly state: number;
}

/** Of all starts of the engine of a node, in order. The settings of the home let the engine say them (`tellHandshakes`). */
export async function readHandshakes({ seat }: NodeProcess): Promise<Handshake[]> {
  const log = await readFile(join(seat.home, "node.log"), "utf8");
  return log
    .split("\n")
    .filter((line) => line.includes('"ABCI Replay Blocks"'))
    .map((line) => {
      const { appHeight, storeHeight, stateHeight } = JSON.parse(line) as Record<string, unknown>;
      return { ledger: Number(appHeight), blocks: Number(storeHeight), state: Number(stateHeight) };
    });
}
