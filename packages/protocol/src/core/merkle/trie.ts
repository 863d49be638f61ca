/**
 * The state map of a partition: an authenticated trie in copy-on-write pages, each stored under the version
 * that wrote it. A TrieRoot pins a whole version, so the versions whose pages are kept stay readable.
 */
import { equalBytes, ZERO32 } from "../bytes.ts";
import { assertInvariant } from "../errors.ts";
import type { PageCache } from "./page-cache.ts";
import type { NodeId, TrieHasher, TriePair } from "./trie-node.ts";
import { bitAt, EMPTY_NODE, NodeBatch } from "./trie-node.ts";
import {
  addPairNodes,
  addSlotNodes,
  checkPage,
  childPath,
  comparePairKey,
  findPair,
  isLeafPage,
  NIBBLE_BITS,
  nibbleAt,
  pageKey,
  pairCount,
  pairKeyHash,
  pairValueHash,
  SLOT_COUNT,
  slotPairs,
  slotVersion,
  splitPairs,
  sumPairs,
} from "./trie-page.ts";
import type { TrieProof } from "./trie-proof.ts";

/** Committed pages only: what it returns may be cached for every later reader. */
export interface PageStore {
  getPage(key: Uint8Array): Uint8Array | undefined;
}

export interface Trie {
  readonly hasher: TrieHasher;
  readonly pages: PageStore;
  /** Store key prefix of this trie; no trie's prefix begins another's. */
  readonly prefix: Uint8Array;
  /** May be shared by many tries of one store. */
  readonly cache: PageCache;
}

export interface TrieRoot {
  readonly hash: Uint8Array;
  /** The version whose update wrote the root page; 0 for the empty trie. */
  readonly version: number;
}

export interface PageWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export const EMPTY_ROOT: TrieRoot = { hash: ZERO32, version: 0 };

export function createTrie(parts: Trie): Trie {
  return { ...parts };
}

export function isEmptyRoot(root: TrieRoot): boolean {
  return equalBytes(root.hash, ZERO32);
}

/** Puts an update's pages into the cache, once they are committed. */
export function remember(trie: Trie, writes: Iterable<PageWrite>): void {
  for (const { key, value } of writes) trie.cache.put(key, value);
}

export function getValueHash(trie: Trie, root: TrieRoot, keyHash: Uint8Array): Uint8Array | undefined {
  if (isEmptyRoot(root)) return undefined;
  let version = root.version;
  for (let depth = 0; ; depth += NIBBLE_BITS) {
    const page = readPage(trie, pageKey(trie.prefix, keyHash, depth, version));
    if (isLeafPage(page)) {
      const index = findPair(page, keyHash);
      const isFound = index < pairCount(page) && comparePairKey(page, index, keyHash, depth) === 0;
      return isFound ? pairValueHash(page, index) : undefined;
    }
    const slot = nibbleAt(keyHash, depth);
    if (slotPairs(page, slot) === 0) return undefined;
    version = slotVersion(page, slot);
  }
}

/** All pairs from `fromKeyHash` on, in key order. Leaves the cache as it is. */
export function* iterate(
  trie: Trie,
  root: TrieRoot,
  fromKeyHash: Uint8Array = ZERO32,
): Generator<TriePair, void, undefined> {
  if (!isEmptyRoot(root)) yield* iteratePage(trie, ZERO32, 0, root.version, fromKeyHash);
}

function* iteratePage(
  trie: Trie,
  path: Uint8Array,
  depth: number,
  version: number,
  from: Uint8Array,
): Generator<TriePair, void, undefined> {
  const page = scanPage(trie, pageKey(trie.prefix, path, depth, version));
  if (isLeafPage(page)) {
    for (let index = findPair(page, from); index < pairCount(page); index++)
      yield { keyHash: pairKeyHash(page, index), valueHash: pairValueHash(page, index) };
    return;
  }
  const first = nibbleAt(from, depth);
  for (let slot = first; slot < SLOT_COUNT; slot++) {
    if (slotPairs(page, slot) === 0) continue;
    const childFrom = slot === first ? from : ZERO32;
    yield* iteratePage(
      trie,
      childPath(path, depth, slot),
      depth + NIBBLE_BITS,
      slotVersion(page, slot),
      childFrom,
    );
  }
}

