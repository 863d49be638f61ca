/** Puts the parts of this folder together around a libp2p node. */
import { assertInvariant } from "@lhg/protocol/core/errors";
import type { GossipSubComponents } from "@libp2p/gossipsub";
import type { Connection, PeerInfo } from "@libp2p/interface";
import { ipOf, type PeerAddress, parseListenAddress, parsePeerAddress, reachOf } from "./addresses.ts";
import type { Served } from "./answerer.ts";
import type { P2pBounds } from "./bounds.ts";
import { createDialer } from "./dialer.ts";
import { createDoorkeeper } from "./doorkeeper.ts";
import { createGossipTopic, type GossipTopic } from "./gossip-topic.ts";
import { createNode, startNode } from "./libp2p-node.ts";
import { type Network, type PeerId, TOPIC_BYTES_MAX, type Topic } from "./network.ts";
import { createPeerExchange } from "./peer-exchange.ts";
import { peerIdOf } from "./peer-id.ts";
import { createReputation } from "./reputation.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import type { P2pOptions } from "./start-network.ts";
import { createTraffic } from "./traffic.ts";

type PeerListener = (peer: PeerId, state: "connected" | "disconnected") => void;

export async function startLibp2pNetwork(options: P2pOptions, bounds: P2pBounds): Promise<Network> {
  const { chainId, log } = options;
  const id = peerIdOf(options.keySeed);
  const configured = options.peers.map((text, i) => parsePeerAddress(text, `peers[${i}]`));
  const listen = options.listen.map((text, i) => parseListenAddress(text, `listen[${i}]`));
  const announce = options.announce.map((text, i) => parseListenAddress(text, `announce[${i}]`));
  const configuredIds = new Set(configured.map((peer) => peer.id));
  const isConfigured = (peer: PeerId): boolean => configuredIds.has(peer);
  const traffic = createTraffic();
  const reputation = createReputation(undefined, () => {
    traffic.bans += 1;
  });
  const served = new Map<string, Served>();
  const listeners = new Set<PeerListener>();
  const topics = {} as Record<Topic, GossipTopic>;
  const questionProtocol = `/lhg/${chainId}/questions/1`;

  const doorkeeper = createDoorkeeper({
    id,
    bounds,
    reputation,
    isConfigured,
    onlyConfigured: options.onlyConfigured,
    strangers: () => sessions.all().filter(({ peer }) => !isConfigured(peer)).length,
    strangersMax: Math.max(0, options.peersMax - configuredIds.size),
    find: (peer) => sessions.find(peer),
    onRefused: (peer, reason) => log("debug", { code: "peer.refused", peer, reason }, "a peer was refused"),
  });

  function createTopic(components: GossipSubComponents, topic: Topic): GossipTopic {
    topics[topic] = createGossipTopic(components, {
      topic,
      protocol: `/lhg/${chainId}/${topic}/1`,
      bounds,
      mayTake: (peer, bytes, messages) => sessions.mayTake(peer, bytes, messages),
      fault: (peer, reason, detail) => sessions.fault(peer, reason, detail),
      penalise: (peer, reason) => sessions.penalise(peer, reason),
      onVerdict: (verdict) => {
        traffic.messages[topic][verdict] += 1;
      },
      onLost: (connection) => sessions.lose(connection),
      onFailure: (name, error) => log("warn", { topic: name, error: String(error) }, "gossip failed"),
      onDropped: (name, peer) => log("debug", { topic: name, peer }, "a message was not sent to a slow peer"),
    });
    return topics[topic];
  }

  const node = await createNode({
    chainId,
    keySeed: options.keySeed,
    listen: listen.map(String),
    announce: announce.map(String),
    mdns: options.mdns,
    bounds,
    doorkeeper,
    traffic,
    createTopic,
    onTooManyStreams: (streams) => {
      const session = sessions.all().find(({ connection }) => connection.streams === streams);
      if (session !== undefined) sessions.fault(session.peer, "peer.excessive", "opens too many streams");
    },
  });

  const dialer = createDialer({
    bounds,
    configured,
    dial: (addresses) => node.dial(addresses, { signal: AbortSignal.timeout(bounds.dialMs) }),
    isConnected: (peer) => sessions.find(peer) !== undefined,
    isBanned: reputation.isBanned,
    connections: () => sessions.ready().length,
    onFailed: (peer, error) =>
      log("debug", { code: "peer.unreachable", peer, error: error.message }, "a peer was not reached"),
  });

  const sessions: Sessions = createSessions({
    questionProtocol,
    topics: Object.values(topics),
    served,
    bounds,
    reputation,
    isConfigured,
    banAddress,
    onPeer: (peer, state) => {
      if (state === "connected") {
        dialer.noteReady(peer);
        exchange.ask(peer);
      }
      for (const listener of [...listeners]) listener(peer, state);
    },
    onClosed: dialer.noteGone,
    postpone: dialer.postpone,
    log,
  });

  function banAddress({ remoteAddr }: Connection): void {
    const ip = ipOf(remoteAddr);
    if (ip === undefined || reachOf(ip) === "loopback") return;
    const isShared = sessions
      .ready()
      .some(({ peer, connection }) => isConfigured(peer) && ipOf(connection.remoteAddr) === ip);
    if (!isShared) reputation.ban(ip, bounds.banMs);
  }

  const exchange = createPeerExchange({
    id,
    sessions,
    served,
    privatePeers: new Set(options.privatePeers),
    answers: options.peerExchange,
    asks: options.peerExchange && !options.onlyConfigured,
    peersTarget: bounds.peersTarget,
    onTold: (addresses) => {
      dialer.offer(addresses);
      dialer.fill();
    },
    log,
  });

  node.addEventListener("connection:open", ({ detail }) => sessions.open(detail));
  node.addEventListener("peer:identify", ({ detail }) => sessions.identify(detail));
  // What libp2p remembers of peers has no bound.
  node.addEventListener("peer:disconnect", ({ detail }) => void node.peerStore.delete(detail));
  node.addEventListener("peer:discovery", ({ detail }) => {
    if (!options.onlyConfigured) dialer.offer(neighboursOf(detail));
  });
  await node.handle(questionProtocol, sessions.acceptStream, { maxInboundStreams: 1, maxOutboundStreams: 1 });
  await startNode(node);
  dialer.start();
  const timers = [
    setInterval(() => {
      sessions.tick();
      dialer.fill();
    }, bounds.tickMs),
    setInterval(() => exchange.ask(), bounds.peerExchangeMs),
  ];

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    for (const timer of timers) clearInterval(timer);
    dialer.stop();
    sessions.closeAll();
    await node.stop();
  }

  return {
    id,
    listenAddresses: () => node.getMultiaddrs().map(String),
    peers: sessions.peers,
    counters: () => structuredClone(traffic),
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

/** mDNS is for the network at hand: an answer that names an address elsewhere is not believed. */
function neighboursOf({ id, multiaddrs }: PeerInfo): PeerAddress[] {
  return multiaddrs
    .filter((address) => {
      const ip = ipOf(address);
      return ip !== undefined && reachOf(ip) === "private";
    })
    .map((address) => ({ id: id.toString(), address: address.encapsulate(`/p2p/${id}`) }));
}
