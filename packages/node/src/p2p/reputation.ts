/** Who misbehaved, and who is shut out for how long. Time is an input; memory is bounded. */
import type { PeerId } from "./network.ts";

export interface Reputation {
  /** 0 is unblemished; falls with every penalty and recovers by half a minute. */
  score(peer: PeerId): number;
  /** True where this one made it too many, and the peer is banned from now on. */
  penalise(peer: PeerId, reason: string, banMs: number): boolean;
  ban(key: string, banMs: number): void;
  /** Of a peer id or an IP address. */
  isBanned(key: string): boolean;
}

/** Ten small offences at once, less what they decay while they are committed. */
const BAN_BELOW = -95;
const HALF_LIFE_MS = 60_000;
const REMEMBERED_MAX = 1_000;

const ORDINARY = 10;
/** What is heavier than the layers above may say: found here, and no accident. */
const WEIGHTS: Readonly<Record<string, number>> = {
  "peer.malformed": 101,
  "peer.oversize": 101,
  "peer.excessive": 101,
  "peer.stalled": 50,
  "peer.rejected": 20,
  "peer.answer-too-large": 34,
};

export function createReputation(
  nowMs: () => number = () => performance.now(),
  onBan: () => void = () => {},
): Reputation {
  const scores = new Map<PeerId, { readonly score: number; readonly atMs: number }>();
  const bans = new Map<string, number>();

  function readScore(peer: PeerId): number {
    const entry = scores.get(peer);
    if (entry === undefined) return 0;
    const score = entry.score * 0.5 ** ((nowMs() - entry.atMs) / HALF_LIFE_MS);
    return score > -1 ? 0 : score;
  }

  function ban(key: string, banMs: number): void {
    onBan();
    remember(bans, key, Math.max(nowMs() + banMs, bans.get(key) ?? 0));
  }

  return {
    score: (peer) => Math.round(readScore(peer)) + 0,
    penalise(peer, reason, banMs) {
      const score = readScore(peer) - (Object.hasOwn(WEIGHTS, reason) ? WEIGHTS[reason]! : ORDINARY);
      if (score > BAN_BELOW) {
        remember(scores, peer, { score, atMs: nowMs() });
        return false;
      }
      // Half of the way back: the next offence after a ban weighs more than the first one did.
      remember(scores, peer, { score: BAN_BELOW / 2, atMs: nowMs() });
      ban(peer, banMs);
      return true;
    },
    ban,
    isBanned(key) {
      const untilMs = bans.get(key);
      if (untilMs === undefined) return false;
      if (untilMs > nowMs()) return true;
      bans.delete(key);
      return false;
    },
  };
}

function remember<T>(entries: Map<string, T>, key: string, value: T): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size > REMEMBERED_MAX) entries.delete(entries.keys().next().value!);
}
