/**
 * Updates of the state map. First the new pages are built with the hashes in their slots left open; then
 * their subtrees are hashed, leaf pages first and inner pages from the deepest up, many pages at a time.
 */
import { compareBytes } from "../bytes.ts";
import { assertInvariant } from "../errors.ts";
import type { PageWrite, Trie, TrieRoot } from "./trie.ts";
import { EMPTY_ROOT, isEmptyRoot, readPage } from "./trie.ts";
import type { NodeId, TriePair } from "./trie-node.ts";
import { hashTrieLeaf, NodeBatch } from "./trie-node.ts";
import {
  addPairNodes,
  addSlotNodes,
  childPath,
  clearSlot,
  comparePairKey,
  copyPairs,
  isLeafPage,
  MANY_PAIRS,
  MAX_PAIRS,
  MERGE_PAIRS,
  NIBBLE_BITS,
  NO_PAIRS,
  nibbleAt,
  PageAllocator,
  pageKey,
  pairAt,
  pairCount,
  pairKeyHash,
  SLOT_COUNT,
  slotAt,
  slotPairs,
  slotVersion,
  sumPairs,
  writePair,
  writeSlot,
} from "./trie-page.ts";

export interface TrieChange {
  readonly keyHash: Uint8Array;
  /** undefined deletes. */
  readonly valueHash: Uint8Array | undefined;
}

export interface TrieUpdate {
  readonly root: TrieRoot;
  readonly writes: PageWrite[];
  /** Keys of the pages this update replaced, to be deleted when no version before it is kept any more. */
  readonly stale: Uint8Array[];
}

interface Update {
  readonly trie: Trie;
  readonly version: number;
  readonly changes: readonly TrieChange[];
  readonly allocator: PageAllocator;
  readonly writes: PageWrite[];
  readonly stale: Uint8Array[];
  readonly leafPages: DirtyPage[];
  /** By depth in nibbles. */
  readonly innerPages: DirtyPage[][];
}

/** A new page, and where the hash of its subtree goes: a slot of the page above, or the root. */
interface DirtyPage {
  readonly page: Uint8Array;
  readonly depth: number;
  readonly target: Uint8Array;
  readonly offset: number;
}

/** A page to be written, unless the page above takes over its pairs. */
interface Draft {
  /** A key hash below the page. */
  readonly path: Uint8Array;
  readonly page: Uint8Array;
  /** As in a slot: MANY_PAIRS for an inner page. */
  readonly pairs: number;
}

type Rewritten = Draft | "unchanged" | "empty";

/** A change that does change something, and the index in the page of its key or of the next key above. */
interface Edit {
  readonly change: TrieChange;
  readonly index: number;
  readonly isPresent: boolean;
}

const MAX_BLOCK_BYTES = 64 * 1024;
/** Half a megabyte of hashes: stays in the processor's cache, and still gives each level some hundred nodes. */
const MAX_BATCH_NODES = 16 * 1024;

/**
 * The map after `changes` (of several changes of one key the last counts), as version `version`, which is
 * above the root's. Writes neither store nor cache, so an update may be thrown away and its version used again.
 * Changes that change nothing give the same root back and no writes.
 */
export function update(
  trie: Trie,
  root: TrieRoot,
  version: number,
  changes: Iterable<TrieChange>,
): TrieUpdate {
  assertInvariant(
    Number.isSafeInteger(version) && version >= 0 && (isEmptyRoot(root) || version > root.version),
    "a version of the state map is above the one it builds on",
  );
  return rewriteMap(trie, root, version, sortChanges(changes));
}

/**
 * Adds new keys to a map that is only being built: its version stays, pages are written over in place, and what the map was before is
 * gone. The trie's cache must hold none of its pages.
 */
export function extend(trie: Trie, root: TrieRoot, version: number, pairs: Iterable<TriePair>): TrieUpdate {
  assertInvariant(isEmptyRoot(root) || version === root.version, "a map is built in one version");
  return rewriteMap(trie, root, version, sortChanges(pairs));
}

function rewriteMap(trie: Trie, root: TrieRoot, version: number, sorted: readonly TrieChange[]): TrieUpdate {
  const wasEmpty = isEmptyRoot(root);
  const work: Update = {
    trie,
    version,
    changes: sorted,
    allocator: new PageAllocator(Math.min(sorted.length * 4096, MAX_BLOCK_BYTES)),
    writes: [],
    stale: [],
    leafPages: [],
    innerPages: [],
  };
  if (sorted.length === 0) return { root, writes: [], stale: [] };
  const rewritten = rewritePage(work, wasEmpty ? undefined : root.version, 0, 0, sorted.length);
  if (rewritten === "unchanged") return { root, writes: [], stale: [] };
  if (rewritten === "empty") return { root: EMPTY_ROOT, writes: [], stale: work.stale };

  const hash = new Uint8Array(32);
  adopt(work, rewritten, 0, hash, 0);
  hashPages(work);
  return { root: { hash, version }, writes: work.writes, stale: work.stale };
}

