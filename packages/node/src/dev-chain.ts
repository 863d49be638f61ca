/** The development chain: genesis and keys of a chain for one machine. Its keys stand unencrypted beside its data. */
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { type FoundingVendor, makeGenesis, newKey } from "./make-genesis.ts";

export interface DevChain {
  readonly genesis: Genesis;
  /** Operators of the validators, in the order of `consensusKeys`. */
  readonly operators: readonly SecretKey[];
  readonly consensusKeys: readonly SecretKey[];
  readonly vendors: readonly FoundingVendor[];
  /** Holds development tokens for whoever needs some. */
  readonly faucet: SecretKey;
}

const VALIDATORS = 7;
const FILE = "dev-keys.json";

/** Company prefixes of GS1's published examples, and namespaces for examples of one's own. */
const VENDORS: readonly { readonly name: string; readonly prefixes: readonly string[] }[] = [
  {
    name: "Acme Manufacturing",
    prefixes: [
      "0012345",
      "0037000",
      "0353579",
      "0614141",
      "4000001",
      "4012345",
      "4023333",
      "5012345",
      "https://example.com/",
      "https://example.org/",
    ],
  },
  {
    name: "Nordic Rail",
    prefixes: ["735005385", "9506000", "9520001", "952005385", "9520999", "9524567", "95252084", "9529999"],
  },
];

interface DevFile {
  readonly version: 1;
  readonly genesis: unknown;
  readonly operators: readonly string[];
  readonly consensusKeys: readonly string[];
  readonly vendors: readonly {
    readonly name: string;
    readonly seed: string;
    readonly prefixes: readonly string[];
  }[];
  readonly faucet: string;
}

/** Makes a fresh development chain that begins at `timeMs`. */
export function createDevChain(timeMs: number, vendors = VENDORS, validators = VALIDATORS): DevChain {
  const operators = Array.from({ length: validators }, newKey);
  const consensusKeys = Array.from({ length: validators }, newKey);
  const keyed = vendors.map((vendor) => ({ ...vendor, key: newKey() }));
  const keys = { operators, consensusKeys, vendors: keyed, faucet: newKey() };
  return {
    genesis: makeGenesis({ name: "lhg-dev", kind: 1, timeMs, group: "development", ...keys }),
    ...keys,
  };
}

/**
 * Loads the development chain of a data folder, or makes and stores a new one. Throws `dev-chain.invalid`, or
 * `dev-chain.keys-missing` when a chain is there without the genesis and keys it was begun with.
 */
export async function loadOrCreateDevChain(dataDirectory: string): Promise<DevChain> {
  const path = join(dataDirectory, FILE);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text !== undefined) return parseDevFile(text, path);
  if (existsSync(join(dataDirectory, "ledger")))
    throw new LhgError("dev-chain.keys-missing", `is not there, but the chain that belongs to it is`, path);
  const made = createDevChain(Date.now());
  await mkdir(dataDirectory, { recursive: true });
  await writeDurably(path, JSON.stringify(toDevFile(made), null, 2));
  return made;
}

function toDevFile(chain: DevChain): DevFile {
  const seeds = (keys: readonly SecretKey[]): string[] => keys.map((key) => toHex(key.secret));
  return {
    version: 1,
    genesis: genesis.toJson(chain.genesis),
    operators: seeds(chain.operators),
    consensusKeys: seeds(chain.consensusKeys),
    vendors: chain.vendors.map(({ name, key, prefixes }) => ({ name, seed: toHex(key.secret), prefixes })),
    faucet: toHex(chain.faucet.secret),
  };
}

function parseDevFile(text: string, path: string): DevChain {
  try {
    const file = JSON.parse(text) as DevFile;
    const keyOf = (seed: string): SecretKey => keyFromSeed(ALG_EDDSA, fromHex(seed, "seed"));
    return {
      genesis: fromJson(genesis, file.genesis, "genesis"),
      operators: file.operators.map(keyOf),
      consensusKeys: file.consensusKeys.map(keyOf),
      vendors: file.vendors.map(({ name, seed, prefixes }) => ({ name, key: keyOf(seed), prefixes })),
      faucet: keyOf(file.faucet),
    };
  } catch (error) {
    throw new LhgError("dev-chain.invalid", `${path} is damaged: ${(error as Error).message}`, FILE);
  }
}

/** Readable by its owner alone; never half written. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
