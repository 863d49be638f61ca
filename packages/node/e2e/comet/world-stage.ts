/** The sample world on a network under CometBFT: all nodes answer alike, and what they prove holds without them. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "@lhg/sdk/client/client";
import { LHG, type NodeProcess } from "../network/node-process.ts";
import { type Question, requireSameAnswers, waitUntilLevel } from "./agreement.ts";
import { inMs } from "./figures.ts";
import type { Story } from "./story.ts";
import { runWorld, type WorldFacts } from "./world.ts";

const runFile = promisify(execFile);
const PAGE = 200;

export async function showWorld({ network, operators }: Story): Promise<string> {
  const { validators, folder, faucet } = network;
  const startMs = performance.now();
  for (const node of validators) node.spawn();
  await Promise.all(validators.map((node) => node.waitUntilUp({ isReady: true })));
  const upMs = performance.now() - startMs;
  const memory = join(folder, "world");
  await mkdir(memory);
  const [first] = validators;
  const facts = await runWorld({ url: first!.seat.apiUrl, folder: memory, operators, faucet });
  const questions = listQuestions(facts);
  await requireSameAnswers(validators, questions);
  const { height, appHash } = await waitUntilLevel(validators);
  const proofs = await verifyOffline(validators, facts, memory);
  return (
    `four validators are up after ${inMs(upMs)}; the world was told and lived to height ${height}; app hash ${appHash.slice(0, 16)} and ` +
    `${questions.length} answers are the same on all four; verified offline: ${proofs.join(", ")}`
  );
}

/** Of what the world made, by every kind of statement. */
function listQuestions({ goodPhone, badLot, pallet, forged, vendors, devices }: WorldFacts): Question[] {
  const question = (name: string, ask: (client: Client) => Promise<unknown>): Question => ({ name, ask });
  return [
    question("a journey", (client) => client.getTrace(goodPhone, { direction: "back" })),
    question("a recall", (client) => client.getTrace(badLot, { direction: "forward" })),
    question("an item", (client) => client.getItem(goodPhone)),
    question("hand-overs", (client) => client.listItemEvents(pallet, { log: "custody" })),
    question("a capture that failed", (client) => client.getStatement(forged.capture)),
    question("statements", (client) => client.listStatements({ limit: PAGE })),
    question("blocks", (client) => client.listBlocks({ limit: PAGE })),
    ...vendors.flatMap(({ name, address }) => [
      question(name, (client) => client.getVendor(address)),
      question(`the account of ${name}`, (client) => client.getAccount(address)),
    ]),
    ...devices.map(({ address }) =>
      question(`readings of ${address}`, (client) => client.listCollections(address)),
    ),
  ];
}

/** A trace and a receipt of every kind of statement, each of another node, by the command and the genesis alone. */
async function verifyOffline(
  nodes: readonly NodeProcess[],
  { goodPhone, forged }: WorldFacts,
  folder: string,
): Promise<string[]> {
  const newest = async (client: Client, kind: "transaction" | "collection"): Promise<string> =>
    (await client.listStatements({ kind, limit: 1 })).items[0]!.id;
  const proofs: readonly [
    name: string,
    fetch: (client: Client) => Promise<{ readonly bytes: Uint8Array }>,
  ][] = [
    ["a trace", (client) => client.getTraceBundle(goodPhone, { direction: "back" })],
    ["a failed capture", (client) => client.getReceipt(forged.capture)],
    ["a transaction", async (client) => client.getReceipt(await newest(client, "transaction"))],
    ["a collection", async (client) => client.getReceipt(await newest(client, "collection"))],
  ];
  const verified: string[] = [];
  for (const [i, [name, fetch]] of proofs.entries()) {
    const { name: by, seat, patient } = nodes[i % nodes.length]!;
    const file = join(folder, `${i}.proof`);
    await writeFile(file, (await fetch(patient)).bytes);
    // It fails where the proof does not hold.
    await runFile(process.execPath, [LHG, "verify", file, "--genesis", join(seat.home, "genesis.json")]);
    verified.push(`${name} of ${by}`);
  }
  return verified;
}
