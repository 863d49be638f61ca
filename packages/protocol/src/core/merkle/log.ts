/**
 * Append-only logs: the Merkle trees of RFC 9162, section 2.1. A stored log is its size plus the hashes of
 * its complete subtrees; these never change, so every earlier root and proof stays derivable.
 */
import { equalBytes } from "../bytes.ts";
import type { Hasher } from "../crypto.ts";
import { assertInvariant, LhgError } from "../errors.ts";

export type LogHasher = Pick<Hasher, "sha256">;

/** The complete subtrees of a log: node(level, index) covers leaves [index * 2^level, (index + 1) * 2^level). */
export interface LogNodes {
  getNode(level: number, index: number): Uint8Array | undefined;
}

export interface InclusionProof {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly size: number;
  /** From the leaf's sibling up. */
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export interface ConsistencyProof {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Uint8Array;
  readonly root2: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** A tree of 2^53 - 1 leaves is 53 levels high; a consistency path has one hash more. */
const MAX_PATH_LENGTH = 54;

export function hashLeaf(hasher: LogHasher, leafBytes: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + leafBytes.length);
  input.set(leafBytes, 1);
  return hasher.sha256(input);
}

export function hashNode(hasher: LogHasher, left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(65);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 33);
  return hasher.sha256(input);
}

export function emptyLogRoot(hasher: LogHasher): Uint8Array {
  return hasher.sha256(new Uint8Array(0));
}

/** All complete subtrees over leaf hashes held in memory, in linear time: for a block's transactions or a capture's slices. */
export function logNodesOf(hasher: LogHasher, leafHashes: readonly Uint8Array[]): LogNodes {
  const levels: (readonly Uint8Array[])[] = [leafHashes];
  for (let below = leafHashes; below.length > 1; ) {
    const level: Uint8Array[] = [];
    for (let i = 0; i + 1 < below.length; i += 2) level.push(hashNode(hasher, below[i]!, below[i + 1]!));
    levels.push(level);
    below = level;
  }
  return { getNode: (level, index) => levels[level]?.[index] };
}

export function logRoot(hasher: LogHasher, leafHashes: readonly Uint8Array[]): Uint8Array {
  return rootAtSize(hasher, logNodesOf(hasher, leafHashes), leafHashes.length);
}

/** One path, in linear time. For many paths of one tree call `logNodesOf` once and `inclusionPath` for each. */
export function inclusionPathOf(
  hasher: LogHasher,
  leafHashes: readonly Uint8Array[],
  index: number,
): Uint8Array[] {
  return inclusionPath(hasher, logNodesOf(hasher, leafHashes), index, leafHashes.length);
}

/**
 * Appends one leaf: passes every subtree it completes to `put` and returns the new size. Reads one node
 * per completed subtree. `nodes` must show what earlier calls have `put`.
 */
export function appendLeaf(
  hasher: LogHasher,
  nodes: LogNodes,
  size: number,
  leafHash: Uint8Array,
  put: (level: number, index: number, hash: Uint8Array) => void,
): number {
  assertInvariant(isSize(size) && size < Number.MAX_SAFE_INTEGER, "log size is a safe integer");
  let hash = leafHash;
  let index = size;
  put(0, index, hash);
  for (let level = 0; index % 2 === 1; level++) {
    hash = hashNode(hasher, requireNode(nodes, level, index - 1), hash);
    index = halve(index);
    put(level + 1, index, hash);
  }
  return size + 1;
}

/** The root when the log had `size` leaves. Throws `log.size-invalid`. */
export function rootAtSize(hasher: LogHasher, nodes: LogNodes, size: number): Uint8Array {
  requireSize(size, "size");
  return size === 0 ? emptyLogRoot(hasher) : rangeRoot(hasher, nodes, 0, size);
}

/** PATH(index, D[size]) of RFC 9162, 2.1.3.1, leaf first. Throws `log.size-invalid`, `log.index-invalid`. */
export function inclusionPath(hasher: LogHasher, nodes: LogNodes, index: number, size: number): Uint8Array[] {
  requireSize(size, "size");
  if (!isSize(index) || index >= size)
    throw new LhgError("log.index-invalid", "must be an integer below the size", "index");
  const path: Uint8Array[] = [];
  let start = 0;
  let count = size;
  while (count > 1) {
    const split = largestPowerBelow(count);
    if (index < start + split) {
      path.push(rangeRoot(hasher, nodes, start + split, count - split));
      count = split;
    } else {
      path.push(rangeRoot(hasher, nodes, start, split));
      start += split;
      count -= split;
    }
  }
  return path.reverse();
}

/**
 * PROOF(size1, D[size2]) of RFC 9162, 2.1.4.1; empty for equal sizes. Throws `log.size-invalid` also for
 * size1 = 0, from which nothing can be proven.
 */
