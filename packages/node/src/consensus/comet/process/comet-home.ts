/** The home of CometBFT beside that of LHG: settings, genesis, keys, and the memory of what was signed. */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { sodiumCrypto } from "../../../crypto/sodium.ts";
import { type CometConfigPlan, formatCometConfig, planCometConfig } from "./comet-config.ts";
import {
  addressText,
  type CometGenesisPlan,
  ED25519_PUBLIC,
  makeCometGenesis,
  toBase64,
} from "./comet-genesis.ts";

/** An Ed25519 key pair: `SecretKey` of the sdk is one. */
export interface CometKey {
  /** The seed of RFC 8032, 32 bytes. */
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface CometHomePlan extends CometGenesisPlan, CometConfigPlan {
  readonly home: string;
  /** Undefined for a node that does not validate: CometBFT wants a key all the same, and gets a fresh one unless it has one. */
  readonly consensusKey: CometKey | undefined;
  /** By which peers know the node; undefined as above. */
  readonly nodeKey?: CometKey;
}

const CONFIG = join("config", "config.toml");
const GENESIS = join("config", "genesis.json");
/** CometBFT knows no encrypted key: only the mode of this file protects it. */
export const VALIDATOR_KEY = join("config", "priv_validator_key.json");
export const NODE_KEY = join("config", "node_key.json");
const SIGN_STATE = join("data", "priv_validator_state.json");

const ED25519_PRIVATE = "tendermint/PrivKeyEd25519";

/**
 * Writes a home, or brings the one that is there up to the plan: settings, genesis and the keys of the plan are replaced, each whole or not at all;
 * what CometBFT signed is never touched. Throws `engine.genesis` before anything is written, and `engine.sign-state` where a home with
 * blocks has no memory of what was signed: with an empty one the validator could sign twice.
 */
export async function writeCometHome(plan: CometHomePlan): Promise<void> {
  const { home, consensusKey, nodeKey } = plan;
  const genesis = toText(makeCometGenesis(plan));
  const config = formatCometConfig(planCometConfig(plan));
  const needsSignState = await lacksSignState(home);
  for (const folder of [home, join(home, "config"), join(home, "data")])
    await mkdir(folder, { recursive: true, mode: 0o700 });
  await replaceFile(join(home, GENESIS), genesis, 0o644);
  await writeKey(join(home, VALIDATOR_KEY), consensusKey, formatValidatorKey);
  await writeKey(join(home, NODE_KEY), nodeKey, ({ secret, publicKey }) => ({
    priv_key: formatPrivate(secret, publicKey),
  }));
  if (needsSignState)
    await replaceFile(join(home, SIGN_STATE), toText({ height: "0", round: 0, step: 0 }), 0o600);
  // Last: a home with settings is a whole one.
  await replaceFile(join(home, CONFIG), config, 0o644);
}

/** The name of a node among its peers: the first 20 bytes of the SHA-256 of its key, in lower-case hex. */
export function cometNodeId(publicKey: Uint8Array): string {
  return toHex(validatorAddress(sodiumCrypto, publicKey));
}

/** By the key file of a home. Throws `engine.home` where there is none, or none that CometBFT would take. */
export async function readCometNodeId(home: string): Promise<string> {
  return cometNodeId((await readKeyPair(join(home, NODE_KEY))).publicKey);
}

/** The key that a home votes with. Throws `engine.home` as above. */
export async function readCometValidatorKey(home: string): Promise<Uint8Array> {
  return (await readKeyPair(join(home, VALIDATOR_KEY))).publicKey;
}

async function readKeyPair(path: string): Promise<CometKey> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw new LhgError("engine.home", "is missing: lhg init --engine comet makes homes of CometBFT", path);
    throw error;
  });
  const pair = Buffer.from(readPrivateText(text) ?? "", "base64");
  if (pair.length !== 64)
    throw new LhgError("engine.home", "is no key file of CometBFT with an Ed25519 key", path);
  return { secret: pair.subarray(0, 32), publicKey: pair.subarray(32) };
}

function readPrivateText(text: string): string | undefined {
  try {
    const { type, value } = JSON.parse(text).priv_key;
    return type === ED25519_PRIVATE && typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Deletes all that CometBFT holds of the chain, but for what it signed; the process must have ended. */
export async function dropCometData(home: string): Promise<void> {
  const folder = join(home, "data");
  for (const name of await readdir(folder))
    if (join("data", name) !== SIGN_STATE) await rm(join(folder, name), { recursive: true, force: true });
}

async function lacksSignState(home: string): Promise<boolean> {
  if (await isThere(join(home, SIGN_STATE))) return false;
  const entries = await readdir(join(home, "data")).catch(() => []);
  if (entries.some((name) => name.endsWith(".db") || name.endsWith(".wal")))
    throw new LhgError(
      "engine.sign-state",
      "is missing though the home holds a chain: the validator could sign twice. Put it back, or move the data folder away and let the node catch up",
      join(home, SIGN_STATE),
    );
  return true;
}

async function writeKey(
  path: string,
  given: CometKey | undefined,
  format: (key: CometKey) => object,
): Promise<void> {
  if (given === undefined && (await isThere(path))) return;
  await replaceFile(path, toText(format(given ?? makeKey())), 0o600);
}

function makeKey(): CometKey {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return { secret: Buffer.from(d, "base64url"), publicKey: Buffer.from(x, "base64url") };
}

function formatValidatorKey({ secret, publicKey }: CometKey): object {
  return {
    address: addressText(publicKey),
    pub_key: { type: ED25519_PUBLIC, value: toBase64(publicKey) },
    priv_key: formatPrivate(secret, publicKey),
  };
}

/** As Go keeps it: seed and public key. */
function formatPrivate(secret: Uint8Array, publicKey: Uint8Array): object {
  return { type: ED25519_PRIVATE, value: toBase64(Buffer.concat([secret, publicKey])) };
}

function toText(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Never half written: a crash leaves the file that was there, or the new one. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode, flag: "wx", flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
