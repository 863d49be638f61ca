/** The crypto port and signers on node:crypto alone, for programs on Node without native add-ons. */
import { createPrivateKey, createPublicKey, ECDH, hash, type KeyObject, sign, verify } from "node:crypto";
import { concatBytes, fromHex } from "@lhg/protocol/core/bytes";
import type { Signer } from "@lhg/protocol/core/cose";
import {
  ALG_EDDSA,
  ALG_ES256,
  ALG_ES256K,
  type Algorithm,
  type Crypto,
  type SignatureCheck,
} from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import { keccak_256 } from "@noble/hashes/sha3.js";
import type { SecretKey } from "../keys/keys.ts";
import { KeyCache } from "./key-cache.ts";
import { decodeEd25519Key, verifyCofactored } from "./noble.ts";
import { hasValidForm, isCompressedForm, normalizeLowS } from "./signature-rule.ts";

/** DER of SubjectPublicKeyInfo (RFC 5480, RFC 8410) up to the key bytes: 32 bytes, or a compressed point. */
const SPKI_PREFIX: Readonly<Record<Algorithm, Uint8Array>> = {
  [ALG_EDDSA]: fromHex("302a300506032b6570032100"),
  [ALG_ES256]: fromHex("3039301306072a8648ce3d020106082a8648ce3d030107032200"),
  [ALG_ES256K]: fromHex("3036301006072a8648ce3d020106052b8104000a032200"),
};

/** DER of PKCS #8 PrivateKeyInfo (RFC 5958, RFC 5915) up to the 32 secret bytes. */
const PKCS8_PREFIX: Readonly<Record<Algorithm, Uint8Array>> = {
  [ALG_EDDSA]: fromHex("302e020100300506032b657004220420"),
  [ALG_ES256]: fromHex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"),
  [ALG_ES256K]: fromHex("303e020100301006072a8648ce3d020106052b8104000a042730250201010420"),
};

/** About 2 KB of native memory each. Importing costs 25 us (Ed25519) and 60 us (ECDSA), measured. */
const KEY_CACHE_CAPACITY = 8192;
const importedKeys: Readonly<Record<Algorithm, KeyCache<KeyObject>>> = {
  [ALG_EDDSA]: new KeyCache(KEY_CACHE_CAPACITY),
  [ALG_ES256]: new KeyCache(KEY_CACHE_CAPACITY),
  [ALG_ES256K]: new KeyCache(KEY_CACHE_CAPACITY),
};

export const nodeCrypto: Crypto = {
  sha256,
  hashPairs,
  keccak256: (data) => keccak_256(data),
  decompressSecp256k1,
  verify: verifySignature,
  verifyBatch: (checks) => checks.map(verifySignature),
  verifyZip215: (check) => verifySignature({ alg: ALG_EDDSA, ...check }) || verifyCofactored(check),
};

/** One character per byte is the cheapest way out of OpenSSL: 0.37 us, 'buffer' 0.80 us (64 bytes, measured). */
function sha256(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(32);
  writeSha256(data, out, 0);
  return out;
}

function writeSha256(data: Uint8Array, out: Uint8Array, offset: number): void {
  const digest = hash("sha256", data, "binary");
  for (let i = 0; i < 32; i++) out[offset + i] = digest.charCodeAt(i);
}

function hashPairs(pairs: Uint8Array): Uint8Array {
  assertInvariant(pairs.length % 64 === 0, "hashPairs takes whole pairs of 64 bytes");
  const out = new Uint8Array(pairs.length / 2);
  for (let offset = 0; offset < pairs.length; offset += 64)
    writeSha256(pairs.subarray(offset, offset + 64), out, offset / 2);
  return out;
}

function decompressSecp256k1(publicKey: Uint8Array): Uint8Array {
  try {
    if (isCompressedForm(ALG_ES256K, publicKey)) {
      const point = ECDH.convertKey(publicKey, "secp256k1", undefined, undefined, "uncompressed");
      return new Uint8Array(point as Buffer).slice(1);
    }
  } catch {
    // No point has this x: reported below, like a wrong form.
  }
  throw new LhgError("crypto.bad-point", "is no compressed secp256k1 point", "publicKey");
}

/**
 * OpenSSL compares encode([S]B - [k]A) with R and accepts any A, so A is admitted by noble, once per key; its
 * ECDSA accepts high S, which `hasValidForm` refuses.
 */
function verifySignature(check: SignatureCheck): boolean {
  if (!hasValidForm(check)) return false;
  const { alg, publicKey, message, signature } = check;
  const key = importedKeys[alg].getOrDerive(
    publicKey,
    alg === ALG_EDDSA ? importEd25519Key : (bytes) => importKey(alg, bytes),
  );
  if (key === undefined) return false;
  if (alg === ALG_EDDSA) return verify(null, message, key, signature);
  return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function importEd25519Key(publicKey: Uint8Array): KeyObject | undefined {
  return decodeEd25519Key(publicKey) === undefined ? undefined : importKey(ALG_EDDSA, publicKey);
}

function importKey(alg: Algorithm, publicKey: Uint8Array): KeyObject | undefined {
  const spki = Buffer.from(concatBytes(SPKI_PREFIX[alg], publicKey));
  try {
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch {
    // OpenSSL says by throwing that the bytes are no point of the curve; the port answers false.
    return undefined;
  }
}

/** A signer on OpenSSL. ECDSA signatures are randomised and come out with low S. */
export function createNodeSigner({ alg, secret, publicKey }: SecretKey): Signer {
  const pkcs8 = Buffer.from(concatBytes(PKCS8_PREFIX[alg], secret));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  return {
    publicKey: { alg, bytes: publicKey },
    sign: (message) =>
      toPlainBytes(alg === ALG_EDDSA ? sign(null, message, key) : signEcdsa(alg, key, message)),
  };
}

function signEcdsa(alg: Algorithm, key: KeyObject, message: Uint8Array): Uint8Array {
  return normalizeLowS(alg, sign("sha256", message, { key, dsaEncoding: "ieee-p1363" }));
}

/** A Buffer is a Uint8Array with other habits (shared pool, slice that aliases, toJSON): none leaves this file. */
function toPlainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
