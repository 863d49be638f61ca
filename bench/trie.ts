/** The state map at one million keys: updates in batches, reads and proofs, and the memory they stand in. */
import { randomBytes } from "node:crypto";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { toHex } from "../packages/protocol/src/core/bytes.ts";
import { PageCache } from "../packages/protocol/src/core/merkle/page-cache.ts";
import type { Trie, TrieRoot } from "../packages/protocol/src/core/merkle/trie.ts";
import {
  createTrie,
  EMPTY_ROOT,
  getValueHash,
  prove,
  remember,
} from "../packages/protocol/src/core/merkle/trie.ts";
import { verifyTrieProof } from "../packages/protocol/src/core/merkle/trie-proof.ts";
import type { TrieChange } from "../packages/protocol/src/core/merkle/trie-update.ts";
import { update } from "../packages/protocol/src/core/merkle/trie-update.ts";

export interface TrieFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const KEYS = 1_000_000;
const BATCHES = [
  { size: 10_000, rounds: 20 },
  { size: 2_000, rounds: 50 },
  { size: 100, rounds: 300 },
  { size: 2, rounds: 3_000 },
] as const;

interface BenchTrie {
  readonly trie: Trie;
  readonly stored: Map<string, Uint8Array>;
  readonly keys: Uint8Array;
  root: TrieRoot;
  version: number;
}

/** Rates of one thread; of updates the median, without their commits. */
export async function benchTrie(): Promise<TrieFigure[]> {
  const stored = new Map<string, Uint8Array>();
  const trie = createTrie({
    hasher: sodiumCrypto,
    pages: { getPage: (key) => stored.get(toHex(key)) },
    prefix: Uint8Array.of(1),
    cache: new PageCache(256 << 20),
  });
  const bench: BenchTrie = { trie, stored, keys: randomBytes(32 * KEYS), root: EMPTY_ROOT, version: 0 };
  for (let first = 0; first < KEYS; first += 10_000) runUpdate(bench, 10_000, (i) => first + i);

  const figures: TrieFigure[] = [];
  for (const { size, rounds } of BATCHES) {
    const rates = Array.from({ length: rounds }, () => runUpdate(bench, size, randomIndex)).sort(
      (a, b) => a - b,
    );
    figures.push({ name: `trie update, ${size} of 1M keys`, value: rates[rounds >>> 1]!, unit: "updates/s" });
  }
  const keyAt = (i: number) => bench.keys.subarray(32 * i, 32 * i + 32);
  figures.push({
    name: "trie read",
    value: rateOf(100_000, () => getValueHash(trie, bench.root, keyAt(randomIndex()))),
    unit: "/s",
  });
  figures.push({
    name: "trie proof",
    value: rateOf(5_000, () => prove(trie, bench.root, keyAt(randomIndex()))),
    unit: "/s",
  });
  const proof = prove(trie, bench.root, keyAt(0));
  figures.push({
    name: "trie proof verified",
    value: rateOf(5_000, () => verifyTrieProof(sodiumCrypto, bench.root.hash, keyAt(0), proof)),
    unit: "/s",
  });
  let storedBytes = 0;
  for (const page of stored.values()) storedBytes += page.length;
  figures.push({ name: "trie pages of 1M keys", value: storedBytes, unit: "B" });
  return figures;
}

function randomIndex(): number {
  return Math.floor(Math.random() * KEYS);
}

function rateOf(count: number, work: () => unknown): number {
  const startedMs = performance.now();
  for (let i = 0; i < count; i++) work();
  return count / secondsSince(startedMs);
}

function runUpdate(bench: BenchTrie, size: number, indexOf: (i: number) => number): number {
  const { trie, stored, keys } = bench;
  const values = new Uint8Array(randomBytes(32 * size));
  const changes: TrieChange[] = Array.from({ length: size }, (_, i) => {
    const at = 32 * indexOf(i);
    return { keyHash: keys.subarray(at, at + 32), valueHash: values.subarray(32 * i, 32 * i + 32) };
  });
  const startedMs = performance.now();
  const { root, writes, stale } = update(trie, bench.root, ++bench.version, changes);
  const rate = size / secondsSince(startedMs);
  for (const { key, value } of writes) stored.set(toHex(key), new Uint8Array(value));
  for (const key of stale) stored.delete(toHex(key));
  remember(trie, writes);
  bench.root = root;
  return rate;
}

function secondsSince(startedMs: number): number {
  return (performance.now() - startedMs) / 1000;
}
