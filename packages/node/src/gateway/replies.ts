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
  /**
   * Tells when the accepted statement is committed, then when it is provable, or that it was refused after all; at once what is
   * known already. Of what one owner tracks twice it is told by the later `tell` alone.
   */
  track(id: string, owner: object, tell: Tell): void;
  /** The owner, a connection for instance, is told of nothing any more. */
  leave(owner: object): void;
  stop(): void;
}

/** Beyond these the oldest are no longer told of; the API still answers for them. */
const TRACKED_MAX = 100_000;
/** Owners of one statement, sent over several connections; beyond them the oldest is no longer told. */
const OWNERS_MAX = 4;

interface Tracked {
  readonly id: string;
  /** The newest last. */
  readonly tells: Map<object, Tell>;
  askAtMs: number;
  committed: { readonly height: number; readonly status: string } | undefined;
}

export function createOutcomeTracker(source: OutcomeSource, options: OutcomeOptions): OutcomeTracker {
  /** By id; those longest without news first. */
  const tracked = new Map<string, Tracked>();
  const unproven = new Set<Tracked>();
  const byOwner = new Map<object, Set<Tracked>>();

  function tell(entry: Tracked, reply: Reply): void {
    for (const listener of entry.tells.values()) listener(reply);
  }

  function forget(entry: Tracked): void {
    tracked.delete(entry.id);
    unproven.delete(entry);
    for (const owner of entry.tells.keys()) unlink(entry, owner);
  }

  function link(entry: Tracked, owner: object, listener: Tell): void {
    // Behind the others, also where it was among them.
    entry.tells.delete(owner);
    entry.tells.set(owner, listener);
    const owned = byOwner.get(owner) ?? new Set();
    byOwner.set(owner, owned.add(entry));
    if (entry.tells.size > OWNERS_MAX) unlink(entry, entry.tells.keys().next().value!);
  }

  function unlink(entry: Tracked, owner: object): void {
    entry.tells.delete(owner);
    const owned = byOwner.get(owner);
    owned?.delete(entry);
    if (owned?.size === 0) byOwner.delete(owner);
  }

  function noteCommitted(entry: Tracked, height: number, status: string): void {
    if (entry.committed !== undefined) return;
    entry.committed = { height, status };
    unproven.add(entry);
    tell(entry, { id: entry.id, state: "committed", height, status });
  }

  function noteProvable(entry: Tracked, height: number): void {
    tell(entry, { id: entry.id, state: "provable", height });
    forget(entry);
  }

  function onBlock({ height, provableHeight, executed }: ChainUpdate): void {
    if (tracked.size === 0) return;
    for (const { id, status } of executed) {
      const entry = tracked.get(toHex(id));
      if (entry !== undefined) noteCommitted(entry, height, status);
    }
    if (provableHeight === undefined) return;
    for (const entry of unproven)
      if (entry.committed !== undefined && entry.committed.height <= provableHeight)
        noteProvable(entry, entry.committed.height);
  }

  function noteState(entry: Tracked, state: StatementState): void {
    if (state.state === "pending") return;
    if (state.state === "committed" || state.state === "provable")
      noteCommitted(entry, state.height, state.status);
    if (state.state === "provable") noteProvable(entry, state.height);
    if (state.state === "refused") tell(entry, { id: entry.id, ...state });
    if (state.state === "unknown" || state.state === "refused") forget(entry);
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
    track(id, owner, listener) {
      const known = tracked.get(id);
      if (known !== undefined) {
        link(known, owner, listener);
        if (known.committed !== undefined) listener({ id, state: "committed", ...known.committed });
        return;
      }
      const askAtMs = performance.now() + options.askAfterMs;
      const entry: Tracked = { id, tells: new Map(), askAtMs, committed: undefined };
      tracked.set(id, entry);
      link(entry, owner, listener);
      if (tracked.size > TRACKED_MAX) forget(tracked.values().next().value!);
    },
    leave(owner) {
      for (const entry of byOwner.get(owner) ?? []) {
        unlink(entry, owner);
        if (entry.tells.size === 0) forget(entry);
      }
    },
    stop() {
      clearInterval(timer);
      unsubscribe?.();
      tracked.clear();
      unproven.clear();
      byOwner.clear();
    },
  };
}
