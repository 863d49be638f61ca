/** The crypto port of the node: libsodium for Ed25519, OpenSSL for ECDSA and SHA-256, hashtree for tree levels. */
import { hashInto } from "@chainsafe/hashtree";
import type { Signer } from "@lhg/protocol/core/cose";
import { ALG_EDDSA, type Crypto, type SignatureCheck } from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import { KeyCache } from "@lhg/sdk/crypto/key-cache";
import { verifyCofactored } from "@lhg/sdk/crypto/noble";
import { createNodeSigner, nodeCrypto } from "@lhg/sdk/crypto/node";
import { hasValidForm } from "@lhg/sdk/crypto/signature-rule";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import sodium from "sodium-native";
import type { ConsensusSigner } from "../signer/consensus-signer.ts";

/** About 150 bytes each. */
const KEY_CACHE_CAPACITY = 65_536;
const admittedKeys = new KeyCache<true>(KEY_CACHE_CAPACITY);

export const sodiumCrypto: Crypto = {
  ...nodeCrypto,
  hashPairs,
  verify,
  verifyBatch: (checks) => checks.map(verify),
  verifyZip215: (check) => verify({ alg: ALG_EDDSA, ...check }) || verifyCofactored(check),
};

function hashPairs(pairs: Uint8Array): Uint8Array {
  assertInvariant(pairs.length % 64 === 0, "hashPairs takes whole pairs of 64 bytes");
  const out = new Uint8Array(pairs.length / 2);
  hashInto(pairs, out);
  return out;
}

function verify(check: SignatureCheck): boolean {
  return check.alg === ALG_EDDSA ? verifyEd25519(check) : nodeCrypto.verify(check);
}

/** libsodium compares bytes but accepts A of mixed order, so A is checked once per key (signature-rule.ts). */
function verifyEd25519(check: SignatureCheck): boolean {
  if (!hasValidForm(check)) return false;
  const { publicKey, message, signature } = check;
  return (
    admittedKeys.getOrDerive(publicKey, admitKey) === true &&
    sodium.crypto_sign_verify_detached(signature, message, publicKey)
  );
}

/** Canonical, on the curve, of prime order: 41 us (measured), as much as a verification. */
function admitKey(publicKey: Uint8Array): true | undefined {
  return sodium.crypto_core_ed25519_is_valid_point(publicKey) ? true : undefined;
}

/** The fastest signer for this key: libsodium for Ed25519, OpenSSL for ECDSA. */
export function createNativeSigner(key: SecretKey): Signer {
  if (key.alg !== ALG_EDDSA) return createNodeSigner(key);
  const publicKey = new Uint8Array(32);
  const expandedKey = new Uint8Array(64);
  sodium.crypto_sign_seed_keypair(publicKey, expandedKey, key.secret);
  return {
    publicKey: { alg: key.alg, bytes: publicKey },
    sign(message) {
      const signature = new Uint8Array(64);
      sodium.crypto_sign_detached(signature, message, expandedKey);
      return signature;
    },
  };
}

/**
 * Signs for a validator with a key in this process. What keeps it from voting twice are the durable votes of the core. Throws
 * `signer.key-algorithm`.
 */
export function createLocalSigner(key: SecretKey): ConsensusSigner {
  if (key.alg !== ALG_EDDSA) throw new LhgError("signer.key-algorithm", "must be EdDSA (Ed25519)", "key");
  const signer = createNativeSigner(key);
  return { publicKey: signer.publicKey.bytes, sign: (message) => signer.sign(message) };
}
