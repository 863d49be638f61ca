/** A cache of immutable pages, least recently used out first, bounded in bytes and shared by many tries. */

interface Entry {
  readonly key: string;
  page: Uint8Array;
  newer: Entry;
  older: Entry;
}

/** Measured on V8: map slot, entry, key string and the typed array's own header. */
const ENTRY_OVERHEAD_BYTES = 400;

/** The bytes of its entries never exceed `maxBytes`. */
export class PageCache {
  readonly maxBytes: number;
  readonly #entries = new Map<string, Entry>();
  /** Both ends of the order of use: `older` is the newest entry, `newer` the oldest. */
  readonly #ring: Entry;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    const ring = { key: "", page: new Uint8Array(0) } as Entry;
    ring.newer = ring;
    ring.older = ring;
    this.#ring = ring;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries.get(textKey(key));
    if (entry === undefined) return undefined;
    unlink(entry);
    this.#linkNewest(entry);
    return entry.page;
  }

  put(key: Uint8Array, page: Uint8Array): void {
    const text = textKey(key);
    let entry = this.#entries.get(text);
    if (entry === undefined) {
      entry = { key: text, page, newer: this.#ring, older: this.#ring };
      this.#entries.set(text, entry);
    } else {
      this.#sizeBytes -= entrySize(entry);
      entry.page = page;
      unlink(entry);
    }
    this.#linkNewest(entry);
    this.#sizeBytes += entrySize(entry);
    while (this.#sizeBytes > this.maxBytes) this.#dropOldest();
  }

  #dropOldest(): void {
    const oldest = this.#ring.newer;
    unlink(oldest);
    this.#entries.delete(oldest.key);
    this.#sizeBytes -= entrySize(oldest);
  }

  #linkNewest(entry: Entry): void {
    const ring = this.#ring;
    entry.older = ring.older;
    entry.newer = ring;
    ring.older.newer = entry;
    ring.older = entry;
  }
}

function unlink(entry: Entry): void {
  entry.older.newer = entry.newer;
  entry.newer.older = entry.older;
}

function entrySize(entry: Entry): number {
  return entry.page.length + entry.key.length + ENTRY_OVERHEAD_BYTES;
}

function textKey(key: Uint8Array): string {
  return String.fromCharCode(...key);
}
