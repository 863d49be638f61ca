/** What a device is told of what it sent, and the notices that come when a block holds it. */
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ChainUpdate, Refusal, StatementState, SubmitResult } from "../api/service.ts";

/** `id` is the statement's in hex, empty where what came is no statement. */
export type Reply =
  | SubmitResult
  | { readonly id: string; readonly state: "committed"; readonly height: number; readonly status: string }
  | { readonly id: string; readonly state: "provable"; readonly height: number };

export type Tell = (reply: Reply) => void;

export function refuse(code: string, message: string, field = ""): Reply & Refusal {
  return { id: "", state: "refused", code, field, message };
}

export interface OutcomeSource {
  statementState(id: string): Promise<StatementState>;
  /** Where blocks are announced with what they hold; else states are only asked for. */
  subscribe?(listener: (update: ChainUpdate) => void): () => void;
}

export interface OutcomeOptions {
  /** How long a statement may stay without news before its state is asked. */
  readonly askAfterMs: number;
  /** Statements asked about in one round. */
  readonly askMax: number;
  readonly onError: (error: unknown) => void;
}

export interface OutcomeTracker {
  /** Tells when the accepted statement is committed, then when it is provable, or that it was refused after all. */
  track(id: string, tell: Tell): void;
  stop(): void;
}

/** Beyond these the oldest are no longer told of; the API still answers for them. */
const TRACKED_MAX = 100_000;
/** Copies of one statement sent over several connections. */
const TELLS_MAX = 4;

interface Tracked {
  readonly id: string;
  readonly tells: Tell[];
  askAtMs: number;
  height: number | undefined;
}

export function createOutcomeTracker(source: OutcomeSource, options: OutcomeOptions): OutcomeTracker {
  /** By id; those longest without news first. */
  const tracked = new Map<string, Tracked>();
  const unproven = new Set<Tracked>();

  function tell(entry: Tracked, reply: Reply): void {
    for (const listener of entry.tells) listener(reply);
  }

  function forget(entry: Tracked): void {
    tracked.delete(entry.id);
    unproven.delete(entry);
  }

  function noteCommitted(entry: Tracked, height: number, status: string): void {
    if (entry.height !== undefined) return;
    entry.height = height;
    unproven.add(entry);
    tell(entry, { id: entry.id, state: "committed", height, status });
  }

  function noteProvable(entry: Tracked, height: number): void {
    forget(entry);
    tell(entry, { id: entry.id, state: "provable", height });
  }

  function onBlock({ height, provableHeight, executed }: ChainUpdate): void {
    if (tracked.size === 0) return;
    for (const { id, status } of executed) {
      const entry = tracked.get(toHex(id));
      if (entry !== undefined) noteCommitted(entry, height, status);
    }
    for (const entry of unproven)
      if (provableHeight !== undefined && entry.height! <= provableHeight) noteProvable(entry, entry.height!);
  }

  function noteState(entry: Tracked, state: StatementState): void {
    if (state.state === "pending") return;
    if (state.state === "committed" || state.state === "provable")
      noteCommitted(entry, state.height, state.status);
    if (state.state === "provable") noteProvable(entry, state.height);
    if (state.state === "unknown" || state.state === "refused") forget(entry);
    if (state.state === "refused") tell(entry, { id: entry.id, ...state });
  }

  /** What was on chain already when it was sent again stands in no block to come. */
  async function askOldest(): Promise<void> {
    const nowMs = performance.now();
    const due: Tracked[] = [];
    for (const entry of tracked.values()) {
      if (entry.askAtMs > nowMs || due.length === options.askMax) break;
      due.push(entry);
    }
    for (const entry of due) {
      entry.askAtMs = nowMs + options.askAfterMs;
      tracked.delete(entry.id);
      tracked.set(entry.id, entry);
    }
    await Promise.all(
      due.map(async (entry) => {
        const state = await source.statementState(entry.id);
        if (tracked.get(entry.id) === entry) noteState(entry, state);
      }),
    );
  }

  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    askOldest()
      .catch((error: unknown) => {
        // A node that is busy or away is asked again in the next round.
        if (!(error instanceof LhgError)) options.onError(error);
      })
      .finally(() => {
        isAsking = false;
      });
  }, options.askAfterMs / 2);
  timer.unref();
  const unsubscribe = source.subscribe?.(onBlock);

  return {
    track(id, listener) {
      const known = tracked.get(id);
      if (known !== undefined) {
        if (known.height === undefined && known.tells.length < TELLS_MAX) known.tells.push(listener);
        return;
      }
      const askAtMs = performance.now() + options.askAfterMs;
      tracked.set(id, { id, tells: [listener], askAtMs, height: undefined });
      if (tracked.size > TRACKED_MAX) forget(tracked.values().next().value!);
    },
    stop() {
      clearInterval(timer);
      unsubscribe?.();
      tracked.clear();
      unproven.clear();
    },
  };
}
