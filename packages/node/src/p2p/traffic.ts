/** What passes between this node and its peers, counted. */
import type { NetworkCounters, Topic, Verdict } from "./network.ts";

export interface Traffic {
  bytesIn: number;
  bytesOut: number;
  bans: number;
  readonly messages: Record<Topic, Record<Verdict, number>>;
}

export function createTraffic(): Traffic & NetworkCounters {
  const none = (): Record<Verdict, number> => ({ accept: 0, ignore: 0, reject: 0 });
  return { bytesIn: 0, bytesOut: 0, bans: 0, messages: { consensus: none(), statements: none() } };
}
