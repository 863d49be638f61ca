/**
 * Key files: a secret key sealed under a passphrase with scrypt (RFC 7914) and AES-256-GCM, as JSON. Everything else in
 * the file is authenticated with it, so the public key can be shown before the passphrase is known and cannot be exchanged.
 */
import { encodeUtf8, equalBytes, fromHex, toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K, type Algorithm, publicKeyLength } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { gcm } from "@noble/ciphers/aes.js";
import { scrypt } from "@noble/hashes/scrypt.js";
import { keyFromSeed, type RandomSource, type SecretKey } from "./keys.ts";

const VERSION = 1;
const KDF = "scrypt";
const CIPHER = "AES-256-GCM";
const SALT_BYTES = 32;
const NONCE_BYTES = 12;
const SECRET_BYTES = 32;
const TAG_BYTES = 16;

/** r and p are fixed and N bounded, so a hostile file costs at most 256 MiB and about a second. */
const SCRYPT_R = 8;
const SCRYPT_P = 1;
const SCRYPT_N_MIN = 2 ** 10;
const SCRYPT_N_MAX = 2 ** 18;
/** 128 MiB and about half a second (measured). */
const SCRYPT_N_DEFAULT = 2 ** 17;

const ALGORITHM_NAMES = { [ALG_EDDSA]: "EdDSA", [ALG_ES256]: "ES256", [ALG_ES256K]: "ES256K" } as const;
type AlgorithmName = (typeof ALGORITHM_NAMES)[Algorithm];
const ALGORITHMS: ReadonlyMap<unknown, Algorithm> = new Map([
  ["EdDSA", ALG_EDDSA],
  ["ES256", ALG_ES256],
  ["ES256K", ALG_ES256K],
]);

/** The JSON of a key file; byte strings are hexadecimal. */
export interface KeyFile {
  readonly version: typeof VERSION;
  readonly alg: AlgorithmName;
  readonly publicKey: string;
  readonly kdf: {
    readonly name: typeof KDF;
    readonly n: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
  };
  readonly cipher: {
    readonly name: typeof CIPHER;
    readonly nonce: string;
    /** The encrypted 32-byte secret, then the 16-byte tag. */
    readonly ciphertext: string;
  };
}

export interface EncryptKeyOptions {
  readonly random: RandomSource;
  /** scrypt's cost N: a power of two from 2^10 to 2^18. */
  readonly scryptN?: number;
}

/** What a key file says in the clear: all of it is authenticated. */
interface Envelope {
  readonly alg: Algorithm;
  readonly publicKey: Uint8Array;
  readonly scryptN: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
}

export function encryptKey(key: SecretKey, passphrase: string, options: EncryptKeyOptions): KeyFile {
  const { random, scryptN = SCRYPT_N_DEFAULT } = options;
  requireScryptCost(scryptN, "scryptN");
  const envelope: Envelope = {
    alg: key.alg,
    publicKey: key.publicKey,
    scryptN,
    salt: random(SALT_BYTES),
    nonce: random(NONCE_BYTES),
  };
  const ciphertext = createCipher(envelope, passphrase).encrypt(key.secret);
  return {
    version: VERSION,
    alg: ALGORITHM_NAMES[key.alg],
    publicKey: toHex(key.publicKey),
    kdf: { name: KDF, n: scryptN, r: SCRYPT_R, p: SCRYPT_P, salt: toHex(envelope.salt) },
    cipher: { name: CIPHER, nonce: toHex(envelope.nonce), ciphertext: toHex(ciphertext) },
  };
}

/**
 * Opens a key file given as parsed JSON. Throws `keystore.malformed`, `keystore.unsupported`,
 * `keystore.kdf-limits`, `keystore.wrong-passphrase` (also for a file that was tampered with: the cipher cannot tell)
 * and `keystore.key-mismatch`.
 */
export function decryptKey(json: unknown, passphrase: string): SecretKey {
  const { envelope, ciphertext } = parseKeyFile(json);
  const key = keyFromSeed(envelope.alg, openSecret(envelope, ciphertext, passphrase));
  if (!equalBytes(key.publicKey, envelope.publicKey))
    throw new LhgError(
      "keystore.key-mismatch",
      "does not belong to the secret in the file",
      "keystore.publicKey",
    );
  return key;
}

