/** The chain that all drivers run: who is in it, made of a seed, so that a seed gives the same bytes again. */
import { sortValidators, type Validator } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { addressOf } from "../e2e/statements.ts";
import type { Random } from "../simulation/random.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import type { DevChain } from "../src/dev-chain.ts";
import { makeGenesis } from "../src/make-genesis.ts";

export interface World {
  readonly genesis: Genesis;
  readonly chainId: string;
  /** Also of validators to come: `operators[i]` may run `consensusKeys[i]`. */
  readonly dev: DevChain;
  /** Send transactions; only the first ones have tokens. */
  readonly people: readonly SecretKey[];
  /** Sends what is sent on purpose, not by chance. */
  readonly clerk: SecretKey;
  readonly device: SecretKey;
  /** The signing key of a consensus key; every key that ever votes is known here. */
  keyOf(consensusKey: Uint8Array): SecretKey;
}

export interface WorldOptions {
  readonly validators: number;
  readonly timeMs: number;
  /** Of each; by default by chance. */
  readonly power?: bigint;
}

/** Operators who may join, each with a consensus key. */
const NEWCOMERS = 3;
/** Keys that validators may change to. */
const SPARE_KEYS = 4;
const POWER_MAX = 9;

export function createWorld(random: Random, { validators, timeMs, power }: WorldOptions): World {
  const newKey = (): SecretKey =>
    keyFromSeed(
      ALG_EDDSA,
      Uint8Array.from({ length: 32 }, () => random.below(256)),
    );
  const keys = (count: number): SecretKey[] => Array.from({ length: count }, newKey);
  const operators = keys(validators + NEWCOMERS);
  const consensusKeys = keys(validators + NEWCOMERS + SPARE_KEYS);
  const faucet = newKey();
  const vendors = [
    { name: "Acme Manufacturing", prefixes: ["4012345", "https://example.com/"], key: newKey() },
    { name: "Nordic Rail", prefixes: ["735005385"], key: newKey() },
    { name: "Registry Office", prefixes: ["952005385"], key: newKey() },
  ];
  const founders = { operators: operators.slice(0, validators), consensusKeys, vendors, faucet };
  const made = makeGenesis({ name: "lhg-dev", kind: 1, timeMs, group: "development", ...founders });
  const genesis: Genesis = {
    ...made,
    validators: made.validators.map((entry) => ({
      ...entry,
      power: power ?? BigInt(1 + random.below(POWER_MAX)),
    })),
  };
  const byKey = new Map(consensusKeys.map((key) => [toHex(key.publicKey), key]));
  return {
    genesis,
    chainId: computeChainId(sodiumCrypto, genesis),
    dev: { genesis, operators, consensusKeys, vendors, faucet },
    people: [faucet, ...vendors.slice(0, 2).map(({ key }) => key), ...keys(2)],
    clerk: vendors[2]!.key,
    device: newKey(),
    keyOf: (consensusKey) => byKey.get(toHex(consensusKey))!,
  };
}

/** Those of genesis, in the order of every set. */
export function foundingValidators({ genesis }: World): Validator[] {
  return sortValidators(sodiumCrypto, genesis.validators);
}

/** Who runs the validator with this operator address. */
export function operatorOf({ dev }: World, operator: Uint8Array): SecretKey {
  return dev.operators.find((key) => toHex(addressOf(key)) === toHex(operator))!;
}
