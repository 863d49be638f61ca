/**
 * Updates of the state map. New pages are built first, with the hashes of their subtrees left open;
 * then all dirty nodes of the update are hashed level by level; then the open hashes are filled in.
 */
import { compareBytes } from "../bytes.ts";
import { assertInvariant } from "../errors.ts";
import type { PageWrite, Trie, TrieRoot } from "./trie.ts";
import { EMPTY_ROOT, isEmptyRoot, readPage } from "./trie.ts";
import type { NodeId } from "./trie-node.ts";
import { EMPTY_NODE, hashTrieLeaf, NodeBatch } from "./trie-node.ts";
import {
  addPairNodes,
  addSlotNode,
  childPath,
  clearSlot,
  comparePairKey,
  copyPairs,
  createInnerPage,
  createLeafPage,
  isLeafPage,
  joinSlots,
  MANY_PAIRS,
  MAX_PAIRS,
  MERGE_PAIRS,
  NIBBLE_BITS,
  nibbleAt,
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
  readonly batch: NodeBatch;
  readonly writes: PageWrite[];
  readonly stale: Uint8Array[];
  readonly openHashes: { readonly page: Uint8Array; readonly offset: number; readonly node: NodeId }[];
}

/** A page to be written, unless its parent takes over its pairs. */
interface Draft {
  /** A key hash below the page. */
  readonly path: Uint8Array;
  readonly page: Uint8Array;
  /** As in a slot: MANY_PAIRS for an inner page. */
  readonly pairs: number;
  /** The root of an inner page's subtree; a leaf page gets its nodes when its parent adopts it. */
  readonly node: NodeId;
}

type Rewritten = Draft | "unchanged" | "empty";

const NO_PAIRS = createLeafPage(0);

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
  const wasEmpty = isEmptyRoot(root);
  assertInvariant(
    Number.isSafeInteger(version) && version >= 0 && (wasEmpty || version > root.version),
    "a version of the state map is above the one it builds on",
  );
  const sorted = sortChanges(changes);
  const work: Update = {
    trie,
    version,
    changes: sorted,
    batch: new NodeBatch(Math.min(64 + 48 * sorted.length, 2 ** 19)),
    writes: [],
    stale: [],
    openHashes: [],
  };
  if (sorted.length === 0) return { root, writes: [], stale: [] };
  const rewritten = rewritePage(work, wasEmpty ? undefined : root.version, 0, 0, sorted.length);
  if (rewritten === "unchanged") return { root, writes: [], stale: [] };
  if (rewritten === "empty") return { root: EMPTY_ROOT, writes: [], stale: work.stale };

  const node = adopt(work, rewritten, 0);
  work.batch.hashAll(trie.hasher);
  for (const open of work.openHashes) work.batch.copyHash(open.node, open.page, open.offset);
  return { root: { hash: work.batch.getHash(node), version }, writes: work.writes, stale: work.stale };
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
  const run = mergeChanges(work, old, depth, from, to);
  if (run === undefined) return "unchanged";
  return pairCount(run) === 0 ? "empty" : draftPairs(work, run, 0, pairCount(run), depth);
}

/** The page's pairs after the changes, in the form of a leaf page of any length; undefined when nothing changes. */
function mergeChanges(
  work: Update,
  old: Uint8Array,
  depth: number,
  from: number,
  to: number,
): Uint8Array | undefined {
  const { hasher } = work.trie;
  const oldCount = pairCount(old);
  let run = createLeafPage(oldCount + to - from);
  let count = 0;
  let isChanged = false;
  let next = 0;
  for (let i = from; i < to; i++) {
    const { keyHash, valueHash } = work.changes[i]!;
    const start = next;
    let order = 1;
    while (next < oldCount) {
      order = comparePairKey(old, next, keyHash, depth);
      if (order >= 0) break;
      next++;
    }
    copyPairs(old, start, run, count, next - start);
    count += next - start;
    const isPresent = next < oldCount && order === 0;
    if (isPresent && valueHash !== undefined && hasValueHash(old, next, valueHash)) {
      copyPairs(old, next++, run, count++, 1);
      continue;
    }
    if (isPresent) next++;
    else if (valueHash === undefined) continue;
    isChanged = true;
    if (valueHash !== undefined)
      writePair(run, count++, keyHash, valueHash, hashTrieLeaf(hasher, keyHash, valueHash));
  }
  if (!isChanged) return undefined;
  copyPairs(old, next, run, count, oldCount - next);
  count += oldCount - next;
  if (count < pairCount(run)) run = new Uint8Array(run.subarray(0, pairAt(count)));
  return run;
}

