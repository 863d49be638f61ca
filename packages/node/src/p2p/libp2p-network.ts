/** Puts the parts of this folder together around a libp2p node. */
import { hash } from "node:crypto";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { GossipSubComponents } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import type { ComponentLogger, Connection, Logger } from "@libp2p/interface";
import { mdns } from "@libp2p/mdns";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { ipOf, parseListenAddress, parsePeerAddress, reachOf } from "./addresses.ts";
import type { Served } from "./answerer.ts";
import type { P2pBounds } from "./bounds.ts";
import { createDialer } from "./dialer.ts";
import { createDoorkeeper } from "./doorkeeper.ts";
import { createGossipTopic, type GossipTopic } from "./gossip-topic.ts";
import { type Network, type PeerId, TOPIC_BYTES_MAX, type Topic } from "./network.ts";
import { peerIdOf } from "./peer-id.ts";
import { createReputation } from "./reputation.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import type { P2pOptions } from "./start-network.ts";

/** Larger windows would let a batch of statements fill the socket before a vote; smaller ones slow a catch-up over long lines. */
const STREAM_WINDOW_BYTES_MAX = 1 << 20;
const STREAMS_MAX = 16;
/** What libp2p counts by itself is counted by the doorkeeper, which knows loopback and configured peers. */
const UNCOUNTED = 1_000_000;

const silence: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => silence,
});
const logger: ComponentLogger = { forComponent: () => silence };

export async function startLibp2pNetwork(options: P2pOptions, bounds: P2pBounds): Promise<Network> {
  const { chainId, log } = options;
  const id = peerIdOf(options.keySeed);
  const configured = options.peers.map((text, i) => parsePeerAddress(text, `peers[${i}]`));
  const listen = options.listen.map((text, i) => parseListenAddress(text, `listen[${i}]`));
  const announce = options.announce.map((text, i) => parseListenAddress(text, `announce[${i}]`));
  const configuredIds = new Set(configured.map((peer) => peer.id));
  const isConfigured = (peer: PeerId): boolean => configuredIds.has(peer);

  const reputation = createReputation();
  const served = new Map<string, Served>();
  const listeners = new Set<(peer: PeerId, state: "connected" | "disconnected") => void>();
  const questionProtocol = `/lhg/${chainId}/questions/1`;
  const topics = {} as Record<Topic, GossipTopic>;

  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed("Ed25519", options.keySeed),
    addresses: { listen: listen.map(String), announce: announce.map(String) },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: STREAMS_MAX,
        maxOutboundStreams: STREAMS_MAX,
        enableKeepAlive: true,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
      }),
    ],
    connectionGater: createDoorkeeper({
      id,
      bounds,
      reputation,
      isConfigured,
      onlyConfigured: options.onlyConfigured,
      strangers: () => sessions.ready().filter(({ peer }) => !isConfigured(peer)).length,
      strangersMax: Math.max(0, options.peersMax - configuredIds.size),
      connected: (peer) => {
        const session = sessions.find(peer);
        if (session === undefined) return undefined;
        return { direction: session.connection.direction, ageMs: performance.now() - session.openedMs };
      },
      onRefused: (peer, reason) => log("debug", { code: "peer.refused", peer, reason }, "a peer was refused"),
    }),
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
    peerDiscovery: options.mdns ? [mdns({ serviceTag: mdnsTag(chainId) })] : [],
    services: {
      identify: identify({ protocolPrefix: "lhg", timeout: bounds.handshakeMs }),
      consensus: (components) => startTopic(components, "consensus"),
      statements: (components) => startTopic(components, "statements"),
    },
    nodeInfo: { name: "lhg", version: "1", userAgent: "lhg" },
    logger,
    start: false,
  });

  function startTopic(components: GossipSubComponents, topic: Topic): GossipTopic {
    topics[topic] = createGossipTopic(components, {
      topic,
      protocol: `/lhg/${chainId}/${topic}/1`,
      bounds,
      mayTake: (peer, bytes, messages) => sessions.mayTake(peer, bytes, messages),
      fault: (peer, reason, detail) => sessions.fault(peer, reason, detail),
      penalise: (peer, reason) => sessions.penalise(peer, reason),
      onFailure: (name, error) => log("warn", { topic: name, error: String(error) }, "gossip failed"),
      onDropped: (name, peer) => log("debug", { topic: name, peer }, "a message was not sent to a slow peer"),
    });
    return topics[topic];
  }

  const dialer = createDialer({
    bounds,
    configured,
    dial: (addresses) => node.dial(addresses, { signal: AbortSignal.timeout(bounds.dialMs) }),
    isConnected: (peer) => sessions.find(peer) !== undefined,
    isBanned: (peer) => reputation.isBanned(peer),
    connections: () => sessions.ready().length,
    onFailed: (peer, error) =>
      log("debug", { code: "peer.unreachable", peer, error: error.message }, "a peer was not reached"),
  });

  function banAddress({ remoteAddr }: Connection): void {
    const ip = ipOf(remoteAddr);
    if (ip === undefined || reachOf(ip) === "loopback") return;
    const isShared = sessions
      .ready()
      .some(({ peer, connection }) => isConfigured(peer) && ipOf(connection.remoteAddr) === ip);
    if (!isShared) reputation.ban(ip, bounds.banMs);
  }

  const sessions: Sessions = createSessions({
    questionProtocol,
    topics: Object.values(topics),
    served,
    bounds,
    reputation,
    isConfigured,
    banAddress,
    onPeer: (peer, state) => {
      if (state === "connected") dialer.noteReady(peer);
      else dialer.noteGone(peer);
      for (const listener of [...listeners]) listener(peer, state);
    },
    postpone: dialer.postpone,
    log,
  });

  node.addEventListener("connection:open", ({ detail }) => sessions.open(detail));
  node.addEventListener("peer:identify", ({ detail }) => sessions.identify(detail));
  node.addEventListener("peer:disconnect", ({ detail }) => {
    // What libp2p remembers of peers has no bound.
    void node.peerStore.delete(detail);
  });
  await node.handle(questionProtocol, sessions.acceptStream, { maxInboundStreams: 1, maxOutboundStreams: 1 });
  await node.start();
  const ticker = setInterval(() => {
    sessions.tick();
    dialer.fill();
  }, bounds.tickMs);
  dialer.start();

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    clearInterval(ticker);
    dialer.stop();
    sessions.closeAll();
    await node.stop();
  }

  return {
    id,
    listenAddresses: () => node.getMultiaddrs().map(String),
    peers: sessions.peers,
    onPeer(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publish(topic, message) {
      if (stopping !== undefined) return;
      if (message.length > TOPIC_BYTES_MAX[topic])
        log("warn", { topic, bytes: message.length }, "a message is too long to be sent");
      else topics[topic].publish(message);
    },
    subscribe: (topic, handler) => topics[topic].subscribe(handler),
    ask: sessions.ask,
    serve(question, limits, answer) {
      assertInvariant(!served.has(question), `${question} has one handler`);
      served.set(question, { limits, answer });
    },
    penalise: sessions.penalise,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** DNS-SD service types are short (RFC 6763, 7.2), so that the chain stands in it by eight digits of a hash. */
function mdnsTag(chainId: string): string {
  return `_lhg-${hash("sha256", chainId).slice(0, 8)}._udp.local`;
}
