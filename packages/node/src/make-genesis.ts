/** What a chain that is made on this machine begins with, of one process or of many. */
import { randomBytes } from "node:crypto";
import { deriveAddress } from "@lhg/protocol/core/account";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { DEFAULT_INITIAL_SUPPLY, type Genesis, UNIT } from "@lhg/protocol/core/genesis";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";
import { generateKey, type SecretKey } from "@lhg/sdk/keys/keys";
import { sodiumCrypto } from "./crypto/sodium.ts";

export interface FoundingVendor {
  readonly name: string;
  readonly key: SecretKey;
  readonly prefixes: readonly string[];
}

export interface Founders {
  readonly name: string;
  readonly kind: Genesis["kind"];
  readonly timeMs: number;
  /** Operators of the validators, in the order of `consensusKeys`. */
  readonly operators: readonly SecretKey[];
  readonly consensusKeys: readonly SecretKey[];
  /** Of each validator; 1 by default. */
  readonly power?: bigint;
  readonly vendors: readonly FoundingVendor[];
  /** The group that all vendors are in. */
  readonly group: string;
  /** Begins with tokens for whoever needs some. */
  readonly faucet: SecretKey;
}

const FAUCET_BALANCE = 1_000_000n * UNIT;
const VENDOR_CREDITS = 1_000_000_000;
const VENDOR_BALANCE = 100_000n * UNIT;

export function newKey(): SecretKey {
  return generateKey(ALG_EDDSA, (size) => randomBytes(size));
}

function addressOf(key: SecretKey): Uint8Array {
  return deriveAddress(sodiumCrypto, { alg: key.alg, bytes: key.publicKey });
}

/** Validators have equal power. The result is not checked: `checkGenesis` does that. */
export function makeGenesis(founders: Founders): Genesis {
  const { name, kind, timeMs, operators, consensusKeys, power = 1n, vendors, group, faucet } = founders;
  return {
    name,
    kind,
    protocolVersion: 1,
    timeMs,
    initialSupply: DEFAULT_INITIAL_SUPPLY,
    accounts: [
      { address: addressOf(faucet), balance: FAUCET_BALANCE },
      ...vendors.map(({ key }) => ({ address: addressOf(key), balance: VENDOR_BALANCE })),
    ],
    validators: operators.map((operator, i) => ({
      operator: addressOf(operator),
      consensusKey: consensusKeys[i]!.publicKey,
      power,
    })),
    vendors: vendors.map(({ key, name, prefixes }) => ({
      account: addressOf(key),
      name,
      prefixes,
      credits: VENDOR_CREDITS,
    })),
    groups: vendors.length === 0 ? [] : [{ name: group, vendors: vendors.map(({ key }) => addressOf(key)) }],
    parameters: DEFAULT_PARAMETERS,
    predecessor: null,
  };
}