function openSecret(envelope: Envelope, ciphertext: Uint8Array, passphrase: string): Uint8Array {
  const cipher = createCipher(envelope, passphrase);
  try {
    return cipher.decrypt(ciphertext);
  } catch {
    // The tag does not fit: GCM has no other failure for inputs of these lengths.
    throw new LhgError(
      "keystore.wrong-passphrase",
      "the passphrase is wrong, or the file was changed",
      "passphrase",
    );
  }
}

/** NFKC makes a passphrase the same bytes from every keyboard and system. */
function createCipher(envelope: Envelope, passphrase: string): ReturnType<typeof gcm> {
  const { salt, scryptN, nonce } = envelope;
  const password = encodeUtf8(passphrase.normalize("NFKC"));
  const key = scrypt(password, salt, { N: scryptN, r: SCRYPT_R, p: SCRYPT_P, dkLen: 32 });
  return gcm(key, nonce, encodeAssociatedData(envelope));
}

function encodeAssociatedData({ alg, publicKey, scryptN, salt }: Envelope): Uint8Array {
  const kdf = [KDF, scryptN, SCRYPT_R, SCRYPT_P, toHex(salt)];
  return encodeUtf8(JSON.stringify([VERSION, alg, toHex(publicKey), kdf, CIPHER]));
}

function parseKeyFile(json: unknown): { envelope: Envelope; ciphertext: Uint8Array } {
  const file = requireObject(json, "keystore");
  requireExactly(file.version, VERSION, "keystore.version");
  const alg = ALGORITHMS.get(file.alg);
  if (alg === undefined)
    throw new LhgError("keystore.unsupported", "must be EdDSA, ES256 or ES256K", "keystore.alg");
  const kdf = requireObject(file.kdf, "keystore.kdf");
  requireExactly(kdf.name, KDF, "keystore.kdf.name");
  requireScryptCost(kdf.n, "keystore.kdf.n");
  if (kdf.r !== SCRYPT_R) throw new LhgError("keystore.kdf-limits", `must be ${SCRYPT_R}`, "keystore.kdf.r");
  if (kdf.p !== SCRYPT_P) throw new LhgError("keystore.kdf-limits", `must be ${SCRYPT_P}`, "keystore.kdf.p");
  const cipher = requireObject(file.cipher, "keystore.cipher");
  requireExactly(cipher.name, CIPHER, "keystore.cipher.name");
  return {
    envelope: {
      alg,
      publicKey: requireHex(file.publicKey, publicKeyLength(alg), "keystore.publicKey"),
      scryptN: kdf.n,
      salt: requireHex(kdf.salt, SALT_BYTES, "keystore.kdf.salt"),
      nonce: requireHex(cipher.nonce, NONCE_BYTES, "keystore.cipher.nonce"),
    },
    ciphertext: requireHex(cipher.ciphertext, SECRET_BYTES + TAG_BYTES, "keystore.cipher.ciphertext"),
  };
}

function requireObject(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new LhgError("keystore.malformed", "must be an object", field);
  return value as Record<string, unknown>;
}

function requireExactly(value: unknown, expected: string | number, field: string): void {
  if (value !== expected)
    throw new LhgError("keystore.unsupported", `must be ${JSON.stringify(expected)}`, field);
}

function requireScryptCost(value: unknown, field: string): asserts value is number {
  const isPowerOfTwo = Number.isSafeInteger(value) && Number.isInteger(Math.log2(value as number));
  if (!isPowerOfTwo || (value as number) < SCRYPT_N_MIN || (value as number) > SCRYPT_N_MAX)
    throw new LhgError(
      "keystore.kdf-limits",
      `must be a power of two from ${SCRYPT_N_MIN} to ${SCRYPT_N_MAX}`,
      field,
    );
}

function requireHex(value: unknown, length: number, field: string): Uint8Array {
  if (typeof value !== "string" || value.length !== 2 * length)
    throw new LhgError("keystore.malformed", `must be ${length} bytes in hexadecimal`, field);
  return fromHex(value, field);
}
