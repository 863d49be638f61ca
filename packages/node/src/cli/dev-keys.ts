/** The keys of a development chain, as accounts with names: only for a chain that was made on this machine. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import { createNodeSigner, nodeCrypto } from "@lhg/sdk/crypto/node";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import type { DevelopmentKeys } from "../api/routes/development.ts";
import { type DevChain, loadOrCreateDevChain } from "../dev-chain.ts";
import { type Account, createAccount } from "./accounts.ts";

export const DEV_KEYS_FILE = "dev-keys.json";

export interface DevKeys {
  readonly chainId: string;
  readonly genesis: Genesis;
  readonly vendors: readonly DevVendorAccount[];
  readonly operators: readonly Account[];
  readonly faucet: Account;
}

export interface DevVendorAccount extends Account {
  /** As on the chain: `Acme Manufacturing`. */
  readonly title: string;
  readonly prefixes: readonly string[];
}

/** The development keys of a data folder; undefined where `lhg dev` never ran. Throws `dev-chain.invalid`. */
export async function loadDevKeys(dataFolder: string): Promise<DevKeys | undefined> {
  const exists = await access(join(dataFolder, DEV_KEYS_FILE)).then(
    () => true,
    () => false,
  );
  return exists ? describeDevKeys(await loadOrCreateDevChain(dataFolder)) : undefined;
}

/** The development keys of a data folder if they belong to this chain: for another they sign nothing. */
export async function findDevKeys(dataFolder: string, chainId: string): Promise<DevKeys | undefined> {
  const keys = await loadDevKeys(dataFolder);
  return keys?.chainId === chainId ? keys : undefined;
}

export function describeDevKeys(chain: DevChain): DevKeys {
  return {
    chainId: computeChainId(nodeCrypto, chain.genesis),
    genesis: chain.genesis,
    vendors: chain.vendors.map(({ name, key, prefixes }) => ({
      ...devAccount(slugOf(name), key),
      title: name,
      prefixes,
    })),
    operators: chain.operators.map((key, i) => devAccount(`operator-${i + 1}`, key)),
    faucet: devAccount("faucet", chain.faucet),
  };
}

/** The same keys with their secrets, as the node gives them to programs on this machine. */
export function offerDevKeys(chain: DevChain): DevelopmentKeys {
  const { chainId, vendors, operators, faucet } = describeDevKeys(chain);
  const offer = (
    { name, address }: Account,
    role: DevelopmentKeys["keys"][number]["role"],
    { secret }: SecretKey,
  ): DevelopmentKeys["keys"][number] => ({
    name,
    address: toHex(address),
    role,
    alg: "EdDSA",
    seed: toHex(secret),
  });
  return {
    chainId,
    keys: [
      ...vendors.map((vendor, i) => ({
        ...offer(vendor, "vendor", chain.vendors[i]!.key),
        title: vendor.title,
        prefixes: [...vendor.prefixes],
      })),
      ...operators.map((operator, i) => offer(operator, "operator", chain.operators[i]!)),
      offer(faucet, "faucet", chain.faucet),
    ],
  };
}

/** `Acme Manufacturing` -> `acme-manufacturing`: what stands for it on the command line. */
function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

function devAccount(name: string, key: SecretKey): Account {
  return createAccount(name, createNodeSigner(key), "development");
}

/** The development account of a name or of an address in hex. */
export function findDevAccount(keys: DevKeys, name: string): Account | undefined {
  const all: readonly Account[] = [...keys.vendors, ...keys.operators, keys.faucet];
  const wanted = slugOf(name);
  return all.find((account) => account.name === wanted || toHex(account.address) === name.toLowerCase());
}

/** Names of development accounts by address in hex. */
export function nameOfDev(keys: DevKeys | undefined): (address: string) => string | undefined {
  const names = new Map(keys?.vendors.map(({ address, title }) => [toHex(address), title]));
  return (address) => names.get(address);
}
