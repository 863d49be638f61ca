/**
 * One topic over a gossipsub of its own, so that its messages have streams of their own: votes do not wait behind batches of
 * statements. Gossipsub is given a registrar and connections that lead to our protocol name, to streams that are already open (it
 * opens them one after the other: a peer that does not answer would hold up the others), and to frames that were looked at.
 */
import { createHash } from "node:crypto";
import { InvariantError } from "@lhg/protocol/core/errors";
import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  type Message,
  StrictNoSign,
  TopicValidatorResult,
} from "@libp2p/gossipsub";
import { type Connection, type PeerId as Libp2pPeerId, type Stream, start, stop } from "@libp2p/interface";
import type { P2pBounds } from "./bounds.ts";
import { guardInbound, guardOutbound, type InboundGuard } from "./gossip-streams.ts";
import { type PeerId, TOPIC_BYTES_MAX, type Topic, type Verdict } from "./network.ts";

export type TopicHandler = (message: Uint8Array, from: PeerId) => Verdict | Promise<Verdict>;

export interface GossipTopic {
  start(): Promise<void>;
  stop(): Promise<void>;
  publish(message: Uint8Array): void;
  subscribe(handler: TopicHandler): void;
  /** Ends when the peer listens to the topic and we have a stream to it. */
  connect(connection: Connection, signal: AbortSignal): Promise<void>;
  disconnect(connection: Connection): void;
  /** How often in a row a frame of the peer was not whole yet. */
  tick(peer: PeerId): number;
}

export interface GossipTopicOptions {
  readonly topic: Topic;
  readonly protocol: string;
  readonly bounds: P2pBounds;
  /** Frames of a peer came; false where they are too many, and the stream is at its end. */
  readonly mayTake: (peer: PeerId, bytes: number, messages: number) => boolean;
  readonly fault: (peer: PeerId, reason: string, detail: string) => void;
  readonly penalise: (peer: PeerId, reason: string) => void;
  readonly onVerdict: (verdict: Verdict) => void;
  /** A stream was closed while the connection goes on. */
  readonly onLost: (connection: Connection) => void;
  readonly onFailure: (topic: Topic, error: unknown) => void;
  readonly onDropped: (topic: Topic, peer: PeerId) => void;
}

/** What gossipsub calls its protocol; on the wire it has our name, with the chain in it. */
const GOSSIPSUB = "/meshsub/1.2.0";
/** With up to twelve peers everybody is in the mesh: one hop. With fifty, two or three hops. */
const MESH = { D: 8, Dlo: 6, Dhi: 12, Dout: 2, Dscore: 4 };
const MESSAGE_ID_BYTES = 20;
const VERDICTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const;

type Registrar = GossipSubComponents["registrar"];
type Topology = Parameters<Registrar["register"]>[1];
type Handler = Parameters<Registrar["handle"]>[1];

