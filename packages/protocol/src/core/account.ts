import { concatBytes, encodeUtf8 } from "./bytes.ts";
import { bytes, type Codec, nullable, record, refine, uint, uint64 } from "./codec/definition.ts";
import { isAlgorithm } from "./cose.ts";
import {
  ALG_EDDSA,
  ALG_ES256,
  ALG_ES256K,
  type Algorithm,
  type Hasher,
  type PublicKey,
  publicKeyLength,
} from "./crypto.ts";
import { LhgError } from "./errors.ts";

/** Addresses are 20 bytes and fixed when first used; the key behind one may change. */
export const ADDRESS_BYTES = 20;
export type Address = Uint8Array;
export const address: Codec<Address> = bytes(ADDRESS_BYTES);

/** A 32-byte SHA-256 digest. */
export const digest: Codec<Uint8Array> = bytes(32);

const ALGORITHM_NAMES: ReadonlyMap<Algorithm, string> = new Map([
  [ALG_EDDSA, "EdDSA"],
  [ALG_ES256, "ES256"],
  [ALG_ES256K, "ES256K"],
]);

export function algorithmName(alg: Algorithm): string {
  return ALGORITHM_NAMES.get(alg)!;
}

const algorithm: Codec<Algorithm> = {
  write: (writer, value) => writer.writeInt(value),
  read: (reader) => {
    const value = reader.readInt();
    return isAlgorithm(value) ? value : reader.fail("cose.algorithm", "must be EdDSA, ES256 or ES256K");
  },
  toJson: algorithmName,
  fromJson: (json, path) => {
    for (const [alg, name] of ALGORITHM_NAMES) if (name === json) return alg;
    throw new LhgError("cose.algorithm", "must be EdDSA, ES256 or ES256K", path.join("."));
  },
  schema: { enum: [...ALGORITHM_NAMES.values()] },
};

export const publicKey: Codec<PublicKey> = refine(
  record(undefined, { alg: algorithm, bytes: bytes({ min: 32, max: 33 }) }),
  (key) =>
    key.bytes.length === publicKeyLength(key.alg)
      ? undefined
      : { code: "cose.key", message: `must be ${publicKeyLength(key.alg)} bytes` },
);

const ADDRESS_TAGS: ReadonlyMap<Algorithm, Uint8Array> = new Map(
  [...ALGORITHM_NAMES].map(([alg, name]) => [alg, encodeUtf8(`LHG-address:${name}:`)]),
);

/**
 * The address of a key: for ES256K the last 20 bytes of Keccak-256 of the uncompressed point, as Ethereum's;
 * else the last 20 bytes of SHA-256("LHG-address", alg, key). Throws when a secp256k1 key is no point.
 */
export function deriveAddress(hasher: Hasher, key: PublicKey): Address {
  if (key.alg === ALG_ES256K) return hasher.keccak256(hasher.decompressSecp256k1(key.bytes)).slice(12);
  return hasher.sha256(concatBytes(ADDRESS_TAGS.get(key.alg)!, key.bytes)).slice(12);
}

/** An address without a key, for what a module holds: 12 zero bytes, then the name in ASCII, zero-padded. */
export function moduleAddress(name: string): Address {
  const out = new Uint8Array(ADDRESS_BYTES);
  out.set(encodeUtf8(name).subarray(0, 8), 12);
  return out;
}

/** What the base partition holds of an account. `key` is null while the address still proves it. */
export const account = record(1, { nonce: uint(), balance: uint64, key: nullable(publicKey) });
