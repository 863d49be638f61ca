/** One network under CometBFT: its homes, who may sign for it, and the load that begins with the first call for it. */
import { copyFile, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { createPortBlocks, type PortBlocks } from "../network/loopback.ts";
import type { NodeProcess } from "../network/node-process.ts";
import { createTestNetwork, readPlainKey, type TestNetwork } from "../network/test-network.ts";
import { startTrial, type Trial, type TrialOptions } from "../network/trial.ts";

const VALIDATORS = 4;
/** The first joins and is elected, the second begins wrong. */
const OBSERVERS = 2;
/** Steady, and light enough that who was away catches up on a small machine where all the others run. */
const SENDERS = { accounts: 5, devices: 3 };

export interface StoryOptions extends TrialOptions {
  /** How often something is killed. */
  readonly kills: number;
}

export interface Story extends StoryOptions {
  readonly network: TestNetwork<PortBlocks>;
  /** One that no node of the network has. */
  readonly freeSeat: number;
  /** Of the validators, by seat. */
  readonly operators: readonly SecretKey[];
  /** The network under load, which begins with the first call. */
  trial(): Promise<Trial<PortBlocks>>;
  /** The first observer, once it has what the others have, and a line of how that went. */
  join(): Promise<readonly [node: NodeProcess, line: string]>;
  /** Consensus keys in hex of whom evidence stands against. */
  readonly guilty: Set<string>;
}

/** Makes the homes, and starts nothing. */
export async function openStory(options: StoryOptions): Promise<Story> {
  const freeSeat = VALIDATORS + OBSERVERS;
  const seating = await createPortBlocks(freeSeat + 1);
  const plan = { validators: VALIDATORS, observers: OBSERVERS, comet: { basePort: seating.basePort } };
  const network = await createTestNetwork(plan, seating);
  const { validators, observers } = network;
  for (const node of [...validators, ...observers]) await tellHandshakes(node);
  const operators = await Promise.all(
    validators.map(({ seat }) => readPlainKey(join(seat.home, "operator-key.json"))),
  );
  const trial = once(() => startTrial(network, { ...options, senders: SENDERS }));
  return {
    ...options,
    network,
    freeSeat,
    operators,
    trial,
    join: once(async () => [observers[0]!, await (await trial()).join()] as const),
    guilty: new Set(),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Lets CometBFT say what it finds when it starts; `readHandshakes` reads it. */
async function tellHandshakes({ seat }: NodeProcess): Promise<void> {
  const path = join(seat.home, "comet/config/config.toml");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace(/^log_level = .*$/m, 'log_level = "main:info,consensus:info,*:error"'));
}

/** Keeps the logs of all nodes where the network's folder is about to go. Returns where. */
export async function keepLogs({ network: { validators, observers } }: Story): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lhg-comet-logs-"));
  // One that never ran has none.
  for (const { name, seat } of [...validators, ...observers])
    await copyFile(join(seat.home, "node.log"), join(folder, `${name}.log`)).catch(() => {});
  return folder;
}
