/** The folder of a new network: genesis, a home for each node, the accounts that begin with tokens. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Genesis, genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import type { KeyFile } from "@lhg/sdk/keys/keystore";
import { writeToml } from "../../config/write-toml.ts";
import { type CometHomePlan, writeCometHome } from "../../consensus/comet/process/comet-home.ts";
import type { PlainKeyFile } from "../key-file.ts";
import {
  COMET_FOLDER,
  CONFIG_FILE,
  CONSENSUS_KEY_FILE,
  GENESIS_FILE,
  NODE_KEY_FILE,
  OPERATOR_KEY_FILE,
} from "./home-files.ts";
import type { PlannedNode } from "./plan-network.ts";

export const ACCOUNTS_FOLDER = "accounts";

export interface NodeToWrite extends PlannedNode {
  readonly nodeKeySeed: Uint8Array;
  /** Of a validator. */
  readonly keys?: { readonly consensus: SecretKey; readonly operator: SecretKey };
  /** Where CometBFT is the engine. */
  readonly cometHome?: Omit<CometHomePlan, "home">;
}

export interface NetworkToWrite {
  readonly genesis: Genesis;
  readonly nodes: readonly NodeToWrite[];
  /** By the names of their files. */
  readonly accounts: readonly { readonly name: string; readonly key: SecretKey }[];
  readonly seal: (key: SecretKey) => KeyFile | PlainKeyFile;
}

/** Throws `init.exists` where the folder has anything in it. */
export async function assertNothingThere(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (entries.length > 0)
    throw new LhgError("init.exists", "is not empty, and nothing is written over", folder);
}

/** All of it or nothing: it is written beside the folder, which gets its name in the end. */
export async function writeNetwork(
  folder: string,
  { genesis, nodes, accounts, seal }: NetworkToWrite,
): Promise<void> {
  await assertNothingThere(folder);
  const parent = dirname(resolve(folder));
  await mkdir(parent, { recursive: true });
  const temporary = await mkdtemp(join(parent, `.${basename(resolve(folder))}-`));
  try {
    const genesisText = toText(genesisCodec.toJson(genesis));
    await writePublic(join(temporary, GENESIS_FILE), genesisText);
    for (const node of nodes) {
      const home = join(temporary, node.name);
      await mkdir(home, { mode: 0o700 });
      await writePublic(join(home, GENESIS_FILE), genesisText);
      await writePublic(join(home, CONFIG_FILE), writeToml(node.config));
      await writeSecret(join(home, NODE_KEY_FILE), `${toHex(node.nodeKeySeed)}\n`);
      if (node.cometHome !== undefined)
        await writeCometHome({ ...node.cometHome, home: join(home, COMET_FOLDER) });
      if (node.keys === undefined) continue;
      await writeSecret(join(home, CONSENSUS_KEY_FILE), toText(seal(node.keys.consensus)));
      await writeSecret(join(home, OPERATOR_KEY_FILE), toText(seal(node.keys.operator)));
    }
    await mkdir(join(temporary, ACCOUNTS_FOLDER), { mode: 0o700 });
    for (const { name, key } of accounts)
      await writeSecret(join(temporary, ACCOUNTS_FOLDER, `${name}.json`), toText(seal(key)));
    await rename(temporary, resolve(folder)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOTEMPTY" || error.code === "EEXIST")
        throw new LhgError("init.exists", "is not empty, and nothing is written over", folder);
      throw error;
    });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

const writePublic = (path: string, text: string): Promise<void> =>
  writeFile(path, text, { mode: 0o644, flag: "wx", flush: true });

const writeSecret = (path: string, text: string): Promise<void> =>
  writeFile(path, text, { mode: 0o600, flag: "wx", flush: true });
