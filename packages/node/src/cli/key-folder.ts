/** The keystore: a folder of encrypted key files, one a key, `<name>.json`. */
import { chmod, mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { deriveAddress } from "@lhg/protocol/core/account";
import type { PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import type { KeyFile } from "@lhg/sdk/keys/keystore";
import { type OpenedKeyFile, openKeyFile, type PlainKeyFile, readKeyFile } from "./key-file.ts";

export interface StoredKey {
  readonly name: string;
  readonly address: Uint8Array;
  readonly key: PublicKey;
}

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
  const { key } = await findKeyFile(folder, name);
  return { name, key, address: deriveAddress(nodeCrypto, key) };
}

/** Throws `key.exists`: a key is never written over. */
export async function saveKey(folder: string, name: string, file: KeyFile | PlainKeyFile): Promise<void> {
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

/** Asks for the passphrase of a key that is encrypted. */
export async function openKey(
  folder: string,
  name: string,
  askPassphrase: () => Promise<string>,
): Promise<SecretKey> {
  return openKeyFile(await findKeyFile(folder, name), askPassphrase);
}

async function findKeyFile(folder: string, name: string): Promise<OpenedKeyFile> {
  const path = join(folder, `${checkKeyName(name)}${SUFFIX}`);
  return readKeyFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT")
      throw new LhgError("key.not-found", `is in no file of ${folder} (lhg keys list)`, name);
    throw error;
  });
}
