import type { FastifyRequest } from "fastify";

/** Charges a request for more than itself. Throws `rate.limited`. */
export type ChargeRequest = (request: FastifyRequest, cost: number) => void;

/** Token buckets by address. Memory is bounded: the address longest unseen is forgotten first. */
export interface RateLimiter {
  /** Takes `cost` tokens of this address; otherwise returns the seconds after which they will be there. */
  take(address: string, cost: number, nowMs: number): number | undefined;
}

const ADDRESSES_MAX = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** `perSecond` 0 lets everything pass. Times come from a monotonic clock. */
export function createRateLimiter(perSecond: number, burst: number): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    take(address, cost, nowMs) {
      if (perSecond === 0) return undefined;
      const held = buckets.get(address) ?? { tokens: burst, atMs: nowMs };
      const tokens = Math.min(burst, held.tokens + ((nowMs - held.atMs) * perSecond) / 1000);
      const isCovered = tokens >= Math.min(cost, burst);
      buckets.delete(address);
      buckets.set(address, { tokens: isCovered ? tokens - cost : tokens, atMs: nowMs });
      if (buckets.size > ADDRESSES_MAX) buckets.delete(buckets.keys().next().value!);
      return isCovered ? undefined : Math.max(1, Math.ceil((cost - tokens) / perSecond));
    },
  };
}
