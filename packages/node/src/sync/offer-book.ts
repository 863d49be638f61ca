/** Which snapshots peers offer, and who of them is not believed any more. */
import type { PeerId } from "../p2p/network.ts";
import type { SnapshotInfo } from "./snapshot-messages.ts";

export interface Offer {
  /** `identifyOffer`. */
  readonly id: string;
  readonly info: SnapshotInfo;
  /** Who offers it now. */
  readonly peers: Set<PeerId>;
  /** Who ever did. */
  readonly offeredBy: Set<PeerId>;
  /** Times that nobody gave anything of it. */
  stalls: number;
}

export interface OfferBook {
  /** What a peer offers now, in place of what it offered before. */
  note(peer: PeerId, offers: readonly { readonly id: string; readonly info: SnapshotInfo }[]): void;
  /** The peer is gone. */
  drop(peer: PeerId): void;
  /** The peer lied: nothing it offers counts any more. */
  exclude(peer: PeerId): void;
  isExcluded(peer: PeerId): boolean;
  /** The offer is false, or of no use here. */
  reject(id: string): void;
  /** What is best tried now: what was begun, then the newest, then what most offer. */
  choose(begun: ReadonlySet<string>): Offer | undefined;
}

/** Metadata may be of 1 MiB each. */
const OFFERS_MAX = 48;
const STALLS_MAX = 3;

export function createOfferBook(heightMin: number, rejectedBefore: readonly string[]): OfferBook {
  const offers = new Map<string, Offer>();
  const excluded = new Set<PeerId>();
  const rejected = new Set(rejectedBefore);

  function drop(peer: PeerId): void {
    for (const { peers } of offers.values()) peers.delete(peer);
  }

  /** What nobody offers goes first, then the oldest. */
  function forgetSome(): void {
    const order = [...offers.values()].sort(
      (a, b) => Number(a.peers.size > 0) - Number(b.peers.size > 0) || a.info.height - b.info.height,
    );
    for (const { id } of order.slice(0, Math.max(0, order.length - OFFERS_MAX))) offers.delete(id);
  }

  return {
    note(peer, noted) {
      drop(peer);
      if (excluded.has(peer)) return;
      for (const { id, info } of noted) {
        if (rejected.has(id) || info.height < heightMin) continue;
        const offer = offers.get(id) ?? { id, info, peers: new Set(), offeredBy: new Set(), stalls: 0 };
        offer.peers.add(peer);
        offer.offeredBy.add(peer);
        offers.set(id, offer);
      }
      forgetSome();
    },
    drop,
    exclude(peer) {
      excluded.add(peer);
      drop(peer);
    },
    isExcluded: (peer) => excluded.has(peer),
    reject(id) {
      rejected.add(id);
      offers.delete(id);
    },
    choose(begun) {
      return [...offers.values()]
        .filter(({ peers, stalls }) => peers.size > 0 && stalls < STALLS_MAX)
        .sort(
          (a, b) =>
            a.stalls - b.stalls ||
            Number(begun.has(b.id)) - Number(begun.has(a.id)) ||
            b.info.height - a.info.height ||
            b.peers.size - a.peers.size,
        )[0];
    },
  };
}
