/** The libp2p node under the network: TCP, Noise, yamux, identify, and no service that speaks to anybody by itself. */
import { hash } from "node:crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { GossipSubComponents } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import type { ComponentLogger, ConnectionGater, Libp2p, Logger, StreamMuxer } from "@libp2p/interface";
import { mdns } from "@libp2p/mdns";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import type { P2pBounds } from "./bounds.ts";
import type { GossipTopic } from "./gossip-topic.ts";
import { boundedYamux } from "./muxer.ts";
import type { Topic } from "./network.ts";
import type { Traffic } from "./traffic.ts";

export interface NodeOptions {
  readonly chainId: string;
  readonly keySeed: Uint8Array;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly mdns: boolean;
  readonly bounds: P2pBounds;
  readonly doorkeeper: ConnectionGater;
  readonly traffic: Pick<Traffic, "bytesIn" | "bytesOut">;
  readonly onTooManyStreams: (streams: StreamMuxer["streams"]) => void;
  readonly createTopic: (components: GossipSubComponents, topic: Topic) => GossipTopic;
}

/** What libp2p counts by itself is counted by the doorkeeper, which knows loopback and configured peers. */
const UNCOUNTED = 1_000_000;

/** libp2p logs what strangers do, in its own format: sessions.ts says what an operator needs. */
const silence: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => silence,
});
const logger: ComponentLogger = { forComponent: () => silence };

/** Does not listen yet. */
export async function createNode(options: NodeOptions): Promise<Libp2p> {
  const { bounds, createTopic } = options;
  return createLibp2p({
    privateKey: await generateKeyPairFromSeed("Ed25519", options.keySeed),
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux(bounds, options.traffic, options.onTooManyStreams)],
    connectionGater: options.doorkeeper,
    connectionManager: {
      maxConnections: UNCOUNTED,
      inboundConnectionThreshold: UNCOUNTED,
      maxIncomingPendingConnections: bounds.handshakesMax,
      inboundUpgradeTimeout: bounds.handshakeMs,
      inboundStreamProtocolNegotiationTimeout: bounds.handshakeMs,
      outboundStreamProtocolNegotiationTimeout: bounds.readyMs,
      dialTimeout: bounds.dialMs,
      reconnectRetries: 0,
      resolvers: {},
    },
    connectionMonitor: { enabled: false },
    peerDiscovery: options.mdns ? [mdns({ serviceTag: mdnsTag(options.chainId) })] : [],
    services: {
      identify: identify({ protocolPrefix: "lhg", timeout: bounds.readyMs }),
      consensus: (components) => createTopic(components, "consensus"),
      statements: (components) => createTopic(components, "statements"),
    },
    nodeInfo: { name: "lhg", version: "1", userAgent: "lhg" },
    logger,
    start: false,
  });
}

/** Listens. Throws `port.in-use`, or `config.invalid` for an address that this machine does not have; nothing stays open then. */
export async function startNode(node: Libp2p): Promise<void> {
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    const { message } = error as Error;
    const { address, code } = /(?<address>\/\S+): Error: listen (?<code>[A-Z]+)/.exec(message)?.groups ?? {};
    if (address === undefined) throw error;
    if (code === "EADDRINUSE")
      throw new LhgError("port.in-use", `another program listens at ${address}`, "listen");
    throw new LhgError("config.invalid", `this machine cannot listen at ${address} (${code})`, "listen");
  }
}

/** DNS-SD service types are short (RFC 6763, 7.2), so that the chain stands in it by eight digits of a hash. */
function mdnsTag(chainId: string): string {
  return `_lhg-${hash("sha256", chainId).slice(0, 8)}._udp.local`;
}