function hasValueHash(page: Uint8Array, index: number, valueHash: Uint8Array): boolean {
  const at = pairAt(index) + 32;
  for (let i = 0; i < 32; i++) if (page[at + i] !== valueHash[i]) return false;
  return true;
}

/** The page over pairs [from, to) of a run, split into further pages as far as needed. */
function draftPairs(work: Update, run: Uint8Array, from: number, to: number, depth: number): Draft {
  const path = pairKeyHash(run, from);
  const pairs = to - from;
  if (pairs <= MAX_PAIRS) {
    let page = run;
    if (pairs < pairCount(run)) {
      page = createLeafPage(pairs);
      copyPairs(run, from, page, 0, pairs);
    }
    return { path, page, pairs, node: EMPTY_NODE };
  }
  const drafts: (Draft | undefined)[] = new Array(SLOT_COUNT);
  for (let start = from; start < to; ) {
    const slot = nibbleAt(run, depth, pairAt(start));
    let end = start + 1;
    while (end < to && nibbleAt(run, depth, pairAt(end)) === slot) end++;
    drafts[slot] = draftPairs(work, run, start, end, depth + NIBBLE_BITS);
    start = end;
  }
  return draftInnerPage(work, createInnerPage(), drafts, path, depth);
}

function rewriteInnerPage(work: Update, old: Uint8Array, depth: number, from: number, to: number): Rewritten {
  const page = new Uint8Array(old);
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
    if (child === "empty") {
      clearSlot(page, slot);
    } else {
      drafts[slot] = child;
      writeSlot(page, slot, work.version, child.pairs);
    }
  }
  if (!isChanged) return "unchanged";
  const pairs = sumPairs(page, 0, SLOT_COUNT);
  if (pairs === 0) return "empty";
  const path = work.changes[from]!.keyHash;
  if (pairs <= MERGE_PAIRS) return mergeChildren(work, page, drafts, path, depth, pairs);
  return draftInnerPage(work, page, drafts, path, depth);
}

/** One leaf page in place of an inner page whose children have become small. */
function mergeChildren(
  work: Update,
  page: Uint8Array,
  drafts: readonly (Draft | undefined)[],
  path: Uint8Array,
  depth: number,
  pairs: number,
): Draft {
  const merged = createLeafPage(pairs);
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
  return { path, page: merged, pairs, node: EMPTY_NODE };
}

/** An inner page: slots with a draft take it over, the others stand as they are in `page`. */
function draftInnerPage(
  work: Update,
  page: Uint8Array,
  drafts: readonly (Draft | undefined)[],
  path: Uint8Array,
  depth: number,
): Draft {
  const nodes: NodeId[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const draft = drafts[slot];
    if (draft === undefined) {
      nodes.push(addSlotNode(work.batch, page, slot));
      continue;
    }
    const node = adopt(work, draft, depth + NIBBLE_BITS);
    writeSlot(page, slot, work.version, draft.pairs);
    work.openHashes.push({ page, offset: slotAt(slot), node });
    nodes.push(node);
  }
  return { path, page, pairs: MANY_PAIRS, node: joinSlots(work.batch, nodes, 0, SLOT_COUNT, depth) };
}

/** The draft becomes a page at `depth`; returns the root of its subtree. */
function adopt(work: Update, draft: Draft, depth: number): NodeId {
  work.writes.push({ key: pageKey(work.trie.prefix, draft.path, depth, work.version), value: draft.page });
  if (draft.pairs === MANY_PAIRS) return draft.node;
  return addPairNodes(work.batch, draft.page, 0, draft.pairs, depth);
}
