/**
 * What each peer claims and how far its word has held. A claim is a reason to ask, never a reason to wait: a peer that does not
 * honour it is left alone for a while, and what it says then counts for nothing until it has honoured a claim.
 */
import type { PeerId } from "../p2p/network.ts";
import { ANSWER_BYTES_MAX } from "./block-messages.ts";

export interface SyncPeer {
  readonly id: PeerId;
  /** Heights it says it serves; undefined until it said so, and again once it broke its word. */
  claim: { readonly first: number; readonly last: number } | undefined;
  /** Claims it did not honour since it last honoured one. */
  strikes: number;
  /** Refused in a row. */
  refusals: number;
  mutedUntilMs: number;
  inFlight: number;
  isAskedForStatus: boolean;
  /** Let a range become overdue, and did not answer since. */
  isSlow: boolean;
  /** Of its last answer with blocks. */
  tookMs: number;
  /** What it is asked for at once: so much that it answers within a second or two, on any line. */
  askBytesMax: number;
}

export interface PeerBook {
  connect(id: PeerId): SyncPeer;
  disconnect(id: PeerId): void;
  get(id: PeerId): SyncPeer | undefined;
  all(): Iterable<SyncPeer>;
  /** Connected and not muted. */
  open(nowMs: number): SyncPeer[];
  /** The peer broke its word: its claim is forgotten, and it is asked nothing for a while, longer each time. */
  strike(id: PeerId, nowMs: number, muteMs?: number): void;
  /** The highest claim of those that say they serve `nextHeight`: of peers without strikes, or of any; undefined without one. */
  bestClaim(nextHeight: number, ofAny: boolean): number | undefined;
  /** Peers have later blocks, and none says that it has this one. */
  isPruned(nextHeight: number): boolean;
}

const MUTE_MS = 30_000;
const MUTE_MS_MAX = 10 * 60_000;
/** Peers that are gone and had strikes: they come back with them. */
const REMEMBERED_MAX = 1024;
const ASK_BYTES_FIRST = 1 << 20;
const ASK_BYTES_MIN = 256 << 10;
const QUICK_MS = 1_000;
const SLOW_MS = 2_000;

export function createPeerBook(): PeerBook {
  const peers = new Map<PeerId, SyncPeer>();
  const remembered = new Map<PeerId, Pick<SyncPeer, "strikes" | "mutedUntilMs">>();

  function remember(id: PeerId, kept: Pick<SyncPeer, "strikes" | "mutedUntilMs">): void {
    remembered.delete(id);
    remembered.set(id, kept);
    if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!);
  }

  return {
    connect(id) {
      const known = peers.get(id);
      if (known !== undefined) return known;
      const peer: SyncPeer = {
        id,
        claim: undefined,
        strikes: 0,
        refusals: 0,
        mutedUntilMs: 0,
        inFlight: 0,
        isAskedForStatus: false,
        isSlow: false,
        tookMs: 0,
        askBytesMax: ASK_BYTES_FIRST,
        ...remembered.get(id),
      };
      peers.set(id, peer);
      return peer;
    },
    disconnect(id) {
      const peer = peers.get(id);
      if (peer === undefined) return;
      peers.delete(id);
      remembered.delete(id);
      if (peer.strikes > 0) remember(id, { strikes: peer.strikes, mutedUntilMs: peer.mutedUntilMs });
    },
    get: (id) => peers.get(id),
    all: () => peers.values(),
    open: (nowMs) => [...peers.values()].filter(({ mutedUntilMs }) => mutedUntilMs <= nowMs),
    strike(id, nowMs, muteMs) {
      const peer = peers.get(id);
      const struck = peer ?? { strikes: 0, mutedUntilMs: 0, ...remembered.get(id) };
      struck.strikes += 1;
      const backoffMs = Math.min(MUTE_MS_MAX, MUTE_MS * 2 ** Math.min(10, struck.strikes - 1));
      struck.mutedUntilMs = Math.max(struck.mutedUntilMs, nowMs + (muteMs ?? backoffMs));
      if (peer === undefined) return remember(id, struck);
      peer.claim = undefined;
      peer.refusals = 0;
      peer.askBytesMax = Math.max(ASK_BYTES_MIN, peer.askBytesMax / 2);
    },
    bestClaim(nextHeight, ofAny) {
      let best: number | undefined;
      for (const { claim, strikes } of peers.values())
        if (claim !== undefined && (ofAny || strikes === 0) && claim.first <= nextHeight)
          best = Math.max(best ?? 0, claim.last);
      return best;
    },
    isPruned(nextHeight) {
      const claims = [...peers.values()]
        .flatMap(({ claim }) => claim ?? [])
        .filter(({ last }) => last >= nextHeight);
      return claims.length > 0 && claims.every(({ first }) => first > nextHeight);
    },
  };
}

/** Blocks came. */
export function noteAnswer(peer: SyncPeer, tookMs: number): void {
  peer.refusals = 0;
  peer.isSlow = false;
  peer.tookMs = tookMs;
  if (tookMs < QUICK_MS) peer.askBytesMax = Math.min(ANSWER_BYTES_MAX, peer.askBytesMax * 2);
  else if (tookMs > SLOW_MS) peer.askBytesMax = Math.max(ASK_BYTES_MIN, peer.askBytesMax / 2);
}