function sortChanges(changes: Iterable<TrieChange>): TrieChange[] {
  const sorted = [...changes].sort((a, b) => compareBytes(a.keyHash, b.keyHash));
  for (const { keyHash, valueHash } of sorted)
    assertInvariant(
      keyHash.length === 32 && (valueHash === undefined || valueHash.length === 32),
      "the state map holds 32-byte hashes",
    );
  return sorted.filter(
    (change, i) => i + 1 === sorted.length || compareBytes(change.keyHash, sorted[i + 1]!.keyHash) !== 0,
  );
}

/** Applies changes [from, to), which share the first `depth` bits, to the page there, if any. */
function rewritePage(
  work: Update,
  oldVersion: number | undefined,
  depth: number,
  from: number,
  to: number,
): Rewritten {
  if (oldVersion === undefined) return rewriteLeafPage(work, NO_PAIRS, depth, from, to);
  const key = pageKey(work.trie.prefix, work.changes[from]!.keyHash, depth, oldVersion);
  const old = readPage(work.trie, key);
  const rewritten = isLeafPage(old)
    ? rewriteLeafPage(work, old, depth, from, to)
    : rewriteInnerPage(work, old, depth, from, to);
  if (rewritten !== "unchanged") work.stale.push(key);
  return rewritten;
}

function rewriteLeafPage(work: Update, old: Uint8Array, depth: number, from: number, to: number): Rewritten {
  const edits = findEdits(work, old, depth, from, to);
  if (edits.length === 0) return "unchanged";
  let count = pairCount(old);
  for (const { change, isPresent } of edits)
    count += (change.valueHash === undefined ? 0 : 1) - (isPresent ? 1 : 0);
  if (count === 0) return "empty";
  const pairs = applyEdits(work, old, edits, count);
  return draftPairs(work, pairs, 0, count, work.changes[from]!.keyHash, depth);
}

function findEdits(work: Update, old: Uint8Array, depth: number, from: number, to: number): Edit[] {
  const oldCount = pairCount(old);
  const edits: Edit[] = [];
  let index = 0;
  for (let i = from; i < to; i++) {
    const change = work.changes[i]!;
    let order = 1;
    while (index < oldCount) {
      order = comparePairKey(old, index, change.keyHash, depth);
      if (order >= 0) break;
      index++;
    }
    const isPresent = index < oldCount && order === 0;
    if (isPresent ? !hasValueHash(old, index, change.valueHash) : change.valueHash !== undefined)
      edits.push({ change, index, isPresent });
  }
  return edits;
}

function hasValueHash(page: Uint8Array, index: number, valueHash: Uint8Array | undefined): boolean {
  if (valueHash === undefined) return false;
  const at = pairAt(index) + 32;
  for (let i = 0; i < 32; i++) if (page[at + i] !== valueHash[i]) return false;
  return true;
}

/** The page's pairs after the edits, in the form of a leaf page of any length. */
function applyEdits(work: Update, old: Uint8Array, edits: readonly Edit[], count: number): Uint8Array {
  const pairs = work.allocator.createLeaf(count);
  let from = 0;
  let to = 0;
  for (const { change, index, isPresent } of edits) {
    copyPairs(old, from, pairs, to, index - from);
    to += index - from;
    from = isPresent ? index + 1 : index;
    const { keyHash, valueHash } = change;
    if (valueHash !== undefined)
      writePair(pairs, to++, keyHash, valueHash, hashTrieLeaf(work.trie.hasher, keyHash, valueHash));
  }
  copyPairs(old, from, pairs, to, count - to);
  return pairs;
}

/** The page over pairs [from, to) of a run, split into further pages as far as needed. */
function draftPairs(
  work: Update,
  run: Uint8Array,
  from: number,
  to: number,
  path: Uint8Array,
  depth: number,
): Draft {
  const pairs = to - from;
  if (pairs <= MAX_PAIRS) {
    if (pairs === pairCount(run)) return { path, page: run, pairs };
    const page = work.allocator.createLeaf(pairs);
    copyPairs(run, from, page, 0, pairs);
    return { path, page, pairs };
  }
  const drafts: (Draft | undefined)[] = new Array(SLOT_COUNT);
  for (let start = from; start < to; ) {
    const slot = nibbleAt(run, depth, pairAt(start));
    let end = start + 1;
    while (end < to && nibbleAt(run, depth, pairAt(end)) === slot) end++;
    drafts[slot] = draftPairs(work, run, start, end, pairKeyHash(run, start), depth + NIBBLE_BITS);
    start = end;
  }
  return draftInnerPage(work, work.allocator.createInner(), drafts, path, depth);
}

