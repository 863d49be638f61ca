/** Proofs of presence and absence in the state map, and their verification; needs no store. */
import { equalBytes, ZERO32 } from "../bytes.ts";
import type { TrieHasher, TriePair } from "./trie-node.ts";
import { bitAt, hashTrieLeaf, MAX_DEPTH } from "./trie-node.ts";

export interface TrieProof {
  /** Inner nodes from the root to the terminal, 0 to 256. */
  readonly depth: number;
  /** ceil(depth / 8) bytes; bit d, most significant first, is set when the sibling below inner node d is not empty. */
  readonly bitmap: Uint8Array;
  /** The siblings that are not empty, from the root down. */
  readonly siblings: readonly Uint8Array[];
  /** Where the key's way ends: an empty subtree (undefined), or the one pair of a subtree. */
  readonly terminal: TriePair | undefined;
}

export type TrieVerdict =
  | { readonly present: true; readonly valueHash: Uint8Array }
  | { readonly present: false };

/**
 * What the proof shows of `keyHash` under `root`, or undefined when it shows nothing. Total. Directions come
 * from the key alone; for every map and key exactly one proof is valid.
 */
export function verifyTrieProof(
  hasher: TrieHasher,
  root: Uint8Array,
  keyHash: Uint8Array,
  proof: TrieProof,
): TrieVerdict | undefined {
  if (!isHash(root) || !isHash(keyHash) || !isWellFormed(proof)) return undefined;
  const { terminal } = proof;
  if (terminal !== undefined && !sharesBits(terminal.keyHash, keyHash, proof.depth)) return undefined;
  const terminalHash =
    terminal === undefined ? ZERO32 : hashTrieLeaf(hasher, terminal.keyHash, terminal.valueHash);
  if (!equalBytes(climb(hasher, terminalHash, keyHash, proof), root)) return undefined;
  if (terminal === undefined || !equalBytes(terminal.keyHash, keyHash)) return { present: false };
  return { present: true, valueHash: terminal.valueHash };
}

function isWellFormed(proof: TrieProof): boolean {
  const { depth, bitmap, siblings, terminal } = proof;
  if (!Number.isInteger(depth) || depth < 0 || depth > MAX_DEPTH) return false;
  if (!(bitmap instanceof Uint8Array) || bitmap.length !== (depth + 7) >>> 3) return false;
  let count = 0;
  for (let d = 0; d < 8 * bitmap.length; d++) {
    if (bitAt(bitmap, d) === 0) continue;
    if (d >= depth) return false;
    count++;
  }
  // A lone leaf or an empty subtree never stands below an inner node without a sibling: it would have risen.
  if (depth > 0 && bitAt(bitmap, depth - 1) === 0) return false;
  if (!Array.isArray(siblings) || siblings.length !== count) return false;
  for (const sibling of siblings) if (!isHash(sibling) || equalBytes(sibling, ZERO32)) return false;
  return terminal === undefined || (isHash(terminal.keyHash) && isHash(terminal.valueHash));
}

/** The root that the proof leads to. */
function climb(
  hasher: TrieHasher,
  terminalHash: Uint8Array,
  keyHash: Uint8Array,
  proof: TrieProof,
): Uint8Array {
  const pair = new Uint8Array(64);
  let hash = terminalHash;
  let next = proof.siblings.length;
  for (let depth = proof.depth - 1; depth >= 0; depth--) {
    const sibling = bitAt(proof.bitmap, depth) === 1 ? proof.siblings[--next]! : ZERO32;
    const side = bitAt(keyHash, depth) * 32;
    pair.set(hash, side);
    pair.set(sibling, 32 - side);
    hash = hasher.hashPairs(pair);
  }
  return hash;
}

function sharesBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let depth = 0; depth < bits; depth++) if (bitAt(a, depth) !== bitAt(b, depth)) return false;
  return true;
}

function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32;
}
