/** Who a command acts as: keys of this machine, by the names people give them. */
import { join } from "node:path";
import type { Address } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import type { PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { type Account, createAccount, parseAddress } from "./accounts.ts";
import { type DevKeys, findDevAccount } from "./dev-keys.ts";
import { listKeys, openKey, readStoredKey } from "./key-folder.ts";
import { openTerminal, readPassphrase } from "./passphrase.ts";
import type { GlobalOptions, Session } from "./session.ts";

export function keyFolderOf({ keys, data }: GlobalOptions): string {
  return keys ?? join(data, "keys");
}

export function askPassphrase({ options }: Session, prompt: string, isNew = false): Promise<string> {
  return readPassphrase(
    {
      fd: options.passphraseFd,
      environment: process.env.LHG_PASSPHRASE,
      openTerminal,
    },
    prompt,
    isNew,
  );
}

/** An account by name or address: a development key, else one of the keystore. Throws `key.not-found`. */
export async function openAccount(
  session: Session,
  devKeys: DevKeys | undefined,
  name: string,
): Promise<Account> {
  const known = devKeys === undefined ? undefined : findDevAccount(devKeys, name);
  if (known !== undefined) return known;
  const folder = keyFolderOf(session.options);
  const stored = await findStoredName(folder, name);
  const key = await openKey(folder, stored, () => askPassphrase(session, `passphrase of ${stored}`));
  return createAccount(stored, createNodeSigner(key), "keystore");
}

async function findStoredName(folder: string, name: string): Promise<string> {
  const address = parseAddress(name);
  if (address === undefined) return (await readStoredKey(folder, name)).name;
  const found = (await listKeys(folder)).find((entry) => toHex(entry.address) === toHex(address));
  if (found === undefined) throw new LhgError("key.not-found", `no key of ${folder} has this address`, name);
  return found.name;
}

/** An address by hex, or by the name of a key that is known here; no passphrase is needed. Throws `key.not-found`. */
export async function resolveAddress(
  session: Session,
  devKeys: DevKeys | undefined,
  name: string,
): Promise<Address> {
  const address =
    parseAddress(name) ?? (devKeys === undefined ? undefined : findDevAccount(devKeys, name)?.address);
  if (address !== undefined) return address;
  return (await readStoredKey(keyFolderOf(session.options), name)).address;
}

/** Address and public key of a key that is here, by name or address; no passphrase is needed. Throws `key.not-found`. */
export async function resolvePublicKey(
  session: Session,
  devKeys: DevKeys | undefined,
  name: string,
): Promise<{ readonly address: Address; readonly key: PublicKey }> {
  const known = devKeys === undefined ? undefined : findDevAccount(devKeys, name);
  if (known !== undefined) return { address: known.address, key: known.signer.publicKey };
  const folder = keyFolderOf(session.options);
  return readStoredKey(folder, await findStoredName(folder, name));
}
