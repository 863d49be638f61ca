/** One live stream for the whole page: the newest blocks, statements and events, and whether the node answers. */
import type { EventSummary, StatementSummary, StreamMessage } from "@lhg/sdk/client/types";
import { useSyncExternalStore } from "react";
import { client } from "./client.ts";

export type LiveBlock = Extract<StreamMessage, { type: "block" }>["data"] & {
  /** `performance.now()` when this page heard of it. */
  readonly heardMs: number;
};

export interface Live {
  readonly connection: "connecting" | "open" | "lost";
  /** Oldest first, like the rest. */
  readonly blocks: readonly LiveBlock[];
  readonly statements: readonly StatementSummary[];
  readonly events: readonly EventSummary[];
}

const BLOCKS_KEPT = 600;
const ENTRIES_KEPT = 60;
/** A burst of blocks draws once. */
const NOTIFY_MS = 200;

let live: Live = { connection: "connecting", blocks: [], statements: [], events: [] };
const listeners = new Set<() => void>();
let stop: AbortController | undefined;
let isNotifying = false;

function notify(): void {
  if (isNotifying) return;
  isNotifying = true;
  setTimeout(() => {
    isNotifying = false;
    for (const listener of listeners) listener();
  }, NOTIFY_MS);
}

function change(next: Partial<Live>): void {
  live = { ...live, ...next };
  notify();
}

function take({ type, data }: StreamMessage): void {
  if (type === "block") {
    const block = { ...data, heardMs: performance.now() };
    change({ connection: "open", blocks: [...live.blocks, block].slice(-BLOCKS_KEPT) });
  } else if (type === "statement") change({ statements: [...live.statements, data].slice(-ENTRIES_KEPT) });
  else if (type === "event") change({ events: [...live.events, data].slice(-ENTRIES_KEPT) });
}

async function follow(signal: AbortSignal): Promise<void> {
  for await (const message of client.stream({ signal, onState: (state) => change({ connection: state }) }))
    take(message);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (stop === undefined) {
    stop = new AbortController();
    follow(stop.signal).catch(() => change({ connection: "lost" }));
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    stop?.abort();
    stop = undefined;
  };
}

export function useLive(): Live {
  return useSyncExternalStore(subscribe, () => live);
}