/** The one valid proof that `keyHash` is present, or absent, under `root`. */
export function prove(trie: Trie, root: TrieRoot, keyHash: Uint8Array): TrieProof {
  const batch = new NodeBatch();
  const siblings: NodeId[] = [];
  const terminal = isEmptyRoot(root) ? undefined : descend(trie, root.version, keyHash, batch, siblings);
  batch.hashAll(trie.hasher);
  const bitmap = new Uint8Array((siblings.length + 7) >>> 3);
  const hashes: Uint8Array[] = [];
  for (const [depth, sibling] of siblings.entries()) {
    if (sibling === EMPTY_NODE) continue;
    bitmap[depth >>> 3]! |= 0x80 >>> (depth & 7);
    hashes.push(batch.getHash(sibling));
  }
  return { depth: siblings.length, bitmap, siblings: hashes, terminal };
}

/** Follows the key to the subtree of at most one pair, adding the sibling of every step, and returns that pair. */
function descend(
  trie: Trie,
  rootVersion: number,
  keyHash: Uint8Array,
  batch: NodeBatch,
  siblings: NodeId[],
): TriePair | undefined {
  let version = rootVersion;
  for (;;) {
    const pageDepth = siblings.length;
    const page = readPage(trie, pageKey(trie.prefix, keyHash, pageDepth, version));
    if (isLeafPage(page)) return descendPairs(page, keyHash, batch, siblings);

    const slots = descendSlots(page, keyHash, batch, siblings);
    const pairs = sumPairs(page, slots.from, slots.to);
    if (pairs === 0) return undefined;
    if (pairs > 1) {
      assertInvariant(slots.to - slots.from === 1, "an inner page is followed to one slot");
      version = slotVersion(page, slots.from);
      continue;
    }
    let slot = slots.from;
    while (slotPairs(page, slot) === 0) slot++;
    const path = childPath(keyHash, pageDepth, slot);
    const child = readPage(
      trie,
      pageKey(trie.prefix, path, pageDepth + NIBBLE_BITS, slotVersion(page, slot)),
    );
    return { keyHash: pairKeyHash(child, 0), valueHash: pairValueHash(child, 0) };
  }
}

function descendPairs(
  page: Uint8Array,
  keyHash: Uint8Array,
  batch: NodeBatch,
  siblings: NodeId[],
): TriePair | undefined {
  let from = 0;
  let to = pairCount(page);
  while (to - from > 1) {
    const depth = siblings.length;
    const split = splitPairs(page, from, to, depth);
    if (bitAt(keyHash, depth) === 0) {
      siblings.push(addPairNodes(batch, page, split, to, depth + 1));
      to = split;
    } else {
      siblings.push(addPairNodes(batch, page, from, split, depth + 1));
      from = split;
    }
  }
  return from === to ? undefined : { keyHash: pairKeyHash(page, from), valueHash: pairValueHash(page, from) };
}

/** Narrows an inner page down to one slot, or earlier to a range with at most one pair. */
function descendSlots(
  page: Uint8Array,
  keyHash: Uint8Array,
  batch: NodeBatch,
  siblings: NodeId[],
): { from: number; to: number } {
  let from = 0;
  let to = SLOT_COUNT;
  while (to - from > 1 && sumPairs(page, from, to) > 1) {
    const depth = siblings.length;
    const middle = (from + to) >>> 1;
    if (bitAt(keyHash, depth) === 0) {
      siblings.push(addSlotNodes(batch, page, middle, to, depth + 1));
      to = middle;
    } else {
      siblings.push(addSlotNodes(batch, page, from, middle, depth + 1));
      from = middle;
    }
  }
  return { from, to };
}

/** Callers ask only for versions that are kept; a page that is missing then is a broken store. */
export function readPage(trie: Trie, key: Uint8Array): Uint8Array {
  const cached = trie.cache.get(key);
  if (cached !== undefined) return cached;
  const page = readStoredPage(trie, key);
  trie.cache.put(key, page);
  return page;
}

function scanPage(trie: Trie, key: Uint8Array): Uint8Array {
  return trie.cache.get(key) ?? readStoredPage(trie, key);
}

function readStoredPage(trie: Trie, key: Uint8Array): Uint8Array {
  const page = trie.pages.getPage(key);
  assertInvariant(page !== undefined, "every page of a kept version of the state map is stored");
  checkPage(page);
  return page;
}
