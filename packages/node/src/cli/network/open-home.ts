/** What a node is started with: the settings of its home, the genesis and its keys. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { equalBytes, fromHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { checkGenesis, type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import type { NodeConfig } from "../../config.ts";
import { readConfigFile } from "../../config-file.ts";
import type { PeerId } from "../../p2p/network.ts";
import { peerIdOf } from "../../p2p/peer-id.ts";
import { type OpenedKeyFile, readKeyFile } from "../key-file.ts";
import { CONFIG_FILE, GENESIS_FILE, NODE_KEY_BYTES, NODE_KEY_FILE } from "./home-files.ts";

export interface HomeSources {
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly flags: Partial<NodeConfig>;
}

/** Throws `home.not-found`, and what `readConfigFile` throws. */
export async function readHomeConfig({ home, environment, flags }: HomeSources): Promise<NodeConfig> {
  const path = join(home, CONFIG_FILE);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw new LhgError(
        "home.not-found",
        `holds no ${CONFIG_FILE}: lhg init makes the homes of nodes`,
        home,
      );
    throw error;
  });
  return readConfigFile({ path, text, environment, flags });
}

/** Throws `home.genesis`, and `genesis.*` where it contradicts itself. */
export async function readHomeGenesis(home: string): Promise<Genesis> {
  const path = join(home, GENESIS_FILE);
  const genesis = parseGenesis(await readFile(path, "utf8"), path);
  checkGenesis(genesis);
  return genesis;
}

function parseGenesis(text: string, path: string): Genesis {
  try {
    return fromJson(genesisCodec, JSON.parse(text), "genesis");
  } catch (error) {
    throw new LhgError("home.genesis", `is no genesis: ${(error as Error).message}`, path);
  }
}

export interface NodeKey {
  readonly seed: Uint8Array;
  readonly peerId: PeerId;
}

/** Throws `home.node-key` and `home.key-mode`. */
export async function readNodeKey(home: string): Promise<NodeKey> {
  const path = join(home, NODE_KEY_FILE);
  await requirePrivate(path);
  const text = (await readFile(path, "utf8")).trim();
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new LhgError("home.node-key", `must be ${2 * NODE_KEY_BYTES} hexadecimal digits`, path);
  const seed = fromHex(text, path);
  return { seed, peerId: peerIdOf(seed) };
}

/** Throws `home.consensus-key`, `home.key-mode` and `keystore.malformed`. */
export async function readConsensusKeyFile(path: string): Promise<OpenedKeyFile> {
  await requirePrivate(path);
  const file = await readKeyFile(path);
  if (file.key.alg !== ALG_EDDSA)
    throw new LhgError("home.consensus-key", "must be an EdDSA key: validators sign with Ed25519", path);
  return file;
}

/** Throws `home.key-mode` where others than the owner may read or change a file. */
export async function requirePrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new LhgError("home.key-mode", "is open to other users of this machine: chmod 600", path);
}

/** Whether a key is one of the validators that the chain began with. */
export function isFounder({ validators }: Genesis, publicKey: Uint8Array): boolean {
  return validators.some(({ consensusKey }) => equalBytes(consensusKey, publicKey));
}

export interface OpenedHome {
  readonly config: NodeConfig;
  readonly genesis: Genesis;
  readonly nodeKey: NodeKey;
}

/** Throws `home.*`, `config.*`, `genesis.*`. */
export async function openHome(sources: HomeSources): Promise<OpenedHome> {
  const config = await readHomeConfig(sources);
  const [genesis, nodeKey] = [await readHomeGenesis(sources.home), await readNodeKey(sources.home)];
  return { config, genesis, nodeKey };
}
