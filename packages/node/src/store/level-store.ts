import { ClassicLevel } from "classic-level";
import { assertInvariant, LhgError } from "../../../protocol/src/core/errors.ts";
import {
  assertScanLimit,
  type KeyRange,
  type ScanOptions,
  type Store,
  type StoreEntry,
  type StoreWrite,
} from "./store.ts";

/** Sizes in bytes; README.md has what was measured. */
export interface LevelStoreOptions {
  readonly cacheBytes?: number;
  readonly writeBufferBytes?: number;
}

type Level = ClassicLevel<Uint8Array, Uint8Array>;

/** The state before a commit, kept until the commit and every iteration begun meanwhile have ended. */
interface Pinned {
  readonly snapshot: ReturnType<Level["snapshot"]>;
  users: number;
}

const MIB = 1024 * 1024;

/** Above every key in use: LevelDB's size estimate needs an upper end. */
const LAST_KEY = new Uint8Array(64).fill(0xff);

/**
 * Opens (or creates) the LevelDB in a directory and holds it exclusively until close. Throws `store.locked`
 * when it is open already, here or in another process, `store.corrupt` when LevelDB cannot read it, `store.io`
 * for every other refusal.
 */
export async function openLevelStore(directory: string, options: LevelStoreOptions = {}): Promise<Store> {
  const level: Level = new ClassicLevel(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    cacheSize: options.cacheBytes ?? 16 * MIB,
    writeBufferSize: options.writeBufferBytes ?? 4 * MIB,
    compression: false,
  });
  try {
    await level.open();
  } catch (error) {
    throw describeOpenError(error, directory);
  }
  return new LevelStore(level);
}

/** Guards: one commit at a time; reads see resolved commits only; nothing is written after a failed commit. */
class LevelStore implements Store {
  readonly #level: Level;
  /** LevelDB shows a batch some time before its promise resolves; reads in between look here. */
  #before: Pinned | undefined;
  #inFlight: Promise<void> | undefined;
  #failure: LhgError | undefined;
  #closed = false;

  constructor(level: Level) {
    this.#level = level;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#assertOpen();
    try {
      const value =
        this.#before === undefined
          ? this.#level.getSync(key)
          : this.#level.getSync(key, { snapshot: this.#before.snapshot });
      return value === undefined ? undefined : toPlainBytes(value);
    } catch (error) {
      throw describeError(error);
    }
  }

  commit(writes: readonly StoreWrite[]): Promise<void> {
    this.#assertOpen();
    if (this.#failure !== undefined)
      throw new LhgError("store.failed", `an earlier commit failed: ${this.#failure.message}`);
    assertInvariant(this.#inFlight === undefined, "one store commit at a time");
    this.#inFlight = this.#write(writes);
    return this.#inFlight;
  }

  async #write(writes: readonly StoreWrite[]): Promise<void> {
    const before = { snapshot: this.#level.snapshot(), users: 1 };
    this.#before = before;
    try {
      await this.#level.batch(writes.map(toOperation), { sync: true });
    } catch (error) {
      this.#failure = describeError(error);
      throw this.#failure;
    } finally {
      this.#before = undefined;
      this.#inFlight = undefined;
      await release(before);
    }
  }

  async scan(options: ScanOptions): Promise<StoreEntry[]> {
    assertScanLimit(options.limit);
    const entries: StoreEntry[] = [];
    for await (const entry of this.#read(options, options.limit)) entries.push(entry);
    return entries;
  }

  iterate(range: KeyRange): AsyncIterableIterator<StoreEntry> {
    return this.#read(range, -1);
  }

  #read(range: KeyRange, limit: number): AsyncIterableIterator<StoreEntry> {
    this.#assertOpen();
    const before = this.#before;
    if (before !== undefined) before.users += 1;
    const iterator = this.#level.iterator({
      ...toRangeOptions(range),
      limit,
      ...(before === undefined ? {} : { snapshot: before.snapshot }),
    });
    return readEntries(iterator, before);
  }

  sizeBytes(): Promise<number> {
    this.#assertOpen();
    return this.#level.approximateSize(new Uint8Array(0), LAST_KEY);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#inFlight?.catch(() => undefined); // whoever called commit has the error
    await this.#level.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new LhgError("store.closed", "the store is closed");
  }
}

interface LevelIterator extends AsyncIterable<[Uint8Array, Uint8Array]> {
  close(): Promise<void>;
}

async function* readEntries(
  iterator: LevelIterator,
  before: Pinned | undefined,
): AsyncGenerator<StoreEntry, void, undefined> {
  try {
    for await (const [key, value] of iterator) yield { key: toPlainBytes(key), value: toPlainBytes(value) };
  } catch (error) {
    throw describeError(error);
  } finally {
    await iterator.close();
    if (before !== undefined) await release(before);
  }
}

async function release(pinned: Pinned): Promise<void> {
  pinned.users -= 1;
  if (pinned.users === 0) await pinned.snapshot.close();
}

function toOperation(write: StoreWrite) {
  const { key, value } = write;
  return value === undefined ? ({ type: "del", key } as const) : ({ type: "put", key, value } as const);
}

function toRangeOptions(range: KeyRange): { gte?: Uint8Array; lt?: Uint8Array; reverse: boolean } {
  return {
    ...(range.gte === undefined ? {} : { gte: range.gte }),
    ...(range.lt === undefined ? {} : { lt: range.lt }),
    reverse: range.reverse ?? false,
  };
}

/** The binding returns Buffers, whose `slice` shares memory and which some encoders take for maps. */
function toPlainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface LevelError {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

function describeOpenError(error: unknown, directory: string): LhgError {
  const cause = ((error as LevelError).cause ?? error) as LevelError;
  if (cause.code === "LEVEL_LOCKED")
    return new LhgError("store.locked", `${directory} is in use by another LHG process`);
  return describeError(cause, directory);
}

function describeError(error: unknown, directory = ""): LhgError {
  const { code, message } = error as LevelError;
  const where = directory === "" ? "" : ` in ${directory}`;
  if (code === "LEVEL_CORRUPTION")
    return new LhgError("store.corrupt", `the database${where} is damaged: ${message}`);
  if (code === "LEVEL_ITERATOR_NOT_OPEN" || code === "LEVEL_DATABASE_NOT_OPEN")
    return new LhgError("store.closed", `the store${where} is closed`);
  return new LhgError("store.io", `the database${where} cannot be used: ${message}`);
}
