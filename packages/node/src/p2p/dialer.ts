/** Whom we call: configured peers again and again, others that were heard of until there are enough. */
import type { Multiaddr } from "@multiformats/multiaddr";
import type { PeerAddress } from "./addresses.ts";
import type { P2pBounds } from "./bounds.ts";
import type { PeerId } from "./network.ts";

export interface DialerOptions {
  readonly bounds: P2pBounds;
  readonly configured: readonly PeerAddress[];
  readonly dial: (addresses: Multiaddr[]) => Promise<unknown>;
  readonly isConnected: (peer: PeerId) => boolean;
  readonly isBanned: (peer: PeerId) => boolean;
  readonly connections: () => number;
  readonly onFailed: (peer: PeerId, error: Error) => void;
}

export interface Dialer {
  start(): void;
  /** A peer speaks our protocols. */
  noteReady(peer: PeerId): void;
  noteGone(peer: PeerId): void;
  /** A configured peer is not dialled before this. */
  postpone(peer: PeerId, ms: number): void;
  /** Somebody told of these. */
  offer(addresses: readonly PeerAddress[]): void;
  /** Dials what was offered, up to the target. */
  fill(): void;
  stop(): void;
}

interface Configured {
  readonly addresses: Multiaddr[];
  waitMs: number;
  notBeforeMs: number;
  isDialling: boolean;
  timer: NodeJS.Timeout | undefined;
}

const CANDIDATES_MAX = 256;
const ATTEMPTS_MAX = 3;

export function createDialer(options: DialerOptions): Dialer {
  const { bounds, dial, isConnected, isBanned, connections, onFailed } = options;
  const configured = new Map<PeerId, Configured>();
  const candidates = new Map<PeerId, { readonly address: Multiaddr; attempts: number }>();
  let dialling = 0;
  let isStopped = false;
  for (const { id, address } of options.configured) {
    const entry = configured.get(id);
    if (entry === undefined)
      configured.set(id, {
        addresses: [address],
        waitMs: bounds.redialMinMs,
        notBeforeMs: 0,
        isDialling: false,
        timer: undefined,
      });
    else entry.addresses.push(address);
  }

  function schedule(peer: PeerId, entry: Configured): void {
    clearTimeout(entry.timer);
    if (isStopped || entry.isDialling) return;
    // Not at the same moment as the peer that dials us after the same loss.
    const waitMs = Math.max(entry.waitMs * (0.5 + Math.random() / 2), entry.notBeforeMs - performance.now());
    entry.timer = setTimeout(() => void call(peer, entry), waitMs);
  }

  async function call(peer: PeerId, entry: Configured): Promise<void> {
    if (isStopped || entry.isDialling || isConnected(peer)) return;
    entry.waitMs = Math.min(2 * entry.waitMs, bounds.redialMaxMs);
    entry.isDialling = true;
    try {
      await dial(entry.addresses);
    } catch (error) {
      onFailed(peer, error as Error);
    }
    entry.isDialling = false;
    if (!isConnected(peer)) schedule(peer, entry);
  }

  async function tryCandidate(peer: PeerId): Promise<void> {
    const candidate = candidates.get(peer)!;
    candidates.delete(peer);
    dialling++;
    try {
      await dial([candidate.address]);
    } catch (error) {
      onFailed(peer, error as Error);
      candidate.attempts++;
      if (candidate.attempts < ATTEMPTS_MAX) candidates.set(peer, candidate);
    }
    dialling--;
  }

  return {
    start() {
      for (const [peer, entry] of configured) void call(peer, entry);
    },
    noteReady(peer) {
      candidates.delete(peer);
      const entry = configured.get(peer);
      if (entry === undefined) return;
      clearTimeout(entry.timer);
      entry.waitMs = bounds.redialMinMs;
    },
    noteGone(peer) {
      const entry = configured.get(peer);
      if (entry !== undefined) schedule(peer, entry);
    },
    postpone(peer, ms) {
      const entry = configured.get(peer);
      if (entry === undefined) return;
      entry.notBeforeMs = performance.now() + ms;
      schedule(peer, entry);
    },
    offer(addresses) {
      for (const { id, address } of addresses) {
        if (configured.has(id) || candidates.has(id) || isConnected(id) || isBanned(id)) continue;
        if (candidates.size < CANDIDATES_MAX) candidates.set(id, { address, attempts: 0 });
      }
    },
    fill() {
      for (const peer of [...candidates.keys()]) {
        if (isStopped || connections() + dialling >= bounds.peersTarget) return;
        if (isConnected(peer) || isBanned(peer)) candidates.delete(peer);
        else void tryCandidate(peer);
      }
    },
    stop() {
      isStopped = true;
      for (const { timer } of configured.values()) clearTimeout(timer);
      candidates.clear();
    },
  };
}
