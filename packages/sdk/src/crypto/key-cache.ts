import { toHex } from "@lhg/protocol/core/bytes";

/**
 * What was derived from public keys lately, at most `capacity` entries, least recently used out first. Only
 * keys that passed their checks go in, so junk keys cannot push out the keys of honest devices.
 */
export class KeyCache<T> {
  readonly #entries = new Map<string, T>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Returns the entry of this key, deriving it at the first sight. `undefined` from `derive` is not kept. */
  getOrDerive(publicKey: Uint8Array, derive: (publicKey: Uint8Array) => T | undefined): T | undefined {
    const id = toHex(publicKey);
    const known = this.#entries.get(id);
    if (known !== undefined) {
      this.#entries.delete(id);
      this.#entries.set(id, known);
      return known;
    }
    const derived = derive(publicKey);
    if (derived !== undefined) this.#add(id, derived);
    return derived;
  }

  #add(id: string, value: T): void {
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(id, value);
  }

  get size(): number {
    return this.#entries.size;
  }
}
