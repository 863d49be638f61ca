/** What was answered lately, so that a datagram that comes twice is answered twice and acted on once (RFC 7252, section 4.5). */

export interface ExchangeLimits {
  readonly countMax: number;
  readonly answerBytesMax: number;
  /** EXCHANGE_LIFETIME of RFC 7252, section 4.8.2. */
  readonly lifetimeMs: number;
}

const DEFAULT_EXCHANGE_LIMITS: ExchangeLimits = {
  countMax: 16_384,
  answerBytesMax: 8 << 20,
  lifetimeMs: 247_000,
};

export interface Exchanges {
  /** The answer given to this message, `pending` while there is none, undefined where it was never seen or is forgotten. */
  find(key: string, nowMs: number): Uint8Array | "pending" | undefined;
  begin(key: string, nowMs: number): void;
  finish(key: string, answer: Uint8Array): void;
  readonly count: number;
}

interface Exchange {
  readonly atMs: number;
  answer: Uint8Array | undefined;
}

/** Forgets the oldest where there are too many: the ledger takes no statement twice, so that costs work and nothing else. */
export function createExchanges(limits: ExchangeLimits = DEFAULT_EXCHANGE_LIMITS): Exchanges {
  const exchanges = new Map<string, Exchange>();
  let answerBytes = 0;

  function forgetOldest(isDue: (oldest: Exchange) => boolean): void {
    for (const [key, exchange] of exchanges) {
      if (!isDue(exchange)) return;
      exchanges.delete(key);
      answerBytes -= exchange.answer?.length ?? 0;
    }
  }

  return {
    get count() {
      return exchanges.size;
    },
    find(key, nowMs) {
      forgetOldest(({ atMs }) => atMs + limits.lifetimeMs <= nowMs);
      const found = exchanges.get(key);
      return found === undefined ? undefined : (found.answer ?? "pending");
    },
    begin(key, nowMs) {
      exchanges.set(key, { atMs: nowMs, answer: undefined });
      forgetOldest(() => exchanges.size > limits.countMax);
    },
    finish(key, answer) {
      const exchange = exchanges.get(key);
      if (exchange === undefined) return;
      exchange.answer = answer;
      answerBytes += answer.length;
      forgetOldest(() => answerBytes > limits.answerBytesMax);
    },
  };
}
