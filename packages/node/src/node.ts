/** Wires a node: the chain, and its faces to people and devices. Only in the files of this folder do siblings meet. */
import { assertInvariant } from "@lhg/protocol/core/errors";
import { computeChainId } from "@lhg/protocol/core/genesis";
import type { Logger } from "pino";
import type { PagesConfig } from "./api/pages.ts";
import { createRateLimiter } from "./api/rate-limit.ts";
import type { OfferedKeys } from "./api/routes/development.ts";
import { createApi } from "./api/server.ts";
import { createClosers } from "./closers.ts";
import type { NodeConfig } from "./config.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import { type CoapServer, startCoapServer } from "./gateway/coap/server.ts";
import { createCommandSource } from "./gateway/command-source.ts";
import { type MqttGateway, startMqttGateway } from "./gateway/mqtt/server.ts";
import type { Network } from "./p2p/network.ts";
import { startNetwork } from "./p2p/start-network.ts";
import { type ChainParts, createLogger, type RunningChain, startChain } from "./start-chain.ts";
import type { CertificateSource } from "./tls/certificate.ts";
import { openTlsFront } from "./tls/tls-front.ts";
import { VERSION } from "./version.ts";

export interface NodeParts extends ChainParts {
  /** Of the Ed25519 key that says to peers who this node is, 32 bytes; without it the node has no peers but those of `network`. */
  readonly nodeKeySeed?: Uint8Array;
  readonly pages?: PagesConfig;
  readonly developmentKeys?: OfferedKeys;
}

export interface RunningNode extends RunningChain {
  /** Where others reach the node: the public URL, or where it listens. Without a slash at the end. */
  readonly url: string;
  readonly listenUrl: string;
  readonly mqtt: Pick<MqttGateway, "port" | "tlsPort"> | undefined;
  /** UDP port of CoAP, where it is served. */
  readonly coapPort?: number;
  /** Multiaddrs with the peer id, as other nodes write them into their settings; none without a network. */
  readonly peerAddresses: readonly string[];
}

/** CoAP datagrams a second of one address, and at once: a statement of 1 MiB is a thousand of them. */
const COAP_PER_SECOND = 500;
const COAP_BURST = 2_000;

/** Starts a chain and serves it over HTTP, and over MQTT and CoAP where that is configured. */
export async function startNode(parts: NodeParts): Promise<RunningNode> {
  const { config, pages, developmentKeys } = parts;
  const logger = createLogger(config);
  const closers = createClosers();
  try {
    const network = parts.network ?? (await connectPeers(parts, logger));
    // Also closed by the chain, unless that can't be opened.
    if (network !== undefined) closers.add(() => network.stop());
    const chain = await startChain(network === undefined ? parts : { ...parts, network }, logger);
    closers.add(() => chain.stop());
    const tls = await openTlsFront(config, logger);
    if (tls !== undefined) closers.add(() => tls.stop());
    const api = createApi({
      service: chain.service,
      logger,
      config,
      version: VERSION,
      ...(pages === undefined ? {} : { pages }),
      ...(developmentKeys === undefined ? {} : { developmentKeys }),
      ...(tls === undefined ? {} : { certificates: tls.certificates }),
    });
    closers.add(() => api.stop());
    const mqtt = await startGateway(parts, chain, tls?.certificates, logger);
    if (mqtt !== undefined) closers.add(() => mqtt.stop());
    const listenUrl = await api.start();
    await tls?.start();
    const coap = await startCoap(config, chain, logger);
    if (coap !== undefined) closers.add(() => coap.stop());
    const url = config.publicUrl?.replace(/\/+$/, "") ?? listenUrl;
    logger.info({ url, listenUrl, mqttPort: mqtt?.port, mqttTlsPort: mqtt?.tlsPort }, "the API is up");
    return {
      ...chain,
      url,
      listenUrl,
      mqtt,
      peerAddresses: network?.listenAddresses() ?? [],
      ...(coap === undefined ? {} : { coapPort: coap.port }),
      stop: closers.closeAll,
    };
  } catch (error) {
    await closers
      .closeAll()
      .catch((problem: unknown) => logger.error({ problem: String(problem) }, "closing"));
    throw error;
  }
}

/** Undefined for a node that neither listens for peers nor knows any. Throws `config.invalid`. */
async function connectPeers(
  { config, genesis, nodeKeySeed }: NodeParts,
  logger: Logger,
): Promise<Network | undefined> {
  const { p2pListen: listen, p2pPeers: peers } = config;
  // CometBFT has peers of its own.
  if (config.engine === "comet" || nodeKeySeed === undefined || listen.length + peers.length === 0)
    return undefined;
  return startNetwork({
    chainId: computeChainId(sodiumCrypto, genesis),
    keySeed: nodeKeySeed,
    listen,
    announce: config.p2pAnnounce,
    peers,
    privatePeers: config.p2pPrivatePeers,
    onlyConfigured: config.p2pOnlyConfigured,
    peerExchange: config.p2pPeerExchange,
    mdns: config.p2pMdns,
    peersMax: config.p2pPeersMax,
    log: (level, fields, message) => logger[level](fields, message),
  });
}

async function startCoap(
  { host, coapPort }: NodeConfig,
  { service }: RunningChain,
  logger: Logger,
): Promise<CoapServer | undefined> {
  if (coapPort === undefined) return undefined;
  const server = await startCoapServer({
    service,
    host,
    port: coapPort,
    commands: createCommandSource(service),
    rateLimiter: createRateLimiter(COAP_PER_SECOND, COAP_BURST),
    log: (fields, message) => logger.error(fields, message),
  });
  logger.info({ port: server.port }, "CoAP is up");
  return server;
}

/** Undefined where no listener is configured. Throws `config.invalid`. */
async function startGateway(
  { config }: NodeParts,
  { service, presence, metrics, chainId }: RunningChain,
  certificates: CertificateSource | undefined,
  logger: Logger,
): Promise<MqttGateway | undefined> {
  const { mqttPort: port, mqttTlsPort, mqttTlsClientCaFile: clientCaFile } = config;
  if (port === undefined && mqttTlsPort === undefined) return undefined;
  if (mqttTlsPort !== undefined)
    assertInvariant(certificates !== undefined, "settings with mqttTlsPort name a certificate");
  const tls =
    mqttTlsPort === undefined || certificates === undefined
      ? undefined
      : { port: mqttTlsPort, certificates, clientCaFile };
  return startMqttGateway({
    service,
    chainId,
    crypto: sodiumCrypto,
    config: { host: config.mqttHost ?? config.host, port, authentication: config.mqttAuthentication, tls },
    presence,
    commands: createCommandSource(service),
    onAnswer: (answer) => metrics.gatewayMessages.inc({ answer }),
    onConnections: (open) => metrics.gatewayConnections.set(open),
    logger,
  });
}
