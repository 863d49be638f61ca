/**
 * The crypto port. `protocol` never imports an implementation: Node injects sodium-native and
 * node:crypto, browsers inject noble. All implementations give the same answer for every input
 * (packages/protocol/vectors/signatures.json).
 */

/** COSE algorithm identifiers (RFC 9053, RFC 8812). */
export const ALG_EDDSA = -8;
export const ALG_ES256 = -7;
export const ALG_ES256K = -47;
export type Algorithm = typeof ALG_EDDSA | typeof ALG_ES256 | typeof ALG_ES256K;

/** Public key bytes: 32 (Ed25519, RFC 8032), or 33 (P-256 and secp256k1, SEC 1 compressed). */
export interface PublicKey {
  readonly alg: Algorithm;
  readonly bytes: Uint8Array;
}

export interface SignatureCheck {
  readonly alg: Algorithm;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  /** 64 bytes: R || S for Ed25519, r || s big-endian for ECDSA. */
  readonly signature: Uint8Array;
}

/** An Ed25519 signature of one of CometBFT's validators. */
export type Zip215Check = Omit<SignatureCheck, "alg">;

export interface Hasher {
  sha256(data: Uint8Array): Uint8Array;
  /** Hashes `pairs` (n * 64 bytes) into n * 32 bytes: one level of a binary tree at once. */
  hashPairs(pairs: Uint8Array): Uint8Array;
  /** Keccak-256 as Ethereum uses it (not SHA3-256). */
  keccak256(data: Uint8Array): Uint8Array;
  /** The 64-byte uncompressed point (x || y) of a compressed secp256k1 key. Throws on a bad point. */
  decompressSecp256k1(publicKey: Uint8Array): Uint8Array;
}

export interface Verifier {
  /**
   * The one signature rule: RFC 8032 canonical encodings, S < L, no small-order and no mixed-order
   * point for Ed25519; low S and canonical r, s for ECDSA. Never throws.
   */
  verify(check: SignatureCheck): boolean;
  verifyBatch(checks: readonly SignatureCheck[]): boolean[];
  /**
   * Ed25519 by ZIP-215, by which CometBFT's validators agree on what a signature is, and for their votes alone: A and R are any
   * encodings of points of the curve, also such that are not canonical; S < L; [8][S]B = [8]R + [8][k]A. Whatever `verify`
   * accepts holds here, too. Never throws.
   */
  verifyZip215(check: Zip215Check): boolean;
}

export interface Crypto extends Hasher, Verifier {}

/** Length in bytes of a public key of this algorithm. */
export function publicKeyLength(alg: Algorithm): number {
  return alg === ALG_EDDSA ? 32 : 33;
}
