/** The people of the vectors: fixed keys, one seed per name, in plain JavaScript so that the bytes are the same everywhere. */
import { sha256 } from "@noble/hashes/sha2.js";
import { type Address, algorithmName, deriveAddress } from "../../packages/protocol/src/core/account.ts";
import { encodeUtf8 } from "../../packages/protocol/src/core/bytes.ts";
import type { Signer } from "../../packages/protocol/src/core/cose.ts";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K, type Algorithm } from "../../packages/protocol/src/core/crypto.ts";
import { nobleCrypto } from "../../packages/sdk/src/crypto/noble.ts";
import { keyFromSeed, type SecretKey, signerFromSecret } from "../../packages/sdk/src/keys/keys.ts";

export const crypto = nobleCrypto;

export interface Actor {
  readonly name: string;
  readonly alg: string;
  readonly key: SecretKey;
  readonly signer: Signer;
  readonly address: Address;
}

function makeActor(name: string, alg: Algorithm = ALG_EDDSA): Actor {
  const key = keyFromSeed(alg, sha256(encodeUtf8(`LHG vectors: ${name}`)));
  const signer = signerFromSecret(key);
  return { name, alg: algorithmName(alg), key, signer, address: deriveAddress(crypto, signer.publicKey) };
}

/** Operators of the validators use every algorithm; the four hold one consensus key each. */
export const operators: readonly Actor[] = [
  makeActor("operator 0"),
  makeActor("operator 1", ALG_ES256),
  makeActor("operator 2", ALG_ES256K),
  makeActor("operator 3"),
  makeActor("operator 4"),
];
export const consensusKeys: readonly Actor[] = [0, 1, 2, 3, 4].map((i) => makeActor(`consensus ${i}`));
export const newConsensusKey = makeActor("consensus 1, second key");

export const alice = makeActor("alice");
export const bob = makeActor("bob", ALG_ES256);
export const carol = makeActor("carol", ALG_ES256K);
export const carolsNewKey = makeActor("carol, second key");
export const acme = makeActor("acme");
export const beta = makeActor("beta", ALG_ES256);
export const agent = makeActor("agent of acme");
export const meter = makeActor("meter");
export const meterNewKey = makeActor("meter, second key", ALG_ES256);

export const actors: readonly Actor[] = [
  ...operators,
  ...consensusKeys,
  newConsensusKey,
  alice,
  bob,
  carol,
  carolsNewKey,
  acme,
  beta,
  agent,
  meter,
  meterNewKey,
];

export const address = (name: string): Address => {
  const found = actors.find((actor) => actor.name === name);
  if (found === undefined) throw new Error(`no actor ${name}`);
  return found.address;
};
