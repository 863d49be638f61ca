/** What operators get wrong: refused with cause and cure, and the cure works. One node at a time, the others decide on. */
import { once } from "node:events";
import { copyFile, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { NodeProcess } from "../network/node-process.ts";
import { requireEngine, waitForEngine } from "./engines.ts";
import { pollUntil } from "./poll.ts";

const END_MS_MAX = 240_000;
const LEVEL_MS_MAX = 240_000;
/** Blocks that a node which is up to date may just be without. */
const BEHIND_MAX = 3;
const SIGN_STATE = "priv_validator_state.json";

/** Starts a node and demands that it ends by itself, saying all of these. */
async function requireRefusal(
  node: NodeProcess,
  patterns: readonly RegExp[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = join(node.seat.home, "node.log");
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  node.spawn(environment);
  await node.waitForEnd(END_MS_MAX);
  const said = (await readFile(path)).subarray(size).toString("utf8");
  const missing = patterns.find((pattern) => !pattern.test(said));
  if (node.ending === "0" || missing !== undefined)
    throw new Error(`${node.name} ended with ${node.ending} and does not say ${missing}:\n${said}`);
}

/** Starts a node and waits until it has what another one has; which height that was. */
async function requireReturn(node: NodeProcess, other: NodeProcess): Promise<number> {
  node.spawn();
  await node.waitUntilUp();
  await waitForEngine(node);
  return pollUntil(
    () => `${node.name} does not catch up:\n${node.tellLog()}`,
    LEVEL_MS_MAX,
    async () => {
      const [own, others] = await Promise.all(
        [node, other].map(async ({ patient }) => (await patient.getStatus()).height),
      );
      return own! >= others! - BEHIND_MAX ? own : undefined;
    },
  );
}

/** All of CometBFT's data but its memory of what it signed. */
async function emptyEngine({ seat }: NodeProcess): Promise<void> {
  const data = join(seat.home, "comet/data");
  for (const name of await readdir(data))
    if (name !== SIGN_STATE) await rm(join(data, name), { recursive: true });
}

/** Of a home that has never run: CometBFT's genesis has another time. CometBFT keeps it, so that its data goes too. */
export async function refuseGenesis(fresh: NodeProcess, other: NodeProcess): Promise<string> {
  const path = join(fresh.seat.home, "comet/config/genesis.json");
  const kept = `${path}.kept`;
  await copyFile(path, kept);
  const genesis = JSON.parse(await readFile(path, "utf8")) as { genesis_time: string };
  await writeFile(path, JSON.stringify({ ...genesis, genesis_time: "2001-02-03T04:05:06Z" }));
  await requireRefusal(fresh, [/genesis\.mismatch/, /genesis_time|2001-02-03/, /lhg init/]);
  await copyFile(kept, path);
  await rm(kept);
  await emptyEngine(fresh);
  const height = await requireReturn(fresh, other);
  return `another genesis refused, the right one brings the node to ${height}`;
}

/** The ledger's genesis is another than the one that its data folder began with. */
export async function refuseOtherChain(node: NodeProcess, other: NodeProcess): Promise<string> {
  const path = join(node.seat.home, "genesis.json");
  const text = await readFile(path, "utf8");
  await node.stop();
  await writeFile(path, JSON.stringify({ ...(JSON.parse(text) as object), name: "another" }));
  await requireRefusal(node, [/genesis\.mismatch/]);
  await writeFile(path, text);
  await requireReturn(node, other);
  return "a ledger of another chain refused";
}

/** A data folder that dBFT began, and one that CometBFT began. The fresh home is left as it was. */
export async function refuseOtherEngine(
  fresh: NodeProcess,
  used: NodeProcess,
  other: NodeProcess,
): Promise<string> {
  const dbft = { LHG_ENGINE_KIND: "dbft" };
  fresh.spawn(dbft);
  await fresh.waitUntilUp();
  await fresh.stop();
  await requireRefusal(fresh, [/engine\.mismatch/, /a chain of dBFT, not of CometBFT/]);
  await rm(join(fresh.seat.home, "data"), { recursive: true });
  await used.stop();
  await requireRefusal(used, [/engine\.mismatch/, /a chain of CometBFT, not of dBFT/], dbft);
  await requireReturn(used, other);
  return "ledgers of another engine refused, both ways";
}

/** CometBFT has lost its blocks, the ledger is ahead of it. What helps is to empty the ledger too. */
export async function refuseLedgerAhead(node: NodeProcess, other: NodeProcess): Promise<string> {
  await node.stop();
  await emptyEngine(node);
  await requireRefusal(node, [/engine\.crashed/, /ahead of the engine/, /empty the ledger's data folder/]);
  await rm(join(node.seat.home, "data/ledger"), { recursive: true });
  const height = await requireReturn(node, other);
  return `a ledger ahead of its engine refused, emptied it comes to ${height}`;
}

/** The ledger is lost, CometBFT has all blocks: it replays them. */
export async function replayLedger(node: NodeProcess, other: NodeProcess): Promise<string> {
  await node.stop();
  await rm(join(node.seat.home, "data/ledger"), { recursive: true });
  const startMs = performance.now();
  const height = await requireReturn(node, other);
  const tookMs = Math.round(performance.now() - startMs);
  return `a lost ledger replayed from CometBFT's ${height} blocks in ${tookMs} ms`;
}

const LENGTH_OF_4_GIB = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10);
const HALF_AN_ECHO = Uint8Array.of(10, 10, 8, 104);
const GARBAGE_BYTES = 4_096;
const GARBAGE_CALLS = 20;

/** What no engine says, on the socket of a running node: it neither ends nor loses its engine. */
export async function sendGarbage(node: NodeProcess, random: (bound: number) => number): Promise<string> {
  const { pid } = requireEngine(node);
  const socket = join(node.seat.home, "comet/abci.sock");
  const noise = (): Uint8Array => Uint8Array.from({ length: GARBAGE_BYTES }, () => random(256));
  const calls = [LENGTH_OF_4_GIB, HALF_AN_ECHO, ...Array.from({ length: GARBAGE_CALLS }, noise)];
  for (const bytes of calls) {
    const stranger = connect(socket);
    stranger.on("error", () => {});
    await once(stranger, "connect");
    const closed = once(stranger, "close");
    stranger.resume().end(bytes);
    await closed;
  }
  if (!node.isRunning || requireEngine(node).pid !== pid)
    throw new Error(`${node.name} does not outlast garbage:\n${node.tellLog()}`);
  return `${calls.length} connections of garbage outlasted`;
}
