import { compareBytes } from "../../../protocol/src/core/bytes.ts";
import { assertInvariant, LhgError } from "../../../protocol/src/core/errors.ts";
import {
  assertScanLimit,
  type KeyRange,
  type ScanOptions,
  type Store,
  type StoreEntry,
  type StoreWrite,
} from "./store.ts";

/** An immutable committed state: entries in key order. Commits copy it, so a reader keeps what it began with. */
type Version = readonly StoreEntry[];

/** When a commit may become durable; the crash double holds it back. */
type Persist = (next: Version) => Promise<void>;

/** A store in memory with the contract of the LevelDB one, durability aside. */
export function createMemoryStore(): Store {
  return new MemoryStore([], async () => undefined);
}

export interface CrashingStore {
  /** The store of the running life; after a crash ask again for the one of the next life. */
  readonly store: Store;
  /**
   * Ends this life: every call on its store fails with `store.closed` from now on, a commit in flight never
   * resolves and is found whole or not at all, by the seed.
   */
  crash(): void;
}

export interface CrashingStoreOptions {
  /** Commits resolve although the disk may lose them, as without fsync: a crash forgets the last ones. */
  readonly dropUnsynced?: boolean;
}

/** Of the resolved commits, `dropUnsynced` loses at most this many. */
const MAX_UNSYNCED_COMMITS = 4;

/**
 * A store that models power loss under a simulation, replayable by seed. Batches are never torn: LevelDB
 * recovers a batch whole or drops it.
 */
export function createCrashingStore(seed: number, options: CrashingStoreOptions = {}): CrashingStore {
  const random = createRandom(seed);
  let inFlight: Version | undefined;
  /** What a crash may leave behind, oldest first; the first is surely durable. */
  let versions: Version[] = [[]];
  let life = startLife();

  function startLife(): MemoryStore {
    const store = new MemoryStore(versions[0] as Version, async (next) => {
      const isOver = () => life !== store;
      if (isOver()) return new Promise(() => undefined); // the machine is off
      inFlight = next;
      const steps = random(3);
      for (let i = 0; i < steps; i++) await Promise.resolve();
      if (isOver()) return new Promise(() => undefined);
      inFlight = undefined;
      versions = options.dropUnsynced ? [...versions, next].slice(-MAX_UNSYNCED_COMMITS) : [next];
    });
    return store;
  }

  return {
    get store() {
      return life;
    },
    crash() {
      life.shutDown();
      const candidates: Version[] = inFlight === undefined ? versions : [...versions, inFlight];
      inFlight = undefined;
      versions = [candidates[random(candidates.length)] as Version];
      life = startLife();
    },
  };
}

class MemoryStore implements Store {
  #version: Version;
  readonly #persist: Persist;
  #inFlight: Promise<void> | undefined;
  #closed = false;

  constructor(version: Version, persist: Persist) {
    this.#version = version;
    this.#persist = persist;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#assertOpen();
    const index = findIndex(this.#version, key);
    const entry = this.#version[index];
    return entry !== undefined && compareBytes(entry.key, key) === 0 ? entry.value.slice() : undefined;
  }

  commit(writes: readonly StoreWrite[]): Promise<void> {
    this.#assertOpen();
    assertInvariant(this.#inFlight === undefined, "one store commit at a time");
    this.#inFlight = this.#write(applyWrites(this.#version, writes));
    return this.#inFlight;
  }

  async #write(next: Version): Promise<void> {
    await Promise.resolve();
    await this.#persist(next);
    this.#version = next;
    this.#inFlight = undefined;
  }

  async scan(options: ScanOptions): Promise<StoreEntry[]> {
    this.#assertOpen();
    assertScanLimit(options.limit);
    return selectRange(this.#version, options).slice(0, options.limit).map(copyEntry);
  }

  iterate(range: KeyRange): AsyncIterableIterator<StoreEntry> {
    this.#assertOpen();
    return readEntries(selectRange(this.#version, range));
  }

  async sizeBytes(): Promise<number> {
    this.#assertOpen();
    return this.#version.reduce((sum, entry) => sum + entry.key.length + entry.value.length, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#inFlight;
  }

  shutDown(): void {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw new LhgError("store.closed", "the store is closed");
  }
}

async function* readEntries(entries: Version): AsyncGenerator<StoreEntry, void, undefined> {
  for (const entry of entries) yield copyEntry(entry);
}

function copyEntry(entry: StoreEntry): StoreEntry {
  return { key: entry.key.slice(), value: entry.value.slice() };
}

/** One merge of two sorted lists: a commit costs one pass over the state, however many writes it has. */
function applyWrites(version: Version, writes: readonly StoreWrite[]): Version {
  const sorted = writes.map((write, order) => ({ write, order }));
  sorted.sort((a, b) => compareBytes(a.write.key, b.write.key) || a.order - b.order);
  const next: StoreEntry[] = [];
  let at = 0;
  for (let i = 0; i < sorted.length; i++) {
    const { key, value } = (sorted[i] as (typeof sorted)[number]).write;
    const following = sorted[i + 1]?.write.key;
    if (following !== undefined && compareBytes(following, key) === 0) continue; // the last write wins
    for (; at < version.length && compareBytes((version[at] as StoreEntry).key, key) < 0; at++)
      next.push(version[at] as StoreEntry);
    const replaced = version[at];
    if (replaced !== undefined && compareBytes(replaced.key, key) === 0) at += 1;
    if (value !== undefined) next.push({ key: key.slice(), value: value.slice() });
  }
  for (; at < version.length; at++) next.push(version[at] as StoreEntry);
  return next;
}

/** Index of the first entry whose key is not below `key`. */
function findIndex(version: Version, key: Uint8Array): number {
  let low = 0;
  let high = version.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes((version[middle] as StoreEntry).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function selectRange(version: Version, range: KeyRange): Version {
  const from = range.gte === undefined ? 0 : findIndex(version, range.gte);
  const to = range.lt === undefined ? version.length : findIndex(version, range.lt);
  const entries = version.slice(from, to);
  return range.reverse ? entries.reverse() : entries;
}

/** mulberry32; returns integers below `bound`. Simulation only: small, seedable, no security. */
export function createRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}
