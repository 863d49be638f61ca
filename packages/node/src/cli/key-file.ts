/** A file with one secret key: encrypted under a passphrase, or plain where its maker asked for that. */
import { readFile } from "node:fs/promises";
import { algorithmName } from "@lhg/protocol/core/account";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K, type Algorithm, type PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { decryptKey } from "@lhg/sdk/keys/keystore";

/** Has the fields of an encrypted file but those of the encryption. */
export interface PlainKeyFile {
  readonly version: 1;
  readonly warning: string;
  readonly alg: string;
  readonly publicKey: string;
  readonly insecureSecret: string;
}

/** A file as it was read, before anything in it but its public key was looked at. */
export interface OpenedKeyFile {
  readonly path: string;
  readonly key: PublicKey;
  readonly isPlain: boolean;
  readonly json: unknown;
}

export const ALGORITHM_BY_NAME: ReadonlyMap<string, Algorithm> = new Map([
  ["EdDSA", ALG_EDDSA],
  ["ES256", ALG_ES256],
  ["ES256K", ALG_ES256K],
]);

export function makePlainKeyFile(key: SecretKey): PlainKeyFile {
  return {
    version: 1,
    warning: "NOT ENCRYPTED: for tests and development only. Who can read this file can sign.",
    alg: algorithmName(key.alg),
    publicKey: toHex(key.publicKey),
    insecureSecret: toHex(key.secret),
  };
}

/** Throws `keystore.malformed` naming the file, and what the file system throws. */
export async function readKeyFile(path: string): Promise<OpenedKeyFile> {
  const json = parseJson(await readFile(path, "utf8"), path);
  const { alg: name, publicKey, insecureSecret } = (json ?? {}) as Partial<PlainKeyFile>;
  const alg = typeof name === "string" ? ALGORITHM_BY_NAME.get(name) : undefined;
  if (alg === undefined || typeof publicKey !== "string")
    throw new LhgError("keystore.malformed", "is no key file", path);
  const key = { alg, bytes: fromHex(publicKey, "publicKey") };
  return { path, key, isPlain: typeof insecureSecret === "string", json };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LhgError("keystore.malformed", "is no JSON", path);
  }
}

/** Asks for the passphrase only where the file needs one. Throws `keystore.*`. */
export async function openKeyFile(
  { path, key, isPlain, json }: OpenedKeyFile,
  askPassphrase: () => Promise<string>,
): Promise<SecretKey> {
  if (!isPlain) return decryptKey(json, await askPassphrase());
  const secret = fromHex((json as PlainKeyFile).insecureSecret, "insecureSecret");
  const opened = keyFromSeed(key.alg, secret);
  if (toHex(opened.publicKey) !== toHex(key.bytes))
    throw new LhgError("keystore.key-mismatch", "its public key does not belong to its secret", path);
  return opened;
}
