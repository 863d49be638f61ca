/** Connections from their first byte to their last: who speaks our protocols, who is silent, who is shut out. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Connection, IdentifyResult, Stream } from "@libp2p/interface";
import { type Answerer, createAnswerer, type Served } from "./answerer.ts";
import { type Asker, createAsker, type StreamHooks } from "./asker.ts";
import type { P2pBounds } from "./bounds.ts";
import type { GossipTopic } from "./gossip-topic.ts";
import type { AskLimits, PeerId, PeerInfo } from "./network.ts";
import type { Reputation } from "./reputation.ts";
import type { P2pLog } from "./start-network.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";

export interface SessionsOptions {
  readonly questionProtocol: string;
  readonly topics: readonly GossipTopic[];
  readonly served: ReadonlyMap<string, Served>;
  readonly bounds: P2pBounds;
  readonly reputation: Reputation;
  readonly isConfigured: (peer: PeerId) => boolean;
  /** Bans its address too, where that hits nobody else. */
  readonly banAddress: (connection: Connection) => void;
  readonly onPeer: (peer: PeerId, state: "connected" | "disconnected") => void;
  /** Of any connection, also one that never got so far. */
  readonly onClosed: (peer: PeerId) => void;
  /** A configured peer need not be dialled again before this. */
  readonly postpone: (peer: PeerId, ms: number) => void;
  readonly log: P2pLog;
}

export interface Session {
  readonly peer: PeerId;
  readonly connection: Connection;
  readonly openedMs: number;
  readonly connectedAtMs: number;
  /** Where the peer says it listens; claims. */
  listenAddresses: readonly string[];
}

export interface Sessions {
  open(connection: Connection): void;
  identify(result: IdentifyResult): void;
  acceptStream(stream: Stream, connection: Connection): void;
  /** Of a peer that may not speak our protocols yet. */
  find(peer: PeerId): Session | undefined;
  all(): readonly Session[];
  /** Sessions with peers that do. */
  ready(): readonly Session[];
  peers(): readonly PeerInfo[];
  ask(peer: PeerId, question: string, body: Uint8Array, limits: AskLimits): Promise<Uint8Array>;
  penalise(peer: PeerId, reason: string): void;
  fault(peer: PeerId, reason: string, detail: string): void;
  mayTake(peer: PeerId, bytes: number, messages: number): boolean;
  /** The connection lost a stream that it cannot be without. */
  lose(connection: Connection): void;
  tick(): void;
  closeAll(): void;
}

interface OpenSession extends Session {
  readonly aborter: AbortController;
  readonly bytes: TokenBucket;
  readonly messages: TokenBucket;
  readonly frames: TokenBucket;
  readonly allowances: Map<string, TokenBucket>;
  isReady: boolean;
  asker: Asker | undefined;
  answerer: Answerer | undefined;
  wasHeard: boolean;
  silentTicks: number;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { bounds, reputation, isConfigured, log, topics } = options;
  const sessions = new Map<PeerId, OpenSession>();

  function close(session: OpenSession, code: string, detail = ""): void {
    const { peer, connection, aborter } = session;
    if (sessions.get(peer) !== session) return;
    sessions.delete(peer);
    aborter.abort(new LhgError("peer.gone", detail || "is not connected", "peer"));
    session.asker?.close();
    session.answerer?.close();
    for (const topic of topics) topic.disconnect(connection);
    if (connection.status === "open") connection.abort(new Error(code));
    log(session.isReady ? "info" : "debug", { code, peer, detail }, "a peer has gone");
    options.onClosed(peer);
    if (session.isReady) options.onPeer(peer, "disconnected");
  }

  function penalise(peer: PeerId, reason: string): boolean {
    const banMs = isConfigured(peer) ? bounds.configuredBanMs : bounds.banMs;
    const isBanned = reputation.penalise(peer, reason, banMs);
    log("debug", { code: reason, peer, score: reputation.score(peer) }, "a peer was penalised");
    if (!isBanned) return false;
    log("warn", { code: "peer.banned", peer, reason, banMs }, "a peer is banned");
    options.postpone(peer, banMs);
    const session = sessions.get(peer);
    if (session !== undefined) {
      if (!isConfigured(peer)) options.banAddress(session.connection);
      close(session, "peer.banned", reason);
    }
    return true;
  }

  function fault(peer: PeerId, reason: string, detail: string): void {
    log("info", { code: reason, peer, detail }, "a peer breaks the protocol");
    if (penalise(peer, reason)) return;
    const session = sessions.get(peer);
    if (session !== undefined) close(session, reason, detail);
  }

  /** A peer that gives up one of its streams is of no use any more, and comes again with all of them. */
  function watch(session: OpenSession, stream: Stream): void {
    stream.addEventListener("close", () => close(session, "peer.gone", "closed a stream"));
  }

  function hooksOf(session: OpenSession): StreamHooks {
    const { peer } = session;
    return {
      heard: () => {
        session.wasHeard = true;
      },
      mayTake: (frames) => {
        if (session.frames.take(frames)) return true;
        fault(peer, "peer.excessive", "too many frames");
        return false;
      },
      fault: (reason, detail) => {
        if (sessions.get(peer) === session) fault(peer, reason, detail);
      },
      penalise: (reason) => void penalise(peer, reason),
    };
  }

