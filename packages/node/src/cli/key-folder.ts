/** The keystore: a folder of encrypted key files, one a key, `<name>.json`. */
import { chmod, mkdir, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveAddress } from "@lhg/protocol/core/account";
import { fromHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K, type Algorithm, type PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { decryptKey, type KeyFile } from "@lhg/sdk/keys/keystore";

export interface StoredKey {
  readonly name: string;
  readonly address: Uint8Array;
  readonly key: PublicKey;
}

export const ALGORITHM_BY_NAME: ReadonlyMap<string, Algorithm> = new Map([
  ["EdDSA", ALG_EDDSA],
  ["ES256", ALG_ES256],
  ["ES256K", ALG_ES256K],
]);

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SUFFIX = ".json";

export function checkKeyName(name: string): string {
  if (NAME.test(name)) return name;
  throw new LhgError("key.name", "must be 1 to 63 lower-case letters, digits and hyphens", "name");
}

/** Sorted by name; a folder that does not exist is empty. Throws `keystore.malformed` naming the file. */
export async function listKeys(folder: string): Promise<StoredKey[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const names = files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
  const keys = names.filter((name) => NAME.test(name)).sort();
  return Promise.all(keys.map((name) => readStoredKey(folder, name)));
}

/** What is known of a key without its passphrase. Throws `key.not-found`. */
export async function readStoredKey(folder: string, name: string): Promise<StoredKey> {
  const file = await readKeyFile(folder, name);
  const alg = ALGORITHM_BY_NAME.get(file.alg);
  if (alg === undefined || typeof file.publicKey !== "string")
    throw new LhgError("keystore.malformed", "is no key file", join(folder, `${name}${SUFFIX}`));
  const key = { alg, bytes: fromHex(file.publicKey, `${name}.publicKey`) };
  return { name, key, address: deriveAddress(nodeCrypto, key) };
}

/** Throws `key.exists`: a key is never written over. */
export async function saveKey(folder: string, name: string, file: KeyFile): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = join(folder, `${checkKeyName(name)}${SUFFIX}`);
  const handle = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") throw new LhgError("key.exists", `there is a key of this name`, name);
    throw error;
  });
  try {
    await handle.writeFile(`${JSON.stringify(file, undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function openKey(folder: string, name: string, passphrase: string): Promise<SecretKey> {
  return decryptKey(await readKeyFile(folder, name), passphrase);
}

async function readKeyFile(folder: string, name: string): Promise<KeyFile> {
  const path = join(folder, `${checkKeyName(name)}${SUFFIX}`);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT")
      throw new LhgError("key.not-found", `is in no file of ${folder} (lhg keys list)`, name);
    throw error;
  });
  try {
    return JSON.parse(text) as KeyFile;
  } catch {
    throw new LhgError("keystore.malformed", "is no JSON", path);
  }
}