function rewriteInnerPage(work: Update, old: Uint8Array, depth: number, from: number, to: number): Rewritten {
  const page = work.allocator.copy(old);
  const drafts: (Draft | undefined)[] = new Array(SLOT_COUNT);
  let isChanged = false;
  for (let start = from; start < to; ) {
    const slot = nibbleAt(work.changes[start]!.keyHash, depth);
    let end = start + 1;
    while (end < to && nibbleAt(work.changes[end]!.keyHash, depth) === slot) end++;
    const oldVersion = slotPairs(old, slot) === 0 ? undefined : slotVersion(old, slot);
    const child = rewritePage(work, oldVersion, depth + NIBBLE_BITS, start, end);
    start = end;
    if (child === "unchanged") continue;
    isChanged = true;
    clearSlot(page, slot);
    if (child === "empty") continue;
    writeSlot(page, slot, work.version, child.pairs);
    drafts[slot] = child;
  }
  if (!isChanged) return "unchanged";
  const pairs = sumPairs(page, 0, SLOT_COUNT);
  if (pairs === 0) return "empty";
  const path = work.changes[from]!.keyHash;
  if (pairs <= MERGE_PAIRS) return mergeChildren(work, page, drafts, path, depth);
  return draftInnerPage(work, page, drafts, path, depth);
}

/** One leaf page in place of an inner page whose children have become small. */
function mergeChildren(
  work: Update,
  page: Uint8Array,
  drafts: readonly (Draft | undefined)[],
  path: Uint8Array,
  depth: number,
): Draft {
  const pairs = sumPairs(page, 0, SLOT_COUNT);
  const merged = work.allocator.createLeaf(pairs);
  let count = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const childPairs = slotPairs(page, slot);
    if (childPairs === 0) continue;
    let child = drafts[slot]?.page;
    if (child === undefined) {
      const below = childPath(path, depth, slot);
      const key = pageKey(work.trie.prefix, below, depth + NIBBLE_BITS, slotVersion(page, slot));
      child = readPage(work.trie, key);
      work.stale.push(key);
    }
    copyPairs(child, 0, merged, count, childPairs);
    count += childPairs;
  }
  return { path, page: merged, pairs };
}

/** An inner page: its slots take over the drafts there are, the others stand in `page` as they are. */
function draftInnerPage(
  work: Update,
  page: Uint8Array,
  drafts: readonly (Draft | undefined)[],
  path: Uint8Array,
  depth: number,
): Draft {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const draft = drafts[slot];
    if (draft === undefined) continue;
    writeSlot(page, slot, work.version, draft.pairs);
    adopt(work, draft, depth + NIBBLE_BITS, page, slotAt(slot));
  }
  return { path, page, pairs: MANY_PAIRS };
}

/** The draft becomes a page at `depth`, whose hash goes to `offset` of `target`. */
function adopt(work: Update, draft: Draft, depth: number, target: Uint8Array, offset: number): void {
  const { page } = draft;
  work.writes.push({ key: pageKey(work.trie.prefix, draft.path, depth, work.version), value: page });
  let dirty = work.leafPages;
  if (draft.pairs === MANY_PAIRS) {
    const level = depth / NIBBLE_BITS;
    while (work.innerPages.length <= level) work.innerPages.push([]);
    dirty = work.innerPages[level]!;
  }
  dirty.push({ page, depth, target, offset });
}

function hashPages(work: Update): void {
  const batch = new NodeBatch();
  hashSubtrees(work.trie, batch, work.leafPages, ({ page, depth }) =>
    addPairNodes(batch, page, 0, pairCount(page), depth),
  );
  for (let level = work.innerPages.length - 1; level >= 0; level--)
    hashSubtrees(work.trie, batch, work.innerPages[level]!, ({ page, depth }) =>
      addSlotNodes(batch, page, 0, SLOT_COUNT, depth),
    );
}

function hashSubtrees(
  trie: Trie,
  batch: NodeBatch,
  dirty: readonly DirtyPage[],
  addNodes: (dirty: DirtyPage) => NodeId,
): void {
  const nodes: NodeId[] = [];
  let hashed = 0;
  for (const [i, dirtyPage] of dirty.entries()) {
    nodes.push(addNodes(dirtyPage));
    if (batch.size < MAX_BATCH_NODES && i + 1 < dirty.length) continue;
    batch.hashAll(trie.hasher);
    for (; hashed <= i; hashed++) {
      const { target, offset } = dirty[hashed]!;
      batch.copyHash(nodes[hashed]!, target, offset);
    }
    batch.clear();
  }
}
