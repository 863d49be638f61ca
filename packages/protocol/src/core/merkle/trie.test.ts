import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, concatBytes, equalBytes, toHex, ZERO32 } from "../bytes.ts";
import { PageCache } from "./page-cache.ts";
import type { Trie, TrieRoot } from "./trie.ts";
import { createTrie, EMPTY_ROOT, getValueHash, iterate, prove, remember } from "./trie.ts";
import type { TrieHasher, TriePair } from "./trie-node.ts";
import { bitAt, hashTrieLeaf, naiveTrieRoot } from "./trie-node.ts";
import { MAX_PAIRS } from "./trie-page.ts";
import type { TrieProof, TrieVerdict } from "./trie-proof.ts";
import { verifyTrieProof } from "./trie-proof.ts";
import type { TrieChange, TrieUpdate } from "./trie-update.ts";
import { update } from "./trie-update.ts";

const hasher: TrieHasher = {
  sha256: (data) => hash("sha256", data, "buffer"),
  hashPairs(pairs) {
    const out = new Uint8Array(pairs.length / 2);
    for (let i = 0; i < out.length; i += 32)
      out.set(hash("sha256", pairs.subarray(2 * i, 2 * i + 64), "buffer"), i);
    return out;
  },
};

/** A trie over a store of exactly the committed pages; keeps every version's root and content. */
interface Ledger {
  readonly trie: Trie;
  readonly stored: Map<string, Uint8Array>;
  readonly versions: { root: TrieRoot; content: Map<string, TriePair>; stale: Uint8Array[] }[];
}

function createLedger(cacheBytes = 0): Ledger {
  const stored = new Map<string, Uint8Array>();
  const pages = { getPage: (key: Uint8Array) => stored.get(toHex(key)) };
  const trie = createTrie({ hasher, pages, prefix: Uint8Array.of(0x54), cache: new PageCache(cacheBytes) });
  return { trie, stored, versions: [{ root: EMPTY_ROOT, content: new Map(), stale: [] }] };
}

/** Commits `changes` as the next version; pages that no kept version needs are deleted. */
function commit(ledger: Ledger, changes: readonly TrieChange[], keptVersions = 1000): TrieUpdate {
  const { trie, stored, versions } = ledger;
  const last = versions.at(-1)!;
  const updated = update(trie, last.root, versions.length, changes);
  for (const { key, value } of updated.writes) {
    assert.ok(!stored.has(toHex(key)), "a page is written once");
    stored.set(toHex(key), Buffer.from(value));
  }
  remember(trie, updated.writes);
  const content = new Map(last.content);
  for (const { keyHash, valueHash } of changes) {
    if (valueHash === undefined) content.delete(toHex(keyHash));
    else content.set(toHex(keyHash), { keyHash, valueHash });
  }
  versions.push({ root: updated.root, content, stale: updated.stale });
  const replaced = versions[versions.length - keptVersions]?.stale ?? [];
  for (const key of replaced) assert.ok(stored.delete(toHex(key)), "a stale page was stored");
  return updated;
}

function pairsOf(content: Map<string, TriePair>): TriePair[] {
  return [...content.values()].sort((a, b) => compareBytes(a.keyHash, b.keyHash));
}

function keyOf(seed: string | number): Uint8Array {
  return new Uint8Array(hasher.sha256(new Uint8Array(Buffer.from(String(seed)))));
}

/** `key` with its first `bits` bits taken from `base`. */
function graft(base: Uint8Array, key: Uint8Array, bits: number): Uint8Array {
  const out = new Uint8Array(key);
  for (let depth = 0; depth < bits; depth++) {
    const mask = 0x80 >>> (depth & 7);
    out[depth >>> 3] = (out[depth >>> 3]! & ~mask) | (base[depth >>> 3]! & mask);
  }
  return out;
}

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const out = new Uint8Array(bytes);
  out[bit >>> 3]! ^= 0x80 >>> (bit & 7);
  return out;
}

