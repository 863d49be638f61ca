import { randomBytes } from "node:crypto";
import { algorithmName, deriveAddress } from "@lhg/protocol/core/account";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { generateKey, keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { encryptKey } from "@lhg/sdk/keys/keystore";
import { type DevKeys, loadDevKeys } from "../dev-keys.ts";
import { ALGORITHM_BY_NAME } from "../key-file.ts";
import { checkKeyName, listKeys, readStoredKey, saveKey } from "../key-folder.ts";
import { formatFields, formatTable } from "../output.ts";
import type { Session } from "../session.ts";
import { askPassphrase, keyFolderOf } from "../signing.ts";

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

interface KeyView {
  readonly name: string;
  readonly address: string;
  readonly alg: string;
  readonly publicKey: string;
  readonly source: "keystore" | "development";
}

export async function newKey(session: Session, name: string, options: { alg: string }): Promise<void> {
  checkKeyName(name);
  await store(session, name, generateKey(readAlgorithm(options.alg), random));
}

/** Takes the secret from standard input: arguments are seen by every program of the machine. */
export async function importKey(session: Session, name: string, options: { alg: string }): Promise<void> {
  checkKeyName(name);
  const alg = readAlgorithm(options.alg);
  const text = await readStandardInput();
  await store(session, name, keyFromSeed(alg, fromHex(text.trim().replace(/^0x/, ""), "secret")));
}

const SECRET_TEXT_MAX = 1024;

async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY)
    throw new LhgError("usage.stdin", "must come from standard input, as 64 hexadecimal digits", "secret");
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > SECRET_TEXT_MAX) throw new LhgError("key.invalid-seed", "is too long", "secret");
  }
  return text;
}

function readAlgorithm(name: string) {
  const alg = ALGORITHM_BY_NAME.get(name);
  if (alg === undefined)
    throw new LhgError(
      "usage.algorithm",
      `must be one of ${[...ALGORITHM_BY_NAME.keys()].join(", ")}`,
      "--alg",
    );
  return alg;
}

async function store(session: Session, name: string, key: SecretKey): Promise<void> {
  const folder = keyFolderOf(session.options);
  const passphrase = await askPassphrase(session, `passphrase for ${name}`, true);
  await saveKey(folder, name, encryptKey(key, passphrase, { random }));
  const publicKey = { alg: key.alg, bytes: key.publicKey };
  const view: KeyView = {
    name,
    address: toHex(deriveAddress(nodeCrypto, publicKey)),
    alg: algorithmName(key.alg),
    publicKey: toHex(key.publicKey),
    source: "keystore",
  };
  session.output.result(view, describeKey(view));
  session.output.note(
    `Stored encrypted in ${folder}. Without its passphrase nobody can open it, you included.`,
  );
}

export async function showKeys(session: Session): Promise<void> {
  const stored = await listKeys(keyFolderOf(session.options));
  const views: KeyView[] = [
    ...stored.map(({ name, address, key }) => ({
      name,
      address: toHex(address),
      alg: algorithmName(key.alg),
      publicKey: toHex(key.bytes),
      source: "keystore" as const,
    })),
    ...listDevKeys(await loadDevKeys(session.options.data)),
  ];
  if (views.length === 0) session.output.note("There are no keys yet: lhg keys new NAME makes one.");
  const rows = views.map(({ name, address, alg, source }) => [name, address, alg, source]);
  session.output.result(
    { keys: views },
    views.length === 0 ? [] : formatTable(["NAME", "ADDRESS", "ALGORITHM", "FROM"], rows),
  );
}

function listDevKeys(keys: DevKeys | undefined): KeyView[] {
  if (keys === undefined) return [];
  return [...keys.vendors, ...keys.operators, keys.faucet].map(({ name, address, signer }) => ({
    name,
    address: toHex(address),
    alg: algorithmName(signer.publicKey.alg),
    publicKey: toHex(signer.publicKey.bytes),
    source: "development",
  }));
}

export async function showKey(session: Session, name: string): Promise<void> {
  const development = listDevKeys(await loadDevKeys(session.options.data)).find((view) => view.name === name);
  const view = development ?? (await readView(keyFolderOf(session.options), name));
  session.output.result(view, describeKey(view));
}

async function readView(folder: string, name: string): Promise<KeyView> {
  const { address, key } = await readStoredKey(folder, name);
  return {
    name,
    address: toHex(address),
    alg: algorithmName(key.alg),
    publicKey: toHex(key.bytes),
    source: "keystore",
  };
}

function describeKey({ name, address, alg, publicKey, source }: KeyView): string[] {
  return formatFields([
    ["name", name],
    ["address", address],
    ["algorithm", alg],
    ["public key", publicKey],
    ["from", source],
  ]);
}
