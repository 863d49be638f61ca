/** Fetches chunks of one snapshot from all that offer it, each checked by its hash at once. */
import { equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { Network, PeerId } from "../p2p/network.ts";
import type { Offer } from "./offer-book.ts";
import { CHUNK_BYTES_MAX, encodeChunkQuestion, QUESTION_CHUNK } from "./snapshot-messages.ts";
import { createTimers, type SyncClock } from "./sync-clock.ts";

export interface ChunkDownloadParts {
  readonly network: Pick<Network, "ask" | "penalise">;
  readonly clock: SyncClock;
  readonly offer: Offer;
  /** Indexes that are wanted. */
  readonly wanted: readonly number[];
  /** SHA-256 that the metadata names. */
  readonly chunkHash: (index: number) => Uint8Array;
  readonly write: (index: number, chunk: Uint8Array) => Promise<void>;
  /** The peer gave what is not the chunk. */
  readonly onLie: (peer: PeerId, reason: string) => void;
}

export interface ChunkDownload {
  /**
   * Resolves when all wanted chunks are written. Rejects with `sync.stalled` when nobody gave any for a while, `snapshot.size` when they are more than the offer
   * said, `sync.stopped`, and with whatever writing fails with. Nothing is written afterwards.
   */
  readonly done: Promise<void>;
  /** More peers may offer it now. */
  schedule(): void;
  stop(): void;
}

const IN_FLIGHT_PER_PEER = 2;
/** Chunks in memory: 64 MiB. */
const IN_FLIGHT_MAX = 16;
const ASKS_PER_CHUNK_MAX = 3;
const OVERDUE_MS = 5_000;
/** A chunk may be of 4 MiB, on a slow line. */
const TIMEOUT_MS = 45_000;
const STALL_MS = 60_000;
const RETRY_MS = 1_000;
/** In a row; then the peer does not serve what it offers. */
const FAILURES_MAX = 3;

interface ChunkAsk {
  readonly peer: PeerId;
  isOverdue: boolean;
}

interface Supplier {
  inFlight: number;
  failures: number;
  mutedUntilMs: number;
}

export function downloadChunks(parts: ChunkDownloadParts): ChunkDownload {
  const { network, clock, offer } = parts;
  const missing = new Set(parts.wanted);
  const asks = new Map<number, ChunkAsk[]>();
  const suppliers = new Map<PeerId, Supplier>();
  const timers = createTimers(clock);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let inFlight = 0;
  const writes = new Set<Promise<void>>();
  let receivedBytes = 0;
  let isOver = false;
  let cancelStall = (): void => undefined;

  function end(error?: unknown): void {
    if (isOver) return;
    isOver = true;
    timers.cancelAll();
    void Promise.allSettled(writes).then(() => (error === undefined ? resolve() : reject(error)));
  }

  function watch(): void {
    cancelStall();
    cancelStall = timers.after(STALL_MS, () =>
      end(new LhgError("sync.stalled", "nobody gives any of its chunks", "chunks")),
    );
  }

  function supplierOf(peer: PeerId): Supplier {
    const known = suppliers.get(peer) ?? { inFlight: 0, failures: 0, mutedUntilMs: 0 };
    suppliers.set(peer, known);
    return known;
  }

  /** The first chunk that nobody was asked for, else one that all let become overdue. */
  function pick(peer: PeerId): number | undefined {
    let late: number | undefined;
    for (const index of missing) {
      const asked = asks.get(index);
      if (asked === undefined) return index;
      const mayAsk =
        asked.length < ASKS_PER_CHUNK_MAX && asked.every((ask) => ask.isOverdue && ask.peer !== peer);
      if (mayAsk) late ??= index;
    }
    return late;
  }

  function schedule(): void {
    if (isOver) return;
    for (let hasBegun = true; hasBegun; ) {
      hasBegun = false;
      for (const peer of offer.peers) {
        const supplier = supplierOf(peer);
        const isFree = supplier.inFlight < IN_FLIGHT_PER_PEER && supplier.mutedUntilMs <= clock.nowMs();
        if (!isFree || supplier.failures >= FAILURES_MAX || inFlight >= IN_FLIGHT_MAX) continue;
        const index = pick(peer);
        if (index === undefined) continue;
        hasBegun = true;
        void runAsk(peer, supplier, index);
      }
    }
  }

  async function runAsk(peer: PeerId, supplier: Supplier, index: number): Promise<void> {
    const ask: ChunkAsk = { peer, isOverdue: false };
    asks.set(index, [...(asks.get(index) ?? []), ask]);
    supplier.inFlight += 1;
    inFlight += 1;
    const cancelOverdue = timers.after(OVERDUE_MS, () => {
      ask.isOverdue = true;
      schedule();
    });
    const { height, format } = offer.info;
    const limits = { timeoutMs: TIMEOUT_MS, answerBytesMax: CHUNK_BYTES_MAX };
    try {
      const body = encodeChunkQuestion({ height, format, index });
      await takeChunk(peer, supplier, index, await network.ask(peer, QUESTION_CHUNK, body, limits));
    } catch (error) {
      if (error instanceof LhgError) noteFailure(peer, supplier, error);
      else end(error);
    } finally {
      cancelOverdue();
      supplier.inFlight -= 1;
      inFlight -= 1;
      const left = asks.get(index)?.filter((each) => each !== ask) ?? [];
      if (left.length > 0) asks.set(index, left);
      else asks.delete(index);
    }
    if (missing.size > 0) schedule();
    else if (writes.size === 0) end();
  }

  async function takeChunk(
    peer: PeerId,
    supplier: Supplier,
    index: number,
    chunk: Uint8Array,
  ): Promise<void> {
    if (isOver || !missing.has(index)) return;
    if (!equalBytes(sodiumCrypto.sha256(chunk), parts.chunkHash(index))) {
      supplier.failures = FAILURES_MAX;
      parts.onLie(peer, "sync.bad-chunk");
      return;
    }
    supplier.failures = 0;
    receivedBytes += chunk.length;
    if (receivedBytes > offer.info.sizeBytes)
      return end(new LhgError("snapshot.size", `has more than ${offer.info.sizeBytes} bytes`, "sizeBytes"));
    missing.delete(index);
    watch();
    const write = parts.write(index, chunk);
    writes.add(write);
    await write.finally(() => writes.delete(write));
  }

  function noteFailure(peer: PeerId, supplier: Supplier, { code }: LhgError): void {
    if (isOver) return;
    if (code === "peer.gone") {
      offer.peers.delete(peer);
      return;
    }
    supplier.mutedUntilMs = clock.nowMs() + RETRY_MS;
    timers.after(RETRY_MS, schedule);
    if (code === "peer.busy") return;
    supplier.failures += 1;
    if (supplier.failures === FAILURES_MAX) network.penalise(peer, "sync.not-served");
  }

  watch();
  schedule();
  if (missing.size === 0) end();
  return {
    done: promise,
    schedule,
    stop: () => end(new LhgError("sync.stopped", "this node stops")),
  };
}
