/** What one connection, or all of one address, may send: two token buckets, of messages and of bytes. */

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Allowance {
  /** Takes what was sent, into debt if need be; returns the milliseconds until the debt is paid, 0 without. */
  spend(messages: number, bytes: number, nowMs: number): number;
}

/** Of what has to be within both. */
export function bothOf(first: Allowance, second: Allowance): Allowance {
  return {
    spend: (messages, bytes, nowMs) =>
      Math.max(first.spend(messages, bytes, nowMs), second.spend(messages, bytes, nowMs)),
  };
}

interface Bucket {
  readonly rate: Rate;
  tokens: number;
}

export function createAllowance(messages: Rate, bytes: Rate): Allowance {
  const buckets = [messages, bytes].map((rate): Bucket => ({ rate, tokens: rate.burst }));
  let atMs: number | undefined;
  return {
    spend(messagesSpent, bytesSpent, nowMs) {
      const passedMs = nowMs - (atMs ?? nowMs);
      atMs = nowMs;
      return Math.max(
        spendFrom(buckets[0]!, messagesSpent, passedMs),
        spendFrom(buckets[1]!, bytesSpent, passedMs),
      );
    },
  };
}

function spendFrom(bucket: Bucket, amount: number, passedMs: number): number {
  const { perSecond, burst } = bucket.rate;
  bucket.tokens = Math.min(burst, bucket.tokens + (passedMs * perSecond) / 1_000) - amount;
  return bucket.tokens >= 0 ? 0 : Math.ceil((-bucket.tokens / perSecond) * 1_000);
}
