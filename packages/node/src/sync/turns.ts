import { LhgError } from "@lhg/protocol/core/errors";
import type { PeerId } from "../p2p/network.ts";

/** Answers that are made at a time, of all peers: each may hold some MB. */
const RUNNING_MAX = 4;
/** Running and waiting, of one peer: an honest one has two, and two that it gave up on. */
const PER_PEER_MAX = 4;

export interface Turns {
  /** Runs the task when it is its turn, in the order of arrival. Throws `sync.busy` where the peer has too many. */
  take<T>(peer: PeerId, task: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  const perPeer = new Map<PeerId, number>();
  let running = 0;

  function release(peer: PeerId): void {
    const left = perPeer.get(peer)! - 1;
    if (left === 0) perPeer.delete(peer);
    else perPeer.set(peer, left);
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    async take(peer, task) {
      const count = perPeer.get(peer) ?? 0;
      if (count >= PER_PEER_MAX) throw new LhgError("sync.busy", "has too many questions open", "peer");
      perPeer.set(peer, count + 1);
      try {
        if (running < RUNNING_MAX) running += 1;
        else await new Promise<void>((resolve) => waiting.push(resolve));
        return await task();
      } finally {
        release(peer);
      }
    },
  };
}
