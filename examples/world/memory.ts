/** What this world remembers from one start to the next: its keys, when its story was told, and how far it came. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { generateKey, keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { readJsonFile, writeJsonFile } from "./durable-file.ts";
import { FLEET } from "./fleet.ts";
import { VENDOR_IDS } from "./vendors.ts";

const FILE = "world.json";

/** Where a run stands. The time of a step is kept before it is sent, so that a repetition says the very same. */
export interface Place {
  readonly run: number;
  readonly step: number;
  readonly timeMs: number;
}

export interface Memory {
  readonly chainId: string;
  /** First start, in milliseconds since 1970: the story ends then. */
  readonly bornMs: number;
  /** 32-byte seeds in hex, by the ids of vendors and the names of devices. */
  readonly vendors: Readonly<Record<string, string>>;
  readonly devices: Readonly<Record<string, string>>;
  /** Steps of the story that are on the chain. */
  readonly told: number;
  readonly life: Place | null;
  /** The forged event, which the chain recorded as failed. */
  readonly forged: { readonly capture: string; readonly status: string } | null;
  /** The code with which the node refused a capture with a bent signature. */
  readonly bent: string | null;
}

/** What is remembered of this chain; a new world where nothing is, or of another chain. */
export async function loadMemory(folder: string, chainId: string): Promise<Memory> {
  const found = (await readJsonFile(join(folder, FILE))) as Memory | undefined;
  if (found?.chainId === chainId) return found;
  const made: Memory = {
    chainId,
    bornMs: Date.now(),
    vendors: makeSeeds(VENDOR_IDS),
    devices: makeSeeds(FLEET.map(({ name }) => name)),
    told: 0,
    life: null,
    forged: null,
    bent: null,
  };
  await saveMemory(folder, made);
  return made;
}

export async function saveMemory(folder: string, memory: Memory): Promise<void> {
  await writeJsonFile(join(folder, FILE), memory);
}

export function keyOf(seeds: Readonly<Record<string, string>>, name: string): SecretKey {
  return keyFromSeed(ALG_EDDSA, fromHex(seeds[name] ?? "", `world.json ${name}`));
}

function makeSeeds(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [name, toHex(generateKey(ALG_EDDSA, (length) => randomBytes(length)).secret)]),
  );
}
