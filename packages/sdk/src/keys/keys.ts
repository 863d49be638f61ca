/** Key pairs in memory, and signing with them in plain JavaScript. */

import type { Signer } from "@lhg/protocol/core/cose";
import { ALG_EDDSA, ALG_ES256, type Algorithm } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";

export interface SecretKey {
  readonly alg: Algorithm;
  /** 32 bytes: the seed of RFC 8032 for Ed25519, the scalar d for ECDSA (big-endian, 1 <= d < n). */
  readonly secret: Uint8Array;
  /** 32 bytes for Ed25519, 33 for ECDSA (SEC 1 compressed). */
  readonly publicKey: Uint8Array;
}

/** Returns `length` bytes of a cryptographically secure source. */
export type RandomSource = (length: number) => Uint8Array;

const SECRET_BYTES = 32;

export function generateKey(alg: Algorithm, random: RandomSource): SecretKey {
  for (;;) {
    const secret = random(SECRET_BYTES);
    // P-256 refuses one secret in 2^32, secp256k1 one in 2^128: drawing again keeps the rest uniform.
    if (isValidSecret(alg, secret)) return keyFromSeed(alg, secret);
  }
}

/**
 * The key pair whose secret is exactly `seed`, so that keys move between programs. Throws `key.invalid-seed`
 * when it is not 32 bytes or no scalar of the curve.
 */
export function keyFromSeed(alg: Algorithm, seed: Uint8Array): SecretKey {
  if (!isValidSecret(alg, seed))
    throw new LhgError("key.invalid-seed", "is no secret of this algorithm", "seed");
  const secret = new Uint8Array(seed);
  const publicKey =
    alg === ALG_EDDSA ? ed25519.getPublicKey(secret) : ecdsaCurve(alg).getPublicKey(secret, true);
  return { alg, secret, publicKey };
}

/** A signer in plain JavaScript; ECDSA is deterministic (RFC 6979) with low S. */
export function signerFromSecret({ alg, secret, publicKey }: SecretKey): Signer {
  return {
    publicKey: { alg, bytes: publicKey },
    sign: (message) =>
      alg === ALG_EDDSA
        ? ed25519.sign(message, secret)
        : ecdsaCurve(alg).sign(message, secret, { prehash: true, lowS: true, format: "compact" }),
  };
}

function isValidSecret(alg: Algorithm, secret: Uint8Array): boolean {
  if (secret.length !== SECRET_BYTES) return false;
  return alg === ALG_EDDSA || ecdsaCurve(alg).utils.isValidSecretKey(secret);
}

function ecdsaCurve(alg: Exclude<Algorithm, typeof ALG_EDDSA>): typeof p256 {
  return alg === ALG_ES256 ? p256 : secp256k1;
}
