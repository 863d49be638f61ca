/**
 * The one rule of the state map, a trie over 32-byte key hashes: an empty subtree is 32 zero bytes, a
 * subtree with one pair is its leaf, every other subtree is SHA-256(left || right), one-sided ones included.
 */
import { concatBytes, ZERO32 } from "../bytes.ts";
import type { Hasher } from "../crypto.ts";

export type TrieHasher = Pick<Hasher, "sha256" | "hashPairs">;

export interface TriePair {
  readonly keyHash: Uint8Array;
  readonly valueHash: Uint8Array;
}

/** Levels of the trie, which is the bits of a key hash. */
export const MAX_DEPTH = 256;

// Kept, because typed arrays above 64 bytes are allocated outside the heap: 0.3 us each (measured).
const leafInput = new Uint8Array(65).fill(2, 0, 1);

/** SHA-256(0x02 || keyHash || valueHash): 65 bytes, so that no leaf is ever an inner node's 64. */
export function hashTrieLeaf(hasher: TrieHasher, keyHash: Uint8Array, valueHash: Uint8Array): Uint8Array {
  leafInput.set(keyHash, 1);
  leafInput.set(valueHash, 33);
  return hasher.sha256(leafInput);
}

/** Bit `depth` of the key at `offset`, most significant first. */
export function bitAt(bytes: Uint8Array, depth: number, offset = 0): number {
  return (bytes[offset + (depth >>> 3)]! >>> (7 - (depth & 7))) & 1;
}

/** The rule written down as itself: the reference that the paged trie is tested against. Keys are distinct. */
export function naiveTrieRoot(hasher: TrieHasher, pairs: readonly TriePair[], depth = 0): Uint8Array {
  const [first] = pairs;
  if (first === undefined) return ZERO32;
  if (pairs.length === 1) return hashTrieLeaf(hasher, first.keyHash, first.valueHash);
  const left = pairs.filter((pair) => bitAt(pair.keyHash, depth) === 0);
  const right = pairs.filter((pair) => bitAt(pair.keyHash, depth) === 1);
  return hasher.sha256(
    concatBytes(naiveTrieRoot(hasher, left, depth + 1), naiveTrieRoot(hasher, right, depth + 1)),
  );
}

/** Handle of a subtree's hash within one NodeBatch. */
export type NodeId = number;
export const EMPTY_NODE: NodeId = 0;

const HASH_WORDS = 8;

/**
 * Collects the nodes whose hashes are wanted, then hashes them level by level, deepest first: one call of
 * the injected hasher per level. A node's children are always added before it and lie deeper.
 */
export class NodeBatch {
  #words: Int32Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  #isLeaf: Uint8Array<ArrayBuffer>;
  #input = new Int32Array(16 * HASH_WORDS);
  #count = 1;
  /** Per depth: node, left child, right child, node, left child, ... */
  readonly #levels: NodeId[][] = [];

  constructor(capacity = 128) {
    this.#words = new Int32Array(capacity * HASH_WORDS);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#isLeaf = new Uint8Array(capacity);
  }

  /** A non-empty subtree whose hash is known: the 32 bytes at `offset`. */
  addKnown(source: Uint8Array, offset: number, isLeaf: boolean): NodeId {
    const id = this.#allocate();
    this.#isLeaf[id] = isLeaf ? 1 : 0;
    const target = id * 32;
    for (let i = 0; i < 32; i++) this.#bytes[target + i] = source[offset + i]!;
    return id;
  }

  /** The subtree at `depth` over two halves; a lone leaf rises, so that deletion restores the canonical form. */
  join(depth: number, left: NodeId, right: NodeId): NodeId {
    if (left === EMPTY_NODE && (right === EMPTY_NODE || this.#isLeaf[right] === 1)) return right;
    if (right === EMPTY_NODE && this.#isLeaf[left] === 1) return left;
    const id = this.#allocate();
    this.#isLeaf[id] = 0;
    while (this.#levels.length <= depth) this.#levels.push([]);
    this.#levels[depth]!.push(id, left, right);
    return id;
  }

  get size(): number {
    return this.#count;
  }

  hashAll(hasher: TrieHasher): void {
    for (let depth = this.#levels.length - 1; depth >= 0; depth--) {
      const level = this.#levels[depth]!;
      if (level.length > 0) this.#hashLevel(hasher, level);
      level.length = 0;
    }
  }

  /** Forgets all nodes; their ids become invalid. */
  clear(): void {
    this.#count = 1;
  }

  #hashLevel(hasher: TrieHasher, level: readonly NodeId[]): void {
    const words = this.#words;
    const inputWords = (level.length / 3) * 2 * HASH_WORDS;
    if (this.#input.length < inputWords) this.#input = new Int32Array(2 * inputWords);
    const input = this.#input;
    // Word loops: 8 ns a hash, set(subarray()) 45 ns (measured).
    for (let i = 0, to = 0; i < level.length; i += 3) {
      const left = level[i + 1]! * HASH_WORDS;
      const right = level[i + 2]! * HASH_WORDS;
      for (let word = 0; word < HASH_WORDS; word++) input[to++] = words[left + word]!;
      for (let word = 0; word < HASH_WORDS; word++) input[to++] = words[right + word]!;
    }
    const output = wordsOf(hasher.hashPairs(new Uint8Array(input.buffer, 0, 4 * inputWords)));
    for (let i = 0, from = 0; i < level.length; i += 3) {
      const target = level[i]! * HASH_WORDS;
      for (let word = 0; word < HASH_WORDS; word++) words[target + word] = output[from++]!;
    }
  }

  /** A copy of the hash; of a joined node only after hashAll. */
  getHash(id: NodeId): Uint8Array {
    return this.#bytes.slice(id * 32, id * 32 + 32);
  }

  /** As getHash, into 32 bytes of `target`. */
  copyHash(id: NodeId, target: Uint8Array, offset: number): void {
    const from = id * 32;
    for (let i = 0; i < 32; i++) target[offset + i] = this.#bytes[from + i]!;
  }

  #allocate(): NodeId {
    const id = this.#count++;
    if (id === this.#isLeaf.length) this.#grow(id * 2);
    return id;
  }

  #grow(capacity: number): void {
    const words = new Int32Array(capacity * HASH_WORDS);
    words.set(this.#words);
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
    const isLeaf = new Uint8Array(capacity);
    isLeaf.set(this.#isLeaf);
    this.#isLeaf = isLeaf;
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
