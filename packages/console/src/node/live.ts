/** One live stream for the whole page: the newest blocks, statements and events, and whether the node answers. */
import type { EventSummary, StatementSummary, StreamMessage } from "@lhg/sdk/client/types";
import { useSyncExternalStore } from "react";
import { client, queryClient } from "./client.ts";

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
  /** Collections heard of since the page opened. */
  readonly collectionsHeard: number;
}

/** Two minutes at twenty blocks a second. */
const BLOCKS_KEPT = 2_400;
const ENTRIES_KEPT = 60;
/** A burst of blocks draws once. */
const NOTIFY_MS = 200;
const RETRY_MS = 3_000;

const NOTHING = { blocks: [], statements: [], events: [] };
let live: Live = { connection: "connecting", ...NOTHING, collectionsHeard: 0 };
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

/** What was asked while the node was away is asked again. */
function setConnection(connection: Live["connection"]): void {
  const wasLost = live.connection === "lost";
  change({ connection });
  if (wasLost && connection === "open") void queryClient.invalidateQueries();
}

function take({ type, data }: StreamMessage): void {
  if (type === "block") {
    // A development chain that began anew behind the same address.
    if (data.height <= (live.blocks.at(-1)?.height ?? 0)) change(NOTHING);
    const block = { ...data, heardMs: performance.now() };
    change({ blocks: [...live.blocks, block].slice(-BLOCKS_KEPT) });
  } else if (type === "statement") {
    const heard = data.kind === "collection" ? 1 : 0;
    change({
      statements: [...live.statements, data].slice(-ENTRIES_KEPT),
      collectionsHeard: live.collectionsHeard + heard,
    });
  } else if (type === "event") change({ events: [...live.events, data].slice(-ENTRIES_KEPT) });
}

async function follow(signal: AbortSignal): Promise<void> {
  for await (const message of client.stream({ signal, onState: setConnection })) take(message);
}

/** The client bridges breaks; a node that refuses is asked again, too, with a pause. */
async function keepFollowing(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await follow(signal).catch(() => setConnection("lost"));
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (stop === undefined) {
    stop = new AbortController();
    void keepFollowing(stop.signal);
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

/** Draws again only when the connection changes. */
export function useConnection(): Live["connection"] {
  return useSyncExternalStore(subscribe, () => live.connection);
}

/** The present state, for what draws by its own clock. */
export function readLive(): Live {
  return live;
}