  async function establish(session: OpenSession): Promise<void> {
    const { connection, peer, aborter } = session;
    const { signal } = aborter;
    try {
      await Promise.all([
        connection.newStream(options.questionProtocol, { signal }).then((stream) => {
          watch(session, stream);
          session.asker = createAsker(stream, hooksOf(session));
        }),
        ...topics.map((topic) => topic.connect(connection, signal)),
      ]);
      if (sessions.get(peer) !== session) return;
      session.isReady = true;
    } catch (error) {
      close(session, "peer.not-ready", (error as Error).message);
      return;
    }
    log("info", { peer, address: connection.remoteAddr.toString() }, "a peer has come");
    options.onPeer(peer, "connected");
  }

  function tickSession(session: OpenSession): void {
    if (!session.isReady && performance.now() - session.openedMs > bounds.readyMs) {
      close(session, "peer.not-ready", "did not speak our protocols in time");
      return;
    }
    session.silentTicks = session.wasHeard ? 0 : session.silentTicks + 1;
    session.wasHeard = false;
    if (session.silentTicks > bounds.silentTicksMax) {
      close(session, "peer.silent", "nothing came from it");
      return;
    }
    const stalled = Math.max(
      session.asker?.tick() ?? 0,
      session.answerer?.tick() ?? 0,
      ...topics.map((topic) => topic.tick(session.peer)),
    );
    if (stalled >= bounds.stalledTicksMax) fault(session.peer, "peer.stalled", "a frame does not end");
    else session.asker?.ping();
  }

  return {
    open(connection) {
      const peer = connection.remotePeer.toString();
      const factor = isConfigured(peer) ? bounds.configuredFactor : 1;
      const bucket = (perSecond: number, burst: number): TokenBucket =>
        createTokenBucket(perSecond * factor, burst * factor);
      const session: OpenSession = {
        peer,
        connection,
        openedMs: performance.now(),
        connectedAtMs: Date.now(),
        listenAddresses: [],
        aborter: new AbortController(),
        bytes: bucket(bounds.gossipBytesPerSecond, bounds.gossipBytesBurst),
        messages: bucket(bounds.gossipMessagesPerSecond, bounds.gossipMessagesBurst),
        frames: bucket(bounds.framesPerSecond, bounds.framesBurst),
        allowances: sessions.get(peer)?.allowances ?? new Map(),
        isReady: false,
        asker: undefined,
        answerer: undefined,
        wasHeard: true,
        silentTicks: 0,
      };
      const older = sessions.get(peer);
      if (older !== undefined) close(older, "peer.replaced", "came again");
      sessions.set(peer, session);
      connection.addEventListener("close", () => close(session, "peer.gone"));
    },
    identify({ connection, protocols, listenAddrs }) {
      const session = sessions.get(connection.remotePeer.toString());
      if (session === undefined || session.connection.id !== connection.id) return;
      if (!protocols.includes(options.questionProtocol)) {
        log("warn", { code: "peer.other-chain", peer: session.peer }, "a peer belongs to another chain");
        options.postpone(session.peer, bounds.otherChainRedialMs);
        close(session, "peer.other-chain");
        return;
      }
      session.listenAddresses = listenAddrs.map(String);
      void establish(session);
    },
    acceptStream(stream, connection) {
      const session = sessions.get(connection.remotePeer.toString());
      if (session === undefined || session.connection.id !== connection.id) {
        stream.abort(new Error("is not connected"));
        return;
      }
      watch(session, stream);
      session.answerer?.close();
      session.answerer = createAnswerer(stream, {
        pendingBytesOfAll: () => {
          let bytes = 0;
          for (const other of sessions.values()) bytes += other.answerer?.pendingBytes() ?? 0;
          return bytes;
        },
        peer: session.peer,
        served: options.served,
        allowances: session.allowances,
        hooks: hooksOf(session),
        onFailure: (question, error) =>
          log("warn", { question, error: String(error) }, "answering a question failed"),
      });
    },
    find: (peer) => sessions.get(peer),
    all: () => [...sessions.values()],
    ready: () => [...sessions.values()].filter(({ isReady }) => isReady),
    peers: () =>
      [...sessions.values()]
        .filter(({ isReady }) => isReady)
        .map(({ peer, connection, connectedAtMs }) => ({
          id: peer,
          address: connection.remoteAddr.toString(),
          direction: connection.direction,
          connectedAtMs,
          score: reputation.score(peer),
        })),
    async ask(peer, question, body, limits) {
      const session = sessions.get(peer);
      if (session?.asker === undefined || !session.isReady)
        throw new LhgError("peer.gone", "is not connected", "peer");
      return session.asker.ask(question, body, limits);
    },
    penalise: (peer, reason) => void penalise(peer, reason),
    fault,
    mayTake(peer, bytes, messages) {
      const session = sessions.get(peer);
      if (session === undefined) return false;
      session.wasHeard = true;
      if (session.bytes.take(bytes) && session.messages.take(messages)) return true;
      fault(peer, "peer.excessive", "too much gossip");
      return false;
    },
    lose(connection) {
      const session = sessions.get(connection.remotePeer.toString());
      if (session?.connection.id === connection.id) close(session, "peer.gone", "closed a stream");
    },
    tick() {
      for (const session of [...sessions.values()]) tickSession(session);
    },
    closeAll() {
      for (const session of [...sessions.values()]) close(session, "peer.closed", "this node stops");
    },
  };
}
