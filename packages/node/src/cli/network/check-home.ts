/** Looks at all that a node is started with, and says everything that is wrong at once. */
import { createSocket } from "node:dgram";
import { access, constants, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { pathOf, SETTINGS } from "../../config/settings.ts";
import type { NodeConfig } from "../../config.ts";
import { parseTcpAddress } from "../../consensus/comet/process/addresses.ts";
import type { PeerId } from "../../p2p/network.ts";
import { describeFailure } from "../exit-codes.ts";
import { checkComet } from "./check-comet.ts";
import {
  type HomeSources,
  isFounder,
  readConsensusKeyFile,
  readHomeConfig,
  readHomeGenesis,
  readNodeKey,
} from "./open-home.ts";
import { openSigner } from "./open-signer.ts";

export interface Finding {
  readonly code: string;
  readonly message: string;
}

export interface HomeReport {
  /** Each of them keeps the node from starting, or from being what its settings say. */
  readonly problems: readonly Finding[];
  /** Worth knowing. */
  readonly notes: readonly string[];
  readonly config: NodeConfig | undefined;
  readonly chainId: string | undefined;
  readonly peerId: PeerId | undefined;
}

/** `passphrase` undefined: an encrypted key is not opened, only its public key is looked at. */
export async function checkHome(
  sources: HomeSources,
  askPassphrase: (() => Promise<string>) | undefined,
): Promise<HomeReport> {
  const problems: Finding[] = [];
  const notes: string[] = [];
  const attempt = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await act();
    } catch (error) {
      const { code, message } = describeFailure(error);
      problems.push({ code, message });
      return undefined;
    }
  };
  const config = await attempt(() => readHomeConfig(sources));
  const genesis = await attempt(() => readHomeGenesis(sources.home));
  const nodeKey = await attempt(() => readNodeKey(sources.home));
  if (config !== undefined) {
    await attempt(() => checkSigner(config, genesis, askPassphrase, notes));
    for (const check of [...checkFiles(config), ...checkComet(config), ...checkPorts(config)])
      await attempt(check);
    if (nodeKey !== undefined && config.p2pPeers.some((peer) => peer.endsWith(`/p2p/${nodeKey.peerId}`)))
      problems.push({ code: "home.own-peer", message: `p2p.peers: ${nodeKey.peerId} is this node itself` });
  }
  return {
    problems,
    notes,
    config,
    chainId: genesis === undefined ? undefined : computeChainId(nodeCrypto, genesis),
    peerId: nodeKey?.peerId,
  };
}

async function checkSigner(
  config: NodeConfig,
  genesis: Genesis | undefined,
  askPassphrase: (() => Promise<string>) | undefined,
  notes: string[],
): Promise<void> {
  const publicKey = await readPublicKey(config, askPassphrase, notes);
  if (publicKey === undefined) {
    // CometBFT votes with a key file of its own, if the chain knows that key.
    if (config.engine !== "comet")
      notes.push("there is no consensus key: the node follows the chain and does not vote");
  } else if (genesis !== undefined && !isFounder(genesis, publicKey))
    notes.push("the consensus key is none of the genesis: it votes once the chain has elected it");
}

/** Opens the key where that can be done unasked, and asks a signer elsewhere which key it has. */
async function readPublicKey(
  config: NodeConfig,
  askPassphrase: (() => Promise<string>) | undefined,
  notes: string[],
): Promise<Uint8Array | undefined> {
  if (config.consensusKeyFile !== undefined) {
    const { isPlain, key } = await readConsensusKeyFile(config.consensusKeyFile);
    if (isPlain) notes.push("the consensus key is not encrypted: for tests and development only");
    else if (askPassphrase === undefined) {
      notes.push("the consensus key was not opened: LHG_PASSPHRASE or --passphrase-fd lets this be checked");
      return key.bytes;
    }
  }
  const opened = await openSigner(config, askPassphrase ?? (async () => ""), () => {});
  await opened?.close();
  return opened?.signer.publicKey;
}

type Check = () => Promise<void>;

const FILES = ["tlsCertificateFile", "tlsKeyFile", "mqttTlsClientCaFile"] as const;

function checkFiles(config: NodeConfig): Check[] {
  const readable = FILES.flatMap((field) => {
    const path = config[field];
    return path === undefined ? [] : [async () => void (await readFile(path))];
  });
  return [...readable, () => checkDataFolder(config.dataDirectory)];
}

/** Writable, or to be made in a folder that is. */
async function checkDataFolder(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere || dirname(path) === path) await access(path, constants.W_OK);
  else await checkDataFolder(dirname(path));
}

type PortToCheck = [field: keyof NodeConfig, host: string | undefined, port: number | undefined];

function rpcPortOf({ cometRpc }: NodeConfig): PortToCheck {
  const { host, port } = parseTcpAddress(cometRpc, pathOf(SETTINGS.cometRpc));
  return ["cometRpc", host, port];
}

function checkPorts(config: NodeConfig): Check[] {
  const { host, mqttHost = host } = config;
  const tcp: PortToCheck[] = [
    ["port", host, config.port],
    ["httpRedirectPort", host, config.httpRedirectPort],
    ["mqttPort", mqttHost, config.mqttPort],
    ["mqttTlsPort", mqttHost, config.mqttTlsPort],
    ...(config.engine === "comet" && !config.cometAttach ? [rpcPortOf(config)] : []),
    ...config.p2pListen.map((address): [keyof NodeConfig, string | undefined, number] => {
      const [, , name, , port] = address.split("/");
      return ["p2pListen", name, Number(port)];
    }),
  ];
  return [
    ...tcp.map(
      ([field, name, port]): Check =>
        async () => {
          if (port === undefined || port === 0) return;
          await listenOnce(field, port, (resolve, reject) => {
            const server = createServer().once("error", reject);
            server.listen(port, name, () => server.close(() => resolve()));
          });
        },
    ),
    async () => {
      const { coapPort: port } = config;
      if (port === undefined || port === 0) return;
      await listenOnce("coapPort", port, (resolve, reject) => {
        const socket = createSocket(host.includes(":") ? "udp6" : "udp4").once("error", reject);
        socket.bind(port, host, () => socket.close(() => resolve()));
      });
    },
  ];
}

async function listenOnce(
  field: keyof NodeConfig,
  port: number,
  listen: (resolve: () => void, reject: (error: Error) => void) => void,
): Promise<void> {
  try {
    await new Promise<void>(listen);
  } catch (error) {
    const { code, message } = describeFailure(error);
    if (code === "internal") throw error;
    throw new LhgError(code, message, `${pathOf(SETTINGS[field])} ${port}`);
  }
}
