/** Who may connect: by address before anything is agreed on, by identity after the handshake. */
import type { ConnectionGater, MultiaddrConnection } from "@libp2p/interface";
import { ipOf, reachOf } from "./addresses.ts";
import type { P2pBounds } from "./bounds.ts";
import type { PeerId } from "./network.ts";
import type { Reputation } from "./reputation.ts";
import type { Session } from "./sessions.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";

export interface DoorkeeperOptions {
  readonly id: PeerId;
  readonly bounds: P2pBounds;
  readonly reputation: Reputation;
  readonly isConfigured: (peer: PeerId) => boolean;
  readonly onlyConfigured: boolean;
  /** Connected peers that are not configured. */
  readonly strangers: () => number;
  readonly strangersMax: number;
  readonly find: (peer: PeerId) => Session | undefined;
  readonly onRefused: (peer: PeerId, reason: string) => void;
}

/** Two nodes that dial each other at once meet within this. */
const CROSSING_MS = 5_000;
const REMEMBERED_MAX = 1_000;

const isYoung = ({ openedMs }: Session): boolean => performance.now() - openedMs < CROSSING_MS;

export function createDoorkeeper(options: DoorkeeperOptions): ConnectionGater {
  const { id, bounds, reputation, isConfigured, onlyConfigured, find, onRefused } = options;
  const sockets = new Map<string, number>();
  const dials = new Map<string, TokenBucket>();
  /** Peers with which we are at a handshake that we began. */
  const greeting = new Map<PeerId, MultiaddrConnection>();

  function admitSocket(ip: string, connection: MultiaddrConnection): boolean {
    if (reputation.isBanned(ip)) return false;
    if (reachOf(ip) === "loopback" && !bounds.limitLoopback) return true;
    const open = sockets.get(ip) ?? 0;
    if (open >= bounds.socketsPerIpMax) return false;
    if (!allowanceOf(ip).take(1)) return false;
    sockets.set(ip, open + 1);
    connection.addEventListener("close", () => {
      const left = sockets.get(ip)! - 1;
      if (left === 0) sockets.delete(ip);
      else sockets.set(ip, left);
    });
    return true;
  }

  function allowanceOf(ip: string): TokenBucket {
    const allowance = dials.get(ip) ?? createTokenBucket(bounds.dialsPerIpPerSecond, bounds.dialsPerIpBurst);
    dials.delete(ip);
    dials.set(ip, allowance);
    if (dials.size > REMEMBERED_MAX) dials.delete(dials.keys().next().value!);
    return allowance;
  }

  function reasonAgainst(peer: PeerId): string | undefined {
    if (reputation.isBanned(peer)) return "is banned";
    if (isConfigured(peer)) return undefined;
    if (onlyConfigured) return "is not configured";
    return options.strangers() >= options.strangersMax ? "no place is left" : undefined;
  }

  /**
   * Of two connections that cross, both sides keep the one that the lower id began. A peer that comes again over an older
   * connection knows better than we that this one is lost.
   */
  function crosses(peer: PeerId): boolean {
    if (id > peer) return false;
    const other = find(peer);
    return greeting.has(peer) || (other?.connection.direction === "outbound" && isYoung(other));
  }

  function refuse(peer: PeerId, reason: string | undefined): boolean {
    if (reason !== undefined) onRefused(peer, reason);
    return reason !== undefined;
  }

  return {
    denyInboundConnection(connection) {
      const ip = ipOf(connection.remoteAddr);
      return ip === undefined || !admitSocket(ip, connection);
    },
    denyInboundEncryptedConnection(peerId) {
      const peer = peerId.toString();
      return refuse(peer, reasonAgainst(peer) ?? (crosses(peer) ? "our own dial goes on" : undefined));
    },
    denyOutboundConnection(peerId, connection) {
      const peer = peerId.toString();
      greeting.set(peer, connection);
      connection.addEventListener("close", () => {
        if (greeting.get(peer) === connection) greeting.delete(peer);
      });
      return false;
    },
    denyOutboundUpgradedConnection(peerId) {
      const peer = peerId.toString();
      greeting.delete(peer);
      const other = find(peer);
      const isLate = other !== undefined && (id > peer || !isYoung(other));
      return refuse(peer, reasonAgainst(peer) ?? (isLate ? "came to us meanwhile" : undefined));
    },
  };
}