export function createGossipTopic(components: GossipSubComponents, options: GossipTopicOptions): GossipTopic {
  const { topic, protocol, bounds, mayTake, fault, penalise, onVerdict, onLost, onFailure, onDropped } =
    options;
  const { privateKey, peerId, peerStore, connectionManager, logger } = components;
  const bytesMax = TOPIC_BYTES_MAX[topic];
  const outbound = new Map<string, Stream>();
  const held = new Map<string, Stream>();
  const guards = new Map<PeerId, InboundGuard>();
  const waiting = new Map<PeerId, () => void>();
  let topology: Topology | undefined;
  let takeInbound: Handler | undefined;
  let handler: TopicHandler | undefined;

  function acceptStream(stream: Stream, connection: Connection): void {
    if (outbound.has(connection.id)) {
      admitStream(stream, connection);
      return;
    }
    held.get(connection.id)?.abort(new Error("another stream came"));
    stream.pause();
    held.set(connection.id, stream);
    stream.addEventListener("close", () => {
      if (held.get(connection.id) === stream) held.delete(connection.id);
    });
  }

  function admitStream(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString();
    stream.addEventListener("close", () => onLost(connection));
    const guard = guardInbound(stream, {
      bytesMax,
      pendingMessagesMax: bounds.pendingMessagesMax,
      pendingBytesMax: bounds.pendingBytesMax,
      mayTake: (bytes, messages) => mayTake(peer, bytes, messages),
      fault: (reason, detail) => fault(peer, reason, detail),
    });
    guards.set(peer, guard);
    void takeInbound?.(guard.stream, dressConnection(connection));
  }

  function dressConnection(connection: Connection): Connection {
    const { remotePeer, remoteAddr, direction } = connection;
    const dressed = {
      remotePeer,
      remoteAddr,
      direction,
      get status() {
        return connection.status;
      },
      newStream: async () => {
        const stream = outbound.get(connection.id);
        if (stream === undefined) throw new Error("is not connected");
        return guardOutbound(stream, GOSSIPSUB, bounds.backlogBytesMax[topic], () =>
          onDropped(topic, remotePeer.toString()),
        );
      },
    };
    return dressed as unknown as Connection;
  }

  const registrar = {
    handle: async (name: string, handle: Handler) => {
      if (name !== GOSSIPSUB) return;
      takeInbound = handle;
      await components.registrar.handle(protocol, acceptStream, {
        maxInboundStreams: 1,
        maxOutboundStreams: 1,
      });
    },
    unhandle: async () => components.registrar.unhandle(protocol),
    register: async (name: string, registered: Topology) => {
      if (name === GOSSIPSUB) topology = registered;
      return name;
    },
    unregister: () => {},
    getTopologies: () => [],
  };

  const pubsub: GossipSub = gossipsub({
    ...MESH,
    // Lost messages are asked for by the layers above, so nobody tells what he has: answers to such questions would be
    // longer than a frame may be, and a way to have 4 MiB sent for 20 bytes.
    Dlazy: 0,
    gossipFactor: 0,
    mcacheLength: 2,
    mcacheGossip: 1,
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: (message) => messageId(protocol, message),
    msgIdToStrFn: (id) => Buffer.from(id).toString("latin1"),
    floodPublish: true,
    batchPublish: true,
    emitSelf: false,
    doPX: false,
    fallbackToFloodsub: false,
    tagMeshPeers: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    allowedTopics: [protocol],
    // A vote is shorter than to say that one has it.
    idontwantMinDataSize: 16 << 10,
    maxInboundDataLength: bytesMax + (64 << 10),
    decodeRpcLimits: {
      maxSubscriptions: 4,
      maxMessages: 16,
      maxControlMessages: 64,
      maxIhaveMessageIDs: 0,
      maxIwantMessageIDs: 0,
      maxIdontwantMessageIDs: 512,
      maxPeerInfos: 0,
    },
    // Peers are scored in reputation.ts; several nodes behind one address are no offence.
    scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
    scoreThresholds: { acceptPXThreshold: Number.MAX_SAFE_INTEGER },
  })({
    privateKey,
    peerId,
    peerStore,
    connectionManager,
    logger,
    registrar: registrar as unknown as Registrar,
  });

  async function judge(from: Libp2pPeerId, message: Message): Promise<TopicValidatorResult> {
    const peer = from.toString();
    if (handler === undefined) return TopicValidatorResult.Ignore;
    const release = guards.get(peer)?.hold(message.data.length);
    try {
      const verdict = await handler(message.data, peer);
      onVerdict(verdict);
      if (verdict === "reject") penalise(peer, "peer.rejected");
      return VERDICTS[verdict];
    } catch (error) {
      if (error instanceof InvariantError) queueMicrotask(() => raise(error));
      else onFailure(topic, error);
      return TopicValidatorResult.Ignore;
    } finally {
      release?.();
    }
  }
  pubsub.topicValidators.set(protocol, judge);
  pubsub.addEventListener("subscription-change", ({ detail }) => {
    const peer = detail.peerId.toString();
    if (isSubscribed(peer)) waiting.get(peer)?.();
  });
  const isSubscribed = (peer: PeerId): boolean =>
    pubsub.getSubscribers(protocol).some((subscriber) => subscriber.toString() === peer);

  return {
    async start() {
      await start(pubsub);
      pubsub.subscribe(protocol);
    },
    stop: () => stop(pubsub),
    publish(message) {
      pubsub.publish(protocol, message).catch((error: unknown) => onFailure(topic, error));
    },
    subscribe(next) {
      handler = next;
    },
    async connect(connection, signal) {
      const peer = connection.remotePeer.toString();
      const stream = await connection.newStream(protocol, { signal });
      signal.throwIfAborted();
      outbound.set(connection.id, stream);
      stream.addEventListener("close", () => onLost(connection));
      const settled = new Promise<void>((resolve) => {
        waiting.set(peer, resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      void topology?.onConnect?.(connection.remotePeer, dressConnection(connection));
      const early = held.get(connection.id);
      held.delete(connection.id);
      if (early !== undefined) admitStream(early, connection);
      if (!isSubscribed(peer)) await settled;
      signal.throwIfAborted();
      waiting.delete(peer);
    },
    disconnect(connection) {
      const peer = connection.remotePeer.toString();
      held.delete(connection.id);
      if (!outbound.delete(connection.id)) return;
      waiting.delete(peer);
      guards.delete(peer);
      void topology?.onDisconnect?.(connection.remotePeer);
    },
    tick: (peer) => guards.get(peer)?.tick() ?? 0,
  };
}

function raise(error: Error): never {
  throw error;
}

function messageId(topic: string, message: Message): Uint8Array {
  return createHash("sha256").update(topic).update(message.data).digest().subarray(0, MESSAGE_ID_BYTES);
}
