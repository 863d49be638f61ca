/**
 * The one signature rule, in the part that needs no curve arithmetic. Every implementation of the crypto port
 * asks `hasValidForm` first and adds only what its library does not check, so that all of them give the same
 * answer for every input (packages/protocol/vectors/signatures.json).
 *
 * Ed25519 (RFC 8032 section 5.1.7, strict): A and R are canonical encodings of points of the prime-order
 * subgroup <B> other than the identity, S < L, and R = [S]B - [k]A.
 *
 * Only A needs a check of its own, once per key. For A in <B> both terms of [S]B - [k]A lie in <B>, and encode()
 * is canonical, so an implementation that compares encode([S]B - [k]A) with the bytes of R accepts no R but a
 * canonical one of <B>; of these only the identity has small order, and it is refused by its bytes. What the
 * libraries accept by themselves, by the vectors:
 * - libsodium 1.0.21 as sodium-native 5.1.0 builds it compares bytes; refuses small order in A and R and A with
 *   y >= p; accepts A of mixed order. Its successor in development verifies cofactored, [8](R - [S]B + [k]A) = 0,
 *   which lets R of mixed order through: then R would need the check of A too, at half the rate.
 * - OpenSSL compares bytes; accepts A of mixed order; Node 24.21 refuses small order, Node 20 does not.
 * - noble verifies cofactored, so noble.ts writes the comparison out itself.
 * Under a key of mixed order a byte comparison holds for one message in two, four or eight, and cofactored
 * verification for every one: the two would part there.
 *
 * ECDSA (FIPS 186-5, SEC 1): a compressed key, 1 <= r < n, 1 <= s <= (n - 1) / 2, SHA-256 of the message.
 */
import { compareBytes, equalBytes, fromHex } from "@lhg/protocol/core/bytes";
import {
  ALG_EDDSA,
  ALG_ES256,
  ALG_ES256K,
  type Algorithm,
  publicKeyLength,
  type SignatureCheck,
} from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";

export type EcdsaAlgorithm = typeof ALG_ES256 | typeof ALG_ES256K;

interface ScalarBounds {
  readonly order: Uint8Array;
  readonly halfOrder: Uint8Array;
}

const SIGNATURE_BYTES = 64;
const P256_ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const SECP256K1_ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const BOUNDS: Readonly<Record<EcdsaAlgorithm, ScalarBounds>> = {
  [ALG_ES256]: scalarBounds(P256_ORDER),
  [ALG_ES256K]: scalarBounds(SECP256K1_ORDER),
};

const ED25519_ORDER = scalarToBytes(2n ** 252n + 27742317777372353535851937790883648493n);
/** Canonical encoding of the identity (x = 0, y = 1). */
const ED25519_IDENTITY = new Uint8Array(32).with(0, 1);

/** True when lengths, prefixes and scalar ranges obey the rule. Total: an unknown algorithm is false. */
export function hasValidForm(check: SignatureCheck): boolean {
  const { alg, publicKey, signature } = check;
  if (signature.length !== SIGNATURE_BYTES) return false;
  if (alg === ALG_EDDSA)
    return (
      publicKey.length === publicKeyLength(alg) &&
      isBelowEd25519Order(signature) &&
      !equalBytes(signature.subarray(0, 32), ED25519_IDENTITY)
    );
  if (alg !== ALG_ES256 && alg !== ALG_ES256K) return false;
  return isCompressedForm(alg, publicKey) && hasCanonicalScalars(BOUNDS[alg], signature);
}

/** SEC 1 section 2.3.3, compressed: 0x02 or 0x03, then x. Hybrid and uncompressed forms are longer. */
export function isCompressedForm(alg: EcdsaAlgorithm, publicKey: Uint8Array): boolean {
  return publicKey.length === publicKeyLength(alg) && (publicKey[0] === 2 || publicKey[0] === 3);
}

function hasCanonicalScalars({ order, halfOrder }: ScalarBounds, signature: Uint8Array): boolean {
  const r = signature.subarray(0, 32);
  const s = signature.subarray(32);
  return !isZero(r) && !isZero(s) && compareBytes(r, order) < 0 && compareBytes(s, halfOrder) <= 0;
}

function isBelowEd25519Order(signature: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = signature[32 + i]! - ED25519_ORDER[31 - i]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * Turns r || s into its low-S twin, for secure elements that return either; both verify under plain ECDSA.
 * EdDSA signatures come back as they are. Throws `crypto.signature-form` when it is no signature at all.
 */
export function normalizeLowS(alg: Algorithm, signature: Uint8Array): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES)
    throw new LhgError("crypto.signature-form", `must be ${SIGNATURE_BYTES} bytes`, "signature");
  if (alg === ALG_EDDSA) return signature;
  const { order, halfOrder } = BOUNDS[alg];
  const s = signature.subarray(32);
  if (isZero(s) || compareBytes(s, order) >= 0)
    throw new LhgError("crypto.signature-form", "s must be in 1..n-1", "signature");
  if (compareBytes(s, halfOrder) <= 0) return signature;
  const low = new Uint8Array(signature);
  subtractBytes(order, s, low.subarray(32));
  return low;
}

/** out = a - b, big-endian, for a >= b. */
function subtractBytes(a: Uint8Array, b: Uint8Array, out: Uint8Array): void {
  let borrow = 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const difference = a[i]! - b[i]! - borrow;
    borrow = difference < 0 ? 1 : 0;
    out[i] = difference & 0xff;
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

function scalarBounds(orderHex: string): ScalarBounds {
  return { order: fromHex(orderHex), halfOrder: scalarToBytes(BigInt(`0x${orderHex}`) >> 1n) };
}

function scalarToBytes(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, "0"));
}