export function consistencyPath(
  hasher: LogHasher,
  nodes: LogNodes,
  size1: number,
  size2: number,
): Uint8Array[] {
  requireSize(size2, "size2");
  if (!isSize(size1) || size1 === 0 || size1 > size2)
    throw new LhgError("log.size-invalid", "must be an integer from 1 to size2", "size1");
  const path: Uint8Array[] = [];
  let start = 0;
  let count = size2;
  while (start + count !== size1) {
    const split = largestPowerBelow(count);
    if (size1 <= start + split) {
      path.push(rangeRoot(hasher, nodes, start + split, count - split));
      count = split;
    } else {
      path.push(rangeRoot(hasher, nodes, start, split));
      start += split;
      count -= split;
    }
  }
  // The verifier knows this subtree already when it is the whole of the old tree.
  if (start > 0) path.push(rangeRoot(hasher, nodes, start, count));
  return path.reverse();
}

/** RFC 9162, 2.1.3.2. Total: false for whatever is not exactly the proof. */
export function verifyInclusion(hasher: LogHasher, proof: InclusionProof): boolean {
  const { leafHash, index, size, path, root } = proof;
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (!isHash(leafHash) || !isPath(path)) return false;
  let position = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of path) {
    if (last === 0 || !isHash(sibling)) return false;
    if (position % 2 === 1 || position === last) {
      hash = hashNode(hasher, sibling, hash);
      // A last node without a right sibling rises unhashed to the level where it is a right child.
      while (position % 2 === 0 && position !== 0) {
        position = halve(position);
        last = halve(last);
      }
    } else {
      hash = hashNode(hasher, hash, sibling);
    }
    position = halve(position);
    last = halve(last);
  }
  return last === 0 && isBytes(root) && equalBytes(hash, root);
}

/** RFC 9162, 2.1.4.2. Total; size1 = 0 is refused, because every tree extends the empty one. */
export function verifyConsistency(hasher: LogHasher, proof: ConsistencyProof): boolean {
  const { size1, size2, root1, root2, path } = proof;
  if (!isSize(size1) || !isSize(size2) || size1 === 0 || size1 > size2) return false;
  if (!isBytes(root1) || !isBytes(root2) || !isPath(path)) return false;
  if (size1 === size2) return path.length === 0 && equalBytes(root1, root2);
  if (path.length === 0) return false;

  let position = size1 - 1;
  let last = size2 - 1;
  while (position % 2 === 1) {
    position = halve(position);
    last = halve(last);
  }
  // position = 0 now means that size1 is a power of two: the old root itself is the first node.
  const isWhole = position === 0;
  const first = isWhole ? root1 : path[0];
  if (!isHash(first)) return false;
  let hash1 = first;
  let hash2 = first;
  for (let i = isWhole ? 0 : 1; i < path.length; i++) {
    const sibling = path[i];
    if (last === 0 || !isHash(sibling)) return false;
    if (position % 2 === 1 || position === last) {
      hash1 = hashNode(hasher, sibling, hash1);
      hash2 = hashNode(hasher, sibling, hash2);
      while (position % 2 === 0 && position !== 0) {
        position = halve(position);
        last = halve(last);
      }
    } else {
      hash2 = hashNode(hasher, hash2, sibling);
    }
    position = halve(position);
    last = halve(last);
  }
  return last === 0 && equalBytes(hash1, root1) && equalBytes(hash2, root2);
}

/** Root over [start, start + count), where start is a multiple of the power of two at or above count. */
function rangeRoot(hasher: LogHasher, nodes: LogNodes, start: number, count: number): Uint8Array {
  let width = 1;
  let level = 0;
  while (width * 2 <= count) {
    width *= 2;
    level++;
  }
  const left = requireNode(nodes, level, start / width);
  if (width === count) return left;
  return hashNode(hasher, left, rangeRoot(hasher, nodes, start + width, count - width));
}

function requireNode(nodes: LogNodes, level: number, index: number): Uint8Array {
  const node = nodes.getNode(level, index);
  assertInvariant(node !== undefined, `log node ${level}/${index} is stored`);
  return node;
}

/** The largest power of two below n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

// Sizes exceed 32 bits, so no shift operators.
function halve(n: number): number {
  return (n - (n % 2)) / 2;
}

function requireSize(size: number, field: string): void {
  if (!isSize(size)) throw new LhgError("log.size-invalid", "must be an integer from 0 to 2^53 - 1", field);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isHash(value: unknown): value is Uint8Array {
  return isBytes(value) && value.length === 32;
}

function isPath(path: unknown): path is readonly Uint8Array[] {
  return Array.isArray(path) && path.length <= MAX_PATH_LENGTH;
}
