/** Writes the state of one version into an empty store, from nothing but its keys and values. */
import type { Hasher } from "../crypto.ts";
import { assertInvariant } from "../errors.ts";
import { PageCache } from "../merkle/page-cache.ts";
import { createTrie, EMPTY_ROOT, isEmptyRoot, type TrieRoot } from "../merkle/trie.ts";
import type { TriePair } from "../merkle/trie-node.ts";
import { extend } from "../merkle/trie-update.ts";
import {
  encodeRoot,
  encodeVersioned,
  ROOT_KEY,
  SPACE_LATEST,
  SPACE_PAGES,
  SPACE_ROOTS,
  spaceKey,
} from "./layout.ts";
import type { Partition } from "./partition.ts";
import type { KeyValueReader, KeyValueWrite } from "./versioned-state.ts";

const HASH_BYTES = 32;
const PAIR_BYTES = 2 * HASH_BYTES;
/** 64 MiB of pairs. A map of more is built in several passes over its pages. */
const PAIRS_MAX = 1 << 20;
/** Pairs of one update: its pages lie side by side, because pairs come in the order of their hashes. */
const BATCH_PAIRS = 8192;

/**
 * Builds one map after the other. Pairs gather in memory and go into the trie in the order of their hashes, so that each page is
 * written about once: in the order of keys every page of a large map would be written again and again.
 */
export class MapBuilder {
  private readonly hasher: Hasher;
  private readonly store: KeyValueReader;
  private readonly version: number;
  private readonly pairs: Uint8Array;
  /** First 32 bits of each key hash, then its place among the pairs: 52 bits, exact in a double. */
  private readonly order: Float64Array;
  private readonly pairsMax: number;
  private partition: Partition | undefined;
  private root: TrieRoot = EMPTY_ROOT;
  private count = 0;

  /** `store` must show what was committed of the writes given out before. */
  constructor(hasher: Hasher, store: KeyValueReader, version: number, pairsMax = PAIRS_MAX) {
    this.hasher = hasher;
    this.store = store;
    this.version = version;
    this.pairsMax = Math.min(pairsMax, PAIRS_MAX);
    this.pairs = new Uint8Array(this.pairsMax * PAIR_BYTES);
    this.order = new Float64Array(this.pairsMax);
  }

  start(partition: Partition): void {
    assertInvariant(this.count === 0, "a map is finished before the next");
    this.partition = partition;
    this.root = EMPTY_ROOT;
  }

  /** Takes up a pair, each key once, and returns what stores its value. `drain` before it is full. */
  add(key: Uint8Array, value: Uint8Array): KeyValueWrite {
    assertInvariant(this.partition !== undefined && !this.isFull, "a map has room for what is added");
    const { pairs, version } = this;
    const keyHash = this.hasher.sha256(key);
    const at = this.count * PAIR_BYTES;
    pairs.set(keyHash, at);
    pairs.set(this.hasher.sha256(value), at + HASH_BYTES);
    const prefix = ((keyHash[0]! << 24) | (keyHash[1]! << 16) | (keyHash[2]! << 8) | keyHash[3]!) >>> 0;
    this.order[this.count] = prefix * PAIRS_MAX + this.count;
    this.count++;
    return {
      key: spaceKey(SPACE_LATEST, this.partition.id, key),
      value: encodeVersioned({ version, previous: version, value }),
    };
  }

  get isFull(): boolean {
    return this.count === this.pairsMax;
  }

  /** Puts what was added into the trie. Each batch of writes must be committed before the next is asked for. */
  *drain(): Generator<readonly KeyValueWrite[]> {
    assertInvariant(this.partition !== undefined, "a map was started");
    const trie = createTrie({
      hasher: this.hasher,
      pages: { getPage: (key) => this.store.get(key) },
      prefix: spaceKey(SPACE_PAGES, this.partition.id),
      // Pages of this version are written over in place: none may be remembered.
      cache: new PageCache(0),
    });
    const sorted = this.order.subarray(0, this.count).sort();
    for (let from = 0; from < this.count; from += BATCH_PAIRS) {
      const batch: TriePair[] = [];
      for (const place of sorted.subarray(from, from + BATCH_PAIRS))
        batch.push(this.pairAt(place % PAIRS_MAX));
      const { root, writes } = extend(trie, this.root, this.version, batch);
      this.root = root;
      yield writes;
    }
    this.count = 0;
  }

  private pairAt(index: number): TriePair {
    const at = index * PAIR_BYTES;
    return {
      keyHash: this.pairs.subarray(at, at + HASH_BYTES),
      valueHash: this.pairs.subarray(at + HASH_BYTES, at + PAIR_BYTES),
    };
  }

  /** Ends the map once it is drained: its root, and what stores that. */
  finish(): { readonly root: Uint8Array; readonly writes: readonly KeyValueWrite[] } {
    assertInvariant(this.partition !== undefined && this.count === 0, "a map is drained before it ends");
    const { root, version } = this;
    const key = spaceKey(SPACE_ROOTS, this.partition.id, ROOT_KEY);
    const value = encodeVersioned({ version, previous: version, value: encodeRoot(root) });
    return { root: root.hash, writes: isEmptyRoot(root) ? [] : [{ key, value }] };
  }
}
