/**
 * Begins a chain from a snapshot of its peers. Of what they offer nothing is believed: a header that validators certified comes first, every chunk is checked by its hash,
 * and the state that comes of them against that header, behind `restore`.
 */
import { equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { sodiumCrypto } from "../crypto/sodium.ts";
import type { Network, PeerId } from "../p2p/network.ts";
import type { SyncLog } from "./block-sync.ts";
import { type ChunkDownload, downloadChunks } from "./chunk-download.ts";
import type { ChunkStore } from "./chunk-store.ts";
import { createOfferBook, type Offer, type OfferBook } from "./offer-book.ts";
import {
  decodeSnapshots,
  encodeProofQuestion,
  identifyOffer,
  PROOF_BYTES_MAX,
  QUESTION_PROOF,
  QUESTION_SNAPSHOTS,
  SNAPSHOTS_BYTES_MAX,
  type SnapshotInfo,
} from "./snapshot-messages.ts";
import { type SyncClock, systemClock } from "./sync-clock.ts";

export interface StateSyncParts<Verified> {
  readonly network: Network;
  /** Lower snapshots are no gain over the blocks; 1,000 by default. */
  readonly heightMin?: number;
  /** For how long to look for a snapshot before blocks have to do; 15 s by default, counted from the last one that was tried. */
  readonly patienceMs?: number;
  readonly chunks: ChunkStore;
  /**
   * Verifies the header that the snapshot is checked against, from genesis, and that the offer names it. Throws an `LhgError`; `trust.*` where
   * this node may not begin from it, though nobody lied.
   */
  readonly verifyOffer: (info: SnapshotInfo, proof: Uint8Array) => Promise<Verified>;
  /** SHA-256 of a chunk, as the metadata names it. It is asked for every chunk: what was decoded of the metadata best stands in `verified`. */
  readonly chunkHash: (info: SnapshotInfo, index: number, verified: Verified) => Uint8Array;
  /**
   * Restores the state into an empty store of its own, each time anew. What it throws of `snapshot.*`, `certificate.*`, `header.*`, `cbor.*` and `value.*` about the chunks
   * makes the snapshot a false one; any other error ends state sync.
   */
  readonly restore: (
    info: SnapshotInfo,
    verified: Verified,
    readChunk: (index: number) => Promise<Uint8Array>,
  ) => Promise<void>;
  readonly log: SyncLog;
}

export interface StateSync {
  /**
   * The snapshot that was restored; undefined when nobody offers one that holds, or when stopped: go on by blocks. Rejects for faults of this node, such as a
   * disk that does not write.
   */
  readonly done: Promise<SnapshotInfo | undefined>;
  /** Resolves when nothing is written any more. What was fetched stays, and is taken up by the next start. */
  stop(): Promise<void>;
}

const HEIGHT_MIN = 1_000;
const PATIENCE_MS = 15_000;
const ROUND_MS = 3_000;
const RETRY_MS = 1_000;
const LIST_TIMEOUT_MS = 10_000;
const PROOF_TIMEOUT_MS = 60_000;
/** Answers of some MB each at a time. */
const LISTS_AT_ONCE = 8;
/** A disk that loses a chunk again and again is broken. */
const READ_TRIES_MAX = 3;
/** What restoring finds wrong in chunks. The rest, such as `snapshot.io` or `snapshot.store`, is nobody's lie. */
const FALSE_STATE =
  /^(?:(?:certificate|header|cbor|value)\.|snapshot\.(?:app-hash|certificate|chunk|end|format|header|info|item|log|order|oversize|partition|size|validators)$)/;

type HashOf = (index: number) => Uint8Array;
type Outcome = "restored" | "failed";

/** Looks for a snapshot, fetches and restores it. */
export function startStateSync<Verified>(
  parts: StateSyncParts<Verified>,
  clock: SyncClock = systemClock,
): StateSync {
  const { network, chunks, log } = parts;
  const stopping = Promise.withResolvers<undefined>();
  const failing = Promise.withResolvers<never>();
  let isStopped = false;
  let download: ChunkDownload | undefined;
  let isListing = false;

  async function run(): Promise<SnapshotInfo | undefined> {
    const book = createOfferBook(parts.heightMin ?? HEIGHT_MIN, await chunks.listRejected());
    const endPeers = network.onPeer((peer, change) => {
      if (change === "disconnected") book.drop(peer);
    });
    let cancelRound = (): void => undefined;
    const keepListing = (): void => {
      cancelRound = clock.after(ROUND_MS, keepListing);
      listOffers(book).catch(failing.reject);
    };
    try {
      let triedAtMs = clock.nowMs();
      await listOffers(book);
      keepListing();
      while (!isStopped) {
        const offer = book.choose(new Set(await chunks.listOffers()));
        if (offer !== undefined) {
          if ((await tryOffer(book, offer)) === "restored") return offer.info;
          triedAtMs = clock.nowMs();
        } else if (clock.nowMs() - triedAtMs >= (parts.patienceMs ?? PATIENCE_MS)) return undefined;
        await pause(RETRY_MS);
      }
      return undefined;
    } finally {
      cancelRound();
      endPeers();
    }
  }

  function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(delayMs, resolve);
      void stopping.promise.then(() => {
        cancel();
        resolve();
      });
    });
  }

  function condemn(book: OfferBook, peer: PeerId, reason: string): void {
    log("warn", { peer, reason }, "a peer offers a snapshot that is not the chain's");
    network.penalise(peer, reason);
    book.exclude(peer);
  }

  /** Asks everybody; a question at a time a peer. */
  async function listOffers(book: OfferBook): Promise<void> {
    if (isListing) return;
    isListing = true;
    const waiting = network
      .peers()
      .map(({ id }) => id)
      .filter((id) => !book.isExcluded(id));
    const askNext = async (): Promise<void> => {
      for (let peer = waiting.shift(); peer !== undefined && !isStopped; peer = waiting.shift())
        await askOffers(book, peer);
    };
    await Promise.all(Array.from({ length: LISTS_AT_ONCE }, askNext));
    isListing = false;
    download?.schedule();
  }

  async function askOffers(book: OfferBook, peer: PeerId): Promise<void> {
    const limits = { timeoutMs: LIST_TIMEOUT_MS, answerBytesMax: SNAPSHOTS_BYTES_MAX };
    const answer = await ask(peer, QUESTION_SNAPSHOTS, new Uint8Array(0), limits);
    if (answer === undefined || isStopped) return;
    try {
      const offered = decodeSnapshots(answer);
      book.note(
        peer,
        offered.map((info) => ({ id: identifyOffer(sodiumCrypto, info), info })),
      );
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      condemn(book, peer, "sync.bad-snapshots");
    }
  }

  /** Undefined when the peer did not answer, which a question may. */
  async function ask(
    peer: PeerId,
    question: string,
    body: Uint8Array,
    limits: Parameters<Network["ask"]>[3],
  ): Promise<Uint8Array | undefined> {
    try {
      return await Promise.race([network.ask(peer, question, body, limits), stopping.promise]);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      log("debug", { peer, question, code: error.code }, "a peer did not answer");
      return undefined;
    }
  }

  async function tryOffer(book: OfferBook, offer: Offer): Promise<Outcome> {
    const { info } = offer;
    const verified = await verify(book, offer);
    if (verified === undefined || isStopped) return "failed";
    const roomBytes = await chunks.roomBytes();
    if (roomBytes < info.sizeBytes) {
      log(
        "warn",
        { height: info.height, sizeBytes: info.sizeBytes, roomBytes },
        "a snapshot does not fit the disk",
      );
      book.reject(offer.id);
      return "failed";
    }
    await chunks.begin(offer.id);
    const present = new Set(await chunks.listChunks(offer.id));
    const wanted = Array.from({ length: info.chunks }, (_, i) => i).filter((i) => !present.has(i));
    log("info", { height: info.height, chunks: info.chunks, wanted: wanted.length }, "fetching a snapshot");
    const hashOf: HashOf = (index) => parts.chunkHash(info, index, verified.value);
    /** What kept a chunk from being read, which says nothing about the snapshot. */
    let unread: { readonly error: unknown } | undefined;
    try {
      await fetchChunks(book, offer, hashOf, wanted);
      await parts.restore(info, verified.value, async (index) => {
        try {
          return await readChunk(book, offer, hashOf, index);
        } catch (error) {
          unread = { error };
          throw error;
        }
      });
    } catch (thrown) {
      const error = unread?.error ?? thrown;
      if (!(error instanceof LhgError)) throw error;
      if (error.code === "sync.stopped") return "failed";
      if (error.code === "sync.stalled") {
        offer.stalls += 1;
        return "failed";
      }
      if (!FALSE_STATE.test(error.code)) throw error;
      await rejectOffer(book, offer, error);
      return "failed";
    }
    await chunks.clear();
    log("info", { height: info.height }, "restored a snapshot");
    return "restored";
  }

  async function rejectOffer(book: OfferBook, offer: Offer, error: LhgError): Promise<void> {
    log(
      "warn",
      { height: offer.info.height, code: error.code, reason: error.message },
      "a snapshot was false",
    );
    book.reject(offer.id);
    for (const peer of offer.offeredBy) condemn(book, peer, "sync.bad-snapshot");
    await chunks.reject(offer.id);
    await chunks.clear();
  }

  /** Asks those who offer it one after the other for the way from genesis to its header, until one holds. */
  async function verify(book: OfferBook, offer: Offer): Promise<{ readonly value: Verified } | undefined> {
    for (const peer of [...offer.peers]) {
      const limits = { timeoutMs: PROOF_TIMEOUT_MS, answerBytesMax: PROOF_BYTES_MAX };
      const proof = await ask(peer, QUESTION_PROOF, encodeProofQuestion(offer.info.height), limits);
      if (isStopped) return undefined;
      if (proof === undefined) continue;
      try {
        return { value: await parts.verifyOffer(offer.info, proof) };
      } catch (error) {
        if (!(error instanceof LhgError)) throw error;
        const { height } = offer.info;
        log(
          "warn",
          { peer, height, code: error.code, reason: error.message },
          "a snapshot is not to be trusted",
        );
        if (!error.code.startsWith("trust.")) condemn(book, peer, "sync.bad-snapshot");
      }
    }
    offer.stalls += 1;
    return undefined;
  }

  async function fetchChunks(
    book: OfferBook,
    offer: Offer,
    hashOf: HashOf,
    wanted: readonly number[],
  ): Promise<void> {
    if (isStopped) throw new LhgError("sync.stopped", "this node stops");
    download = downloadChunks({
      network,
      clock,
      offer,
      wanted,
      chunkHash: hashOf,
      write: (index, chunk) => chunks.write(offer.id, index, chunk),
      onLie: (peer, reason) => condemn(book, peer, reason),
    });
    try {
      await download.done;
    } finally {
      download = undefined;
    }
  }

  /** A chunk of the disk, fetched again where the disk does not have it whole. */
  async function readChunk(
    book: OfferBook,
    offer: Offer,
    hashOf: HashOf,
    index: number,
  ): Promise<Uint8Array> {
    for (let tries = 0; tries < READ_TRIES_MAX; tries++) {
      const chunk = await chunks.read(offer.id, index);
      if (chunk !== undefined && equalBytes(sodiumCrypto.sha256(chunk), hashOf(index))) return chunk;
      await fetchChunks(book, offer, hashOf, [index]);
    }
    throw new LhgError("sync.disk", "does not keep what is written", `chunks[${index}]`);
  }

  const done = Promise.race([run(), failing.promise]);
  return {
    done,
    async stop() {
      isStopped = true;
      stopping.resolve(undefined);
      download?.stop();
      await Promise.allSettled([done]);
    },
  };
}
