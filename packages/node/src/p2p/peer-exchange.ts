/** Peers tell each other of peers: what is told, and what is believed. */
import { decodeUtf8, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import {
  ipOf,
  type PeerAddress,
  parseListenAddress,
  parsePeerAddress,
  type Reach,
  reachOf,
} from "./addresses.ts";
import type { Served } from "./answerer.ts";
import type { PeerId } from "./network.ts";
import type { Session, Sessions } from "./sessions.ts";
import type { P2pLog } from "./start-network.ts";

export interface PeerExchangeOptions {
  readonly id: PeerId;
  readonly sessions: Pick<Sessions, "ready" | "ask" | "fault">;
  readonly served: Map<string, Served>;
  readonly privatePeers: ReadonlySet<PeerId>;
  readonly answers: boolean;
  readonly asks: boolean;
  /** Nobody is asked when so many are there. */
  readonly peersTarget: number;
  readonly onTold: (addresses: readonly PeerAddress[]) => void;
  readonly log: P2pLog;
}

const QUESTION = "peers";
/** One a second, and one in reserve for who reconnects. */
const SERVE_LIMITS = { requestBytesMax: 0, perSecond: 2 };
const ASK_LIMITS = { timeoutMs: 5_000, answerBytesMax: 16 * 257 };

const PEERS_MAX = 16;
/** From nearest to farthest: who sits in one may tell of this one and those behind it. */
const REACHES: readonly Reach[] = ["loopback", "private", "public"];

export function createPeerExchange(options: PeerExchangeOptions): { ask(peer?: PeerId): void } {
  const { id, sessions, served, privatePeers, onTold, log } = options;
  if (options.answers)
    served.set(QUESTION, {
      limits: SERVE_LIMITS,
      answer: async (_, from) => encodePeers(choosePeers(sessions.ready(), from, privatePeers)),
    });

  async function askOne(session: Session): Promise<void> {
    try {
      const answer = await sessions.ask(session.peer, QUESTION, new Uint8Array(0), ASK_LIMITS);
      onTold(believePeers(decodePeers(answer), session, id));
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      if (error.code === "peer.malformed") sessions.fault(session.peer, error.code, error.message);
      else log("debug", { code: error.code, peer: session.peer }, "a peer did not tell of others");
    }
  }

  return {
    /** This one, or any of those that are there. */
    ask(peer) {
      const ready = sessions.ready();
      if (!options.asks || ready.length >= options.peersTarget) return;
      const chosen = ready.find((session) => session.peer === peer) ?? shuffle(ready)[0];
      if (chosen !== undefined) void askOne(chosen);
    },
  };
}

/** UTF-8, one multiaddr a line. */
export function encodePeers(addresses: readonly string[]): Uint8Array {
  return encodeUtf8(addresses.join("\n"));
}

/** Throws `peer.malformed` where one of them is no address of a peer. */
export function decodePeers(answer: Uint8Array): PeerAddress[] {
  if (answer.length === 0) return [];
  try {
    const lines = decodeUtf8(answer).split("\n");
    if (lines.length > PEERS_MAX) throw new LhgError("peer.malformed", "tells of too many", "peers");
    return lines.map((line, i) => parsePeerAddress(line, `peers[${i}]`));
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw new LhgError("peer.malformed", error.message, "peers");
  }
}

/**
 * What one is told: of each other peer the address that we reached it at, or, where it came to us, the one of those it claims that
 * has the address it came from. Nobody can have us send others to a third party.
 */
export function choosePeers(
  sessions: readonly Session[],
  asker: PeerId,
  privatePeers: ReadonlySet<PeerId>,
): string[] {
  const known = sessions.filter(({ peer }) => peer !== asker && !privatePeers.has(peer));
  return shuffle(known)
    .flatMap((session) => addressOf(session) ?? [])
    .slice(0, PEERS_MAX);
}

function addressOf({ peer, connection, listenAddresses }: Session): string | undefined {
  const ip = ipOf(connection.remoteAddr);
  if (ip === undefined) return undefined;
  if (connection.direction === "outbound") return connection.remoteAddr.toString();
  const claimed = listenAddresses.find((text) => isAddressAt(text, ip));
  return claimed === undefined ? undefined : `${claimed}/p2p/${peer}`;
}

function isAddressAt(text: string, ip: string): boolean {
  try {
    return ipOf(parseListenAddress(text, "")) === ip;
  } catch (error) {
    if (error instanceof LhgError) return false;
    throw error;
  }
}

/** Of what a peer told, what is worth a call: no names, and nothing nearer to us than the peer itself. */
export function believePeers(told: readonly PeerAddress[], session: Session, self: PeerId): PeerAddress[] {
  const ip = ipOf(session.connection.remoteAddr);
  if (ip === undefined) return [];
  const nearest = REACHES.indexOf(reachOf(ip));
  return told.filter(({ id, address }) => {
    const toldIp = ipOf(address);
    return id !== self && toldIp !== undefined && REACHES.indexOf(reachOf(toldIp)) >= nearest;
  });
}

function shuffle<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ value }) => value);
}
