/** The crypto port in plain JavaScript: browsers, and wherever native code is missing. */
import { equalBytes } from "@lhg/protocol/core/bytes";
import {
  ALG_EDDSA,
  ALG_ES256,
  ALG_ES256K,
  type Crypto,
  type SignatureCheck,
  type Zip215Check,
} from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import type { EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { KeyCache } from "./key-cache.ts";
import { hasValidForm, isCompressedForm } from "./signature-rule.ts";

const { Point } = ed25519;

/** A precomputed key takes about 130 KB. */
const KEY_CACHE_CAPACITY = 256;
/** The table costs 4.8 ms and saves 0.6 ms of 0.9 ms per signature (measured), so it pays from the eighth on. */
const USES_BEFORE_PRECOMPUTING = 8;
const PRECOMPUTE_WINDOW_BITS = 4;

interface AdmittedKey {
  readonly point: EdwardsPoint;
  uses: number;
}

const admittedKeys = new KeyCache<AdmittedKey>(KEY_CACHE_CAPACITY);

export const nobleCrypto: Crypto = {
  sha256: (data) => sha256(data),
  hashPairs,
  keccak256: (data) => keccak_256(data),
  decompressSecp256k1,
  verify,
  verifyBatch: (checks) => checks.map(verify),
  verifyZip215: (check) => verify({ alg: ALG_EDDSA, ...check }) || verifyCofactored(check),
};

/** Decodes an Ed25519 key if it is canonical and of prime order: the check of A in signature-rule.ts. */
export function decodeEd25519Key(publicKey: Uint8Array): EdwardsPoint | undefined {
  const point = decodePoint(publicKey);
  return point !== undefined && !point.is0() && point.isTorsionFree() ? point : undefined;
}

function decodePoint(bytes: Uint8Array): EdwardsPoint | undefined {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    // noble says by throwing that the bytes are no canonical point; the port answers false.
    return undefined;
  }
}

function verify(check: SignatureCheck): boolean {
  if (!hasValidForm(check)) return false;
  return check.alg === ALG_EDDSA ? verifyEd25519(check) : verifyEcdsa(check);
}

/**
 * Compares encodings instead of calling noble's cofactored `verify`, which would need R decoded and checked
 * for torsion as well: 430 signatures per second against 1,000, or 2,600 of a key seen often (measured).
 */
function verifyEd25519({ publicKey, message, signature }: SignatureCheck): boolean {
  const key = admittedKeys.getOrDerive(publicKey, admitKey);
  if (key === undefined) return false;
  key.uses++;
  if (key.uses === USES_BEFORE_PRECOMPUTING) key.point.precompute(PRECOMPUTE_WINDOW_BITS);
  const encodedR = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  const k = computeChallenge(encodedR, publicKey, message);
  const expected = Point.BASE.multiplyUnsafe(s).subtract(key.point.multiplyUnsafe(k));
  return equalBytes(expected.toBytes(), encodedR);
}

function admitKey(publicKey: Uint8Array): AdmittedKey | undefined {
  const point = decodeEd25519Key(publicKey);
  return point === undefined ? undefined : { point, uses: 0 };
}

/** k = SHA-512(R || A || M) mod L, little-endian. */
function computeChallenge(encodedR: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  const digest = sha512.create().update(encodedR).update(publicKey).update(message).digest();
  return Point.Fn.create(bytesToNumberLE(digest));
}

/**
 * ZIP-215 by noble, which is the reference. It takes five times as long as the one rule under a key seen often (measured). What
 * passes that rule passes this one, too, so every implementation asks it first: honest validators' signatures get no further.
 */
export function verifyCofactored({ publicKey, message, signature }: Zip215Check): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  return ed25519.verify(signature, message, publicKey, { zip215: true });
}

function verifyEcdsa({ alg, publicKey, message, signature }: SignatureCheck): boolean {
  const curve = alg === ALG_ES256 ? p256 : secp256k1;
  return curve.verify(signature, message, publicKey, { prehash: true, lowS: true, format: "compact" });
}

function hashPairs(pairs: Uint8Array): Uint8Array {
  assertInvariant(pairs.length % 64 === 0, "hashPairs takes whole pairs of 64 bytes");
  const out = new Uint8Array(pairs.length / 2);
  for (let offset = 0; offset < pairs.length; offset += 64)
    out.set(sha256(pairs.subarray(offset, offset + 64)), offset / 2);
  return out;
}

function decompressSecp256k1(publicKey: Uint8Array): Uint8Array {
  try {
    if (isCompressedForm(ALG_ES256K, publicKey))
      return secp256k1.Point.fromBytes(publicKey).toBytes(false).slice(1);
  } catch {
    // No point has this x: reported below, like a wrong form.
  }
  throw new LhgError("crypto.bad-point", "is no compressed secp256k1 point", "publicKey");
}
