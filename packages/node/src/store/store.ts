/**
 * The key-value port of the node: ordered bytes, synchronous reads, one atomic durable batch per commit.
 * The ledger decides what is written; a store only keeps it. See README.md for the guarantees.
 */
import { assertInvariant } from "../../../protocol/src/core/errors.ts";

/** One change of a commit. An undefined value deletes the key; deleting an absent key is no error. */
export interface StoreWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface StoreEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys k with gte <= k < lt, by unsigned byte order; a missing bound is open. */
export interface KeyRange {
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly reverse?: boolean;
}

export interface ScanOptions extends KeyRange {
  /** 1 to MAX_SCAN_ENTRIES. */
  readonly limit: number;
}

/** One scan answers at most this many entries: an answer must fit in memory, whoever asks. */
const MAX_SCAN_ENTRIES = 10_000;

export interface Store {
  /** The committed value, or undefined. While a commit is in flight every read still sees the state before it. */
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * Applies all writes or none; of several writes to one key the last wins. Resolves after the batch is
   * fsynced. One commit at a time: a second one before the first has settled is a broken invariant.
   * Rejects with `store.io`, `store.corrupt` or, after any such failure, `store.failed`: what a failed
   * fsync left on disk is unknown, so the only way on is to close and reopen.
   */
  commit(writes: readonly StoreWrite[]): Promise<void>;
  /** Entries of the range in key order (descending with `reverse`), as one committed state shows them. */
  scan(options: ScanOptions): Promise<StoreEntry[]>;
  /** Like scan without a limit; the whole iteration sees the state committed when it began. */
  iterate(range: KeyRange): AsyncIterableIterator<StoreEntry>;
  /** Approximate bytes in use; what is still in the write buffer may be missing. */
  sizeBytes(): Promise<number>;
  /** Waits for a commit in flight. Every later call fails with `store.closed`. */
  close(): Promise<void>;
}

export function assertScanLimit(limit: number): void {
  assertInvariant(
    Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_SCAN_ENTRIES,
    `a scan limit is between 1 and ${MAX_SCAN_ENTRIES}, not ${limit}`,
  );
}
