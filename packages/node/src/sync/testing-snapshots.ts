/** Toy snapshots, peers that serve them as a test wants, and chunks kept in memory. */
import { concatBytes, encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { Network, PeerId } from "../p2p/network.ts";
import type { TestingHub } from "../p2p/testing.ts";
import type { ChunkStore } from "./chunk-store.ts";
import type { SnapshotInfo } from "./snapshot-messages.ts";
import { serveSnapshots } from "./snapshot-server.ts";
import { type StateSync, type StateSyncParts, startStateSync } from "./state-sync.ts";
import { type Behaviour, HONEST, type VirtualClock, withTimeouts } from "./testing.ts";

const FORMAT = 1;

export interface ToySnapshot {
  readonly info: SnapshotInfo;
  readonly chunks: readonly Uint8Array[];
  readonly proof: Uint8Array;
}

function certify(height: number, appHash: Uint8Array): Uint8Array {
  return sodiumCrypto.sha256(concatBytes(encodeUtf8(`toy header ${height} `), appHash));
}

/** The state at a height is the same for all; `seed` gives a false one with the true proof. */
export function makeToySnapshot(height: number, chunkCount: number, seed = 0): ToySnapshot {
  const chunksOf = (salt: number): Uint8Array[] =>
    Array.from({ length: chunkCount }, (_, i) => encodeUtf8(`chunk ${i} of ${height}, ${salt}`));
  const chunks = chunksOf(seed);
  const metadata = concatBytes(...chunks.map((chunk) => sodiumCrypto.sha256(chunk)));
  const appHash = sodiumCrypto.sha256(concatBytes(...chunksOf(0)));
  return {
    info: {
      height,
      format: FORMAT,
      chunks: chunkCount,
      hash: sodiumCrypto.sha256(metadata),
      metadata,
      sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    },
    chunks,
    proof: concatBytes(appHash, certify(height, appHash)),
  };
}

export interface MemoryChunkStore extends ChunkStore {
  readonly offers: Map<string, Map<number, Uint8Array>>;
}

export function createMemoryChunkStore(roomBytes = 1e9): MemoryChunkStore {
  const offers = new Map<string, Map<number, Uint8Array>>();
  const rejected: string[] = [];
  return {
    offers,
    listOffers: async () => [...offers.keys()],
    async begin(offer) {
      for (const other of [...offers.keys()]) if (other !== offer) offers.delete(other);
      if (!offers.has(offer)) offers.set(offer, new Map());
    },
    listChunks: async (offer) => [...(offers.get(offer)?.keys() ?? [])],
    write: async (offer, index, chunk) => void offers.get(offer)!.set(index, chunk),
    read: async (offer, index) => offers.get(offer)?.get(index),
    clear: async () => offers.clear(),
    roomBytes: async () => roomBytes,
    reject: async (offer) => void rejected.push(offer),
    listRejected: async () => rejected,
  };
}

/** A peer that serves these snapshots, bent by its behaviour. */
export function joinSnapshotPeer(
  hub: TestingHub,
  id: PeerId,
  snapshots: readonly ToySnapshot[],
  behave: Behaviour = HONEST,
): Network {
  const network = hub.join(id);
  const find = (height: number): ToySnapshot => {
    const found = snapshots.find(({ info }) => info.height === height);
    if (found === undefined) throw new LhgError("snapshot.not-found", `there is none of height ${height}`);
    return found;
  };
  serveSnapshots({
    network: {
      serve: (question, limits, handler) =>
        network.serve(question, limits, async (body, from) =>
          behave(question, body, () => handler(body, from)),
        ),
    },
    format: FORMAT,
    listSnapshots: async () => snapshots.map(({ info }) => info),
    readChunk: async (height, index) => {
      const chunk = find(height).chunks[index];
      if (chunk === undefined) throw new LhgError("snapshot.not-found", "there is no such chunk");
      return chunk;
    },
    proofFor: async (height) => find(height).proof,
  });
  return network;
}

export interface ToyStateSync {
  readonly sync: StateSync;
  readonly store: ChunkStore;
  /** What `done` came to, once it did. */
  readonly end: { readonly info?: SnapshotInfo | undefined; readonly error?: unknown } | undefined;
  /** Heights of the snapshots that restoring was tried with. */
  readonly restored: readonly number[];
}

/** A node that restores when the chunks together hash to what the proof says. */
export function startToyStateSync(
  network: Network,
  clock: VirtualClock,
  over: Partial<StateSyncParts<Uint8Array>> = {},
): ToyStateSync {
  const restored: number[] = [];
  const store = over.chunks ?? createMemoryChunkStore();
  const sync = startStateSync<Uint8Array>(
    {
      network: withTimeouts(network, clock),
      chunks: store,
      verifyOffer: async ({ height, chunks, metadata }, proof) => {
        const appHash = proof.slice(0, 32);
        if (!equalBytes(proof.slice(32), certify(height, appHash)))
          throw new LhgError("certificate.signatures", "is not signed by a quorum");
        if (metadata.length !== 32 * chunks) throw new LhgError("snapshot.info", "is no metadata");
        return appHash;
      },
      chunkHash: ({ metadata }, index) => metadata.subarray(32 * index, 32 * index + 32),
      restore: async ({ height, chunks }, appHash, readChunk) => {
        restored.push(height);
        const read: Uint8Array[] = [];
        for (let i = 0; i < chunks; i++) read.push(await readChunk(i));
        if (!equalBytes(sodiumCrypto.sha256(concatBytes(...read)), appHash))
          throw new LhgError("snapshot.app-hash", "is not the state of the header");
      },
      log: () => undefined,
      ...over,
    },
    clock,
  );
  let end: ToyStateSync["end"];
  sync.done.then(
    (info) => {
      end = { info };
    },
    (error: unknown) => {
      end = { error };
    },
  );
  return {
    sync,
    store,
    get end() {
      return end;
    },
    restored,
  };
}