function verdictOf(pair: TriePair | undefined): TrieVerdict {
  return pair === undefined ? { present: false } : { present: true, valueHash: pair.valueHash };
}

/** Keys that crowd together: random ones, and ones that share 3 to 255 bits with a few bases. */
const bases = [keyOf("base 0"), keyOf("base 1")];
const keyHash = fc
  .tuple(fc.nat(60), fc.constantFrom(...bases), fc.constantFrom(0, 0, 3, 4, 17, 64, 200, 252, 255))
  .map(([seed, base, bits]) => graft(base, keyOf(seed), bits));
const change = fc.record({
  keyHash,
  valueHash: fc.oneof(
    { weight: 2, arbitrary: fc.nat(5).map((seed) => keyOf(`value ${seed}`)) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});
const batches = fc.array(fc.array(change, { maxLength: 60, size: "max" }), { maxLength: 8, size: "max" });

test("any history of updates gives the reference root, in every version", () => {
  fc.assert(
    fc.property(
      batches,
      fc.constantFrom(0, 200_000),
      fc.array(keyHash, { maxLength: 4 }),
      (history, cacheBytes, absent) => {
        const ledger = createLedger(cacheBytes);
        for (const changes of history) commit(ledger, changes);
        for (const { root, content } of ledger.versions) {
          const pairs = pairsOf(content);
          assert.deepEqual(toHex(root.hash), toHex(naiveTrieRoot(hasher, pairs)));
          assert.deepEqual([...iterate(ledger.trie, root)], pairs);
          const asked = [...absent, ...pairs.slice(0, 8).map((pair) => pair.keyHash)];
          for (const key of asked) {
            const pair = content.get(toHex(key));
            assert.deepEqual(getValueHash(ledger.trie, root, key), pair?.valueHash);
            const proof = prove(ledger.trie, root, key);
            assert.deepEqual(verifyTrieProof(hasher, root.hash, key, proof), verdictOf(pair));
          }
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("the store holds exactly the pages of the kept versions", () => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 3 }), (history, kept) => {
      const ledger = createLedger();
      for (const changes of history) commit(ledger, changes, kept);
      const needed = new Set<string>();
      const recording = {
        getPage: (key: Uint8Array) => ledger.stored.get(needed.add(toHex(key)) && toHex(key)),
      };
      for (const { root, content } of ledger.versions.slice(-kept))
        assert.deepEqual([...iterate({ ...ledger.trie, pages: recording }, root)], pairsOf(content));
      assert.deepEqual([...ledger.stored.keys()].sort(), [...needed].sort());
    }),
    { numRuns: 40 },
  );
});

test("an update that changes nothing returns the same root and no writes", () => {
  const ledger = createLedger();
  const pairs = Array.from({ length: 100 }, (_, i) => ({ keyHash: keyOf(i), valueHash: keyOf(-i) }));
  const { root } = commit(ledger, pairs);
  const same = update(ledger.trie, root, 9, [...pairs, { keyHash: keyOf("absent"), valueHash: undefined }]);
  assert.deepEqual(same, { root, writes: [], stale: [] });
  assert.equal(same.root, root);
  assert.equal(update(ledger.trie, root, 9, []).root, root);
});

test("only pages on changed ways are replaced", () => {
  const ledger = createLedger();
  const pairs = Array.from({ length: 300 }, (_, i) => ({ keyHash: keyOf(i), valueHash: keyOf(-i) }));
  commit(ledger, pairs, 1);
  const changes = [...pairs.slice(1), { keyHash: keyOf(0), valueHash: keyOf("new") }];
  const { root, writes, stale } = commit(ledger, changes, 1);
  assert.deepEqual([writes.length, stale.length], [2, 2], "the root page and one leaf page");
  assert.deepEqual([...iterate(ledger.trie, root)], pairsOf(ledger.versions.at(-1)!.content));
});

test("an update may be thrown away and its version executed differently", () => {
  const ledger = createLedger(200_000);
  const pairs = Array.from({ length: 200 }, (_, i) => ({ keyHash: keyOf(i), valueHash: keyOf(-i) }));
  const { root } = commit(ledger, pairs);
  const before = ledger.stored.size;
  const discarded = update(ledger.trie, root, 2, [{ keyHash: keyOf(7), valueHash: keyOf("discarded") }]);
  assert.equal(ledger.stored.size, before);
  const { root: kept } = commit(ledger, [{ keyHash: keyOf(7), valueHash: keyOf("kept") }]);
  assert.notDeepEqual(kept.hash, discarded.root.hash);
  assert.deepEqual(getValueHash(ledger.trie, kept, keyOf(7)), keyOf("kept"));
  assert.deepEqual(getValueHash(ledger.trie, root, keyOf(7)), keyOf(-7));
});

test("of several changes of one key the last counts", () => {
  const ledger = createLedger();
  const [a, b] = [keyOf("a"), keyOf("b")];
  const { root } = commit(ledger, [
    { keyHash: a, valueHash: keyOf(1) },
    { keyHash: b, valueHash: keyOf(1) },
    { keyHash: a, valueHash: keyOf(2) },
    { keyHash: b, valueHash: undefined },
  ]);
  assert.deepEqual([...iterate(ledger.trie, root)], [{ keyHash: a, valueHash: keyOf(2) }]);
  assert.deepEqual(root.hash, new Uint8Array(hashTrieLeaf(hasher, a, keyOf(2))));
});

test("pages split, merge back, and deletion leads to the empty root", () => {
  const ledger = createLedger();
  const pairs = Array.from({ length: 20 * MAX_PAIRS }, (_, i) => ({
    keyHash: keyOf(i),
    valueHash: keyOf(-i),
  }));
  commit(ledger, pairs, 1);
  assert.ok(ledger.stored.size > 20);
  while (ledger.versions.at(-1)!.content.size > 10) {
    const some = pairsOf(ledger.versions.at(-1)!.content).filter((_, i) => i % 3 !== 0);
    commit(
      ledger,
      some.map((pair) => ({ keyHash: pair.keyHash, valueHash: undefined })),
      1,
    );
    const { root, content } = ledger.versions.at(-1)!;
    assert.equal(toHex(root.hash), toHex(naiveTrieRoot(hasher, pairsOf(content))));
  }
  assert.equal(ledger.stored.size, 1, "few pairs stand in one page");
  const rest = pairsOf(ledger.versions.at(-1)!.content);
  const { root } = commit(
    ledger,
    rest.map((pair) => ({ keyHash: pair.keyHash, valueHash: undefined })),
    1,
  );
  assert.equal(root, EMPTY_ROOT);
  assert.equal(ledger.stored.size, 0);
  assert.deepEqual([...iterate(ledger.trie, root)], []);
});

test("an inner page, or the whole map, can be emptied by one update", () => {
  const ledger = createLedger();
  const crowd = Array.from({ length: 60 }, (_, i) => graft(bases[0]!, keyOf(i), 8));
  const others = Array.from({ length: 60 }, (_, i) => graft(flipBit(bases[0]!, 0), keyOf(i), 1));
  commit(
    ledger,
    [...crowd, ...others].map((key) => ({ keyHash: key, valueHash: keyOf("v") })),
    1,
  );
  const removeAll = (keys: Uint8Array[]) => keys.map((key) => ({ keyHash: key, valueHash: undefined }));
  const { root } = commit(ledger, removeAll(crowd), 1);
  assert.equal(toHex(root.hash), toHex(naiveTrieRoot(hasher, pairsOf(ledger.versions.at(-1)!.content))));
  assert.deepEqual(commit(ledger, removeAll(others), 1).root, EMPTY_ROOT);
  assert.equal(ledger.stored.size, 0);
});

test("iteration starts at any key", () => {
  const ledger = createLedger();
  const pairs = Array.from({ length: 300 }, (_, i) => ({ keyHash: keyOf(i % 300), valueHash: keyOf(-i) }));
  const { root } = commit(ledger, pairs);
  const sorted = pairsOf(ledger.versions.at(-1)!.content);
  for (const [i, { keyHash }] of sorted.entries()) {
    assert.deepEqual([...iterate(ledger.trie, root, keyHash)], sorted.slice(i));
    assert.deepEqual(
      iterate(ledger.trie, root, flipBit(keyHash, 255)).next().value,
      keyHash[31]! % 2 === 0 ? sorted[i + 1] : sorted[i],
    );
  }
});

test("a version must be above the one it builds on, and hashes have 32 bytes", () => {
  const ledger = createLedger();
  const { root } = commit(ledger, [{ keyHash: keyOf(1), valueHash: keyOf(2) }]);
  const changes = [{ keyHash: keyOf(1), valueHash: keyOf(3) }];
  assert.throws(() => update(ledger.trie, root, 1, changes), { name: "InvariantError" });
  const short = [{ keyHash: keyOf(1).subarray(1), valueHash: keyOf(3) }];
  assert.throws(() => update(ledger.trie, root, 2, short), { name: "InvariantError" });
  ledger.stored.clear();
  assert.throws(() => getValueHash(ledger.trie, root, keyOf(1)), { name: "InvariantError" });
});

test("versions above 32 bits stand in page keys and slots", () => {
  const ledger = createLedger();
  const pairs = Array.from({ length: 50 }, (_, i) => ({ keyHash: keyOf(i), valueHash: keyOf(-i) }));
  const updated = update(ledger.trie, EMPTY_ROOT, 2 ** 53 - 2, pairs);
  for (const { key, value } of updated.writes) ledger.stored.set(toHex(key), value);
  assert.deepEqual(getValueHash(ledger.trie, updated.root, keyOf(3)), keyOf(-3));
  assert.ok(updated.writes.every(({ key }) => toHex(key).endsWith("001ffffffffffffe")));
});

// Proofs

const proven = createLedger();
const lonely = graft(keyOf("lonely"), keyOf(0), 200);
commit(proven, [
  ...Array.from({ length: 150 }, (_, i) => ({ keyHash: keyOf(i), valueHash: keyOf(-i) })),
  { keyHash: lonely, valueHash: keyOf("v") },
  { keyHash: flipBit(lonely, 201), valueHash: keyOf("w") },
]);
const { root: provenRoot, content: provenContent } = proven.versions[1]!;
const askedKeys = [
  ...[...provenContent.values()].slice(-20).map((pair) => pair.keyHash),
  ...Array.from({ length: 20 }, (_, i) => keyOf(`absent ${i}`)),
  ...[0, 3, 50, 150, 199, 200, 202, 255].map((bit) => flipBit(lonely, bit)),
];

function verify(key: Uint8Array, proof: TrieProof, root = provenRoot.hash): TrieVerdict | undefined {
  return verifyTrieProof(hasher, root, key, proof);
}

test("the empty map has one proof of absence", () => {
  const proof = prove(proven.trie, EMPTY_ROOT, keyOf(1));
  assert.deepEqual(proof, { depth: 0, bitmap: new Uint8Array(0), siblings: [], terminal: undefined });
  assert.deepEqual(verify(keyOf(1), proof, ZERO32), { present: false });
  assert.equal(verify(keyOf(1), proof), undefined);
  const terminal = { keyHash: keyOf(1), valueHash: keyOf(2) };
  assert.equal(verify(keyOf(1), { ...proof, terminal }, ZERO32), undefined);
});

test("a tampered proof shows nothing", () => {
  for (const key of askedKeys) {
    const proof = prove(proven.trie, provenRoot, key);
    const verdict = verify(key, proof);
    assert.deepEqual(verdict, verdictOf(provenContent.get(toHex(key))));
    for (const forged of tamperings(proof)) assert.equal(verify(key, forged), undefined);
    assert.equal(verify(key, proof, flipBit(provenRoot.hash, 9)), undefined);
  }
});

function* tamperings(proof: TrieProof): Generator<TrieProof> {
  const { depth, bitmap, siblings, terminal } = proof;
  for (const other of [-1, depth - 1, depth + 1, depth + 8, 257, 0.5, Number.NaN])
    yield { ...proof, depth: other };
  for (let bit = 0; bit < 8 * bitmap.length; bit++) yield { ...proof, bitmap: flipBit(bitmap, bit) };
  yield { ...proof, bitmap: concatBytes(bitmap, Uint8Array.of(0)) };
  yield { ...proof, siblings: siblings.slice(1) };
  yield { ...proof, siblings: [...siblings, ZERO32] };
  yield { ...proof, siblings: siblings.map((sibling, i) => (i === 0 ? flipBit(sibling, 5) : sibling)) };
  yield { ...proof, siblings: siblings.map((sibling) => sibling.subarray(1)) };
  const deeper = new Uint8Array((depth + 8) >>> 3);
  deeper.set(bitmap);
  // One level more without a sibling: path compression the other way round.
  yield { ...proof, depth: depth + 1, bitmap: deeper };
  yield { ...proof, depth: depth + 1, bitmap: flipBit(deeper, depth), siblings: [...siblings, ZERO32] };
  // The same way written differently: a sibling no one reads, an empty sibling spelt out.
  for (let bit = depth; bit < 8 * bitmap.length; bit++)
    yield { ...proof, bitmap: flipBit(bitmap, bit), siblings: [keyOf("unread"), ...siblings] };
  for (let d = 0, above = 0; d < depth; above += bitAt(bitmap, d++))
    if (bitAt(bitmap, d) === 0)
      yield { ...proof, bitmap: flipBit(bitmap, d), siblings: siblings.toSpliced(above, 0, ZERO32) };
  if (terminal === undefined) {
    yield { ...proof, terminal: { keyHash: ZERO32, valueHash: ZERO32 } };
    return;
  }
  yield { ...proof, terminal: undefined };
  yield { ...proof, terminal: { ...terminal, keyHash: flipBit(terminal.keyHash, 255) } };
  yield { ...proof, terminal: { ...terminal, valueHash: flipBit(terminal.valueHash, 0) } };
  yield { ...proof, terminal: { ...terminal, valueHash: terminal.valueHash.subarray(1) } };
  const one = hashTrieLeaf(hasher, terminal.keyHash, terminal.valueHash);
  yield {
    ...proof,
    depth: depth + 1,
    bitmap: flipBit(deeper, depth),
    siblings: [...siblings, one],
    terminal: undefined,
  };
}

test("a proof speaks for no key that leaves its way, and another pair's terminal proves no absence of a present key", () => {
  const present = [...provenContent.values()];
  for (const { keyHash: key } of present.slice(0, 30)) {
    for (const other of present.slice(-30)) {
      if (equalBytes(key, other.keyHash)) continue;
      const proof = prove(proven.trie, provenRoot, other.keyHash);
      assert.equal(verify(key, proof), undefined);
      const own = prove(proven.trie, provenRoot, key);
      assert.equal(verify(key, { ...own, terminal: proof.terminal }), undefined);
    }
  }
});

test("one-sided nodes cannot be dropped: no shortened path proves absence of a present key", () => {
  const proof = prove(proven.trie, provenRoot, lonely);
  assert.equal(proof.depth, 202);
  assert.ok(proof.siblings.length < 20, "most of the way is one-sided");
  for (let dropped = 0; dropped < proof.depth; dropped++) {
    const bits: number[] = Array.from({ length: proof.depth }, (_, d) => bitAt(proof.bitmap, d)).toSpliced(
      dropped,
      1,
    );
    const bitmap = new Uint8Array((bits.length + 7) >>> 3);
    for (const [d, bit] of bits.entries()) bitmap[d >>> 3]! |= bit << (7 - (d & 7));
    const removed = bitAt(proof.bitmap, dropped) === 1 ? 1 : 0;
    const kept = proof.siblings.length - removed;
    for (const siblings of [
      proof.siblings.slice(0, kept),
      proof.siblings.slice(proof.siblings.length - kept),
    ]) {
      const shortened: TrieProof = { ...proof, depth: bits.length, bitmap, siblings };
      assert.equal(verify(lonely, shortened), undefined);
      assert.equal(verify(lonely, { ...shortened, terminal: undefined }), undefined);
      assert.equal(verify(flipBit(lonely, 255), shortened), undefined);
    }
  }
});

test("an inner node is no leaf and a leaf is no inner node", () => {
  // The two hashes under an inner node, offered as the pair of a leaf.
  const left = keyOf("left hash");
  const right = keyOf("right hash");
  const root = hasher.hashPairs(concatBytes(left, right));
  const asLeaf = {
    depth: 0,
    bitmap: new Uint8Array(0),
    siblings: [],
    terminal: { keyHash: left, valueHash: right },
  };
  assert.equal(verify(left, asLeaf, root), undefined);
  // A pair, offered as the two sides of an inner node.
  const leaf = hashTrieLeaf(hasher, left, right);
  for (const sibling of [left, right]) {
    const asInner = { depth: 1, bitmap: Uint8Array.of(0x80), siblings: [sibling], terminal: undefined };
    assert.equal(verify(keyOf("x"), asInner, leaf), undefined);
  }
});

test("a root that breaks the rule proves nothing", () => {
  const [low, high] = [graft(ZERO32, keyOf(1), 1), graft(flipBit(ZERO32, 0), keyOf(2), 1)];
  const value = keyOf("value");
  const terminal = { keyHash: low, valueHash: value };
  const leaf = hashTrieLeaf(hasher, low, value);
  // A lone leaf, or nothing, below an inner node.
  const sunken = { depth: 1, bitmap: Uint8Array.of(0), siblings: [], terminal };
  assert.equal(verify(low, sunken, hasher.hashPairs(concatBytes(leaf, ZERO32))), undefined);
  assert.equal(
    verify(low, { ...sunken, terminal: undefined }, hasher.hashPairs(concatBytes(ZERO32, ZERO32))),
    undefined,
  );
  // A pair on the side where its key does not belong.
  const misplaced = { depth: 1, bitmap: Uint8Array.of(0x80), siblings: [value], terminal };
  assert.equal(verify(high, misplaced, hasher.hashPairs(concatBytes(value, leaf))), undefined);
});

test("two keys that differ in the last bit are proven at depth 256", () => {
  const ledger = createLedger();
  const twin = flipBit(lonely, 255);
  const { root } = commit(ledger, [
    { keyHash: lonely, valueHash: keyOf(1) },
    { keyHash: twin, valueHash: keyOf(2) },
  ]);
  const proof = prove(ledger.trie, root, twin);
  assert.equal(proof.depth, 256);
  assert.equal(proof.siblings.length, 1);
  assert.deepEqual(verify(twin, proof, root.hash), { present: true, valueHash: keyOf(2) });
  assert.deepEqual(verify(flipBit(twin, 40), prove(ledger.trie, root, flipBit(twin, 40)), root.hash), {
    present: false,
  });
});

test("the cache stays within its bytes and keeps what is in use", () => {
  const maxBytes = 512 * 1024;
  const cache = new PageCache(maxBytes);
  const hot = Uint8Array.of(255, 255);
  cache.put(hot, new Uint8Array(500).fill(7));
  for (let i = 0; i < 3000; i++) {
    cache.put(Uint8Array.of(i >>> 8, i & 255), new Uint8Array(1000).fill(i));
    assert.ok(cache.sizeBytes <= maxBytes);
    assert.equal(cache.get(hot)?.[499], 7);
  }
  assert.equal(cache.get(Uint8Array.of(0, 0)), undefined);
  assert.equal(cache.get(Uint8Array.of(2999 >>> 8, 2999 & 255))?.[999], 2999 & 255);
  const none = new PageCache(0);
  none.put(hot, new Uint8Array(10));
  assert.equal(none.get(hot), undefined);
});
