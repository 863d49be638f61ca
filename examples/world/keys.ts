/** Accounts that this world signs for, and the keys that a development chain gives to programs on its machine. */
import { type Address, deriveAddress } from "@lhg/protocol/core/account";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import type { Signer } from "@lhg/protocol/core/cose";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { createNodeSigner, nodeCrypto } from "@lhg/sdk/crypto/node";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { leanFetch } from "./lean-fetch.ts";

export interface Account {
  readonly address: Address;
  /** Of the address. */
  readonly hex: string;
  readonly signer: Signer;
}

export function openAccount(key: SecretKey): Account {
  const signer = createNodeSigner(key);
  const address = deriveAddress(nodeCrypto, signer.publicKey);
  return { address, hex: toHex(address), signer };
}

export interface DevelopmentKeys {
  readonly operators: readonly Account[];
  readonly faucet: Account;
}

interface OfferedKeys {
  readonly keys: readonly { readonly role: string; readonly seed: string }[];
}

/** Asks the node; only a development chain answers. Throws `world.no-development-chain`. */
export async function loadDevelopmentKeys(url: string): Promise<DevelopmentKeys> {
  const { LHG_DEVELOPMENT_TOKEN: token } = process.env;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await leanFetch(`${url}/api/v1/development/keys`, { headers }).catch((error: Error) => {
    throw new LhgError("client.unreachable", `cannot be reached (${error.message})`, url);
  });
  if (!response.ok)
    throw new LhgError("world.no-development-chain", "gives no development keys to this program", url);
  const { keys } = (await response.json()) as OfferedKeys;
  const accountsOf = (role: string): Account[] =>
    keys
      .filter((key) => key.role === role)
      .map(({ seed }) => openAccount(keyFromSeed(ALG_EDDSA, fromHex(seed, "seed"))));
  const [faucet] = accountsOf("faucet");
  if (faucet === undefined) throw new LhgError("world.no-development-chain", "gives no key of a faucet", url);
  return { operators: accountsOf("operator"), faucet };
}
