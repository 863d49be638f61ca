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

import { type BenchContext, bySize, type Figure, type Part } from "./figures.ts";

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

export const trie: Part = { name: "trie", run: measureTrie };

/** Rates of one thread; of updates the median, without their commits. */
async function measureTrie(context: BenchContext): Promise<Figure[]> {
  const count = bySize(context, { quick: 50_000, default: 1_000_000, full: 1_000_000 });
  const limit = { name: "sha256 of 64 B", value: context.calibration.sha256PerSecond };
  const among = `of ${count.toLocaleString("en-US")} keys`;
  const stored = new Map<string, Uint8Array>();
  const map = createTrie({
    hasher: sodiumCrypto,
    pages: { getPage: (key) => stored.get(toHex(key)) },
    prefix: Uint8Array.of(1),
    cache: new PageCache(256 << 20),
  });
  const keys = randomBytes(32 * count);
  const bench: BenchTrie = { trie: map, stored, keys, root: EMPTY_ROOT, version: 0 };
  const randomIndex = () => Math.floor(Math.random() * count);
  for (let first = 0; first < count; first += 10_000) runUpdate(bench, 10_000, (i) => first + i);

  const figures: Figure[] = [];
  for (const { size, rounds } of BATCHES) {
    const rates = Array.from({ length: rounds }, () => runUpdate(bench, size, randomIndex)).sort(
      (a, b) => a - b,
    );
    figures.push({
      name: `trie update, ${size.toLocaleString("en-US")} ${among}`,
      value: rates[rounds >>> 1]!,
      unit: "/s",
      limit,
    });
  }
  const keyAt = (i: number) => bench.keys.subarray(32 * i, 32 * i + 32);
  figures.push({
    name: "trie read",
    value: rateOf(100_000, () => getValueHash(map, bench.root, keyAt(randomIndex()))),
    unit: "/s",
  });
  figures.push({
    name: "trie proof",
    value: rateOf(5_000, () => prove(map, bench.root, keyAt(randomIndex()))),
    unit: "/s",
  });
  const proof = prove(map, bench.root, keyAt(0));
  figures.push({
    name: "trie proof verified",
    value: rateOf(5_000, () => verifyTrieProof(sodiumCrypto, bench.root.hash, keyAt(0), proof)),
    unit: "/s",
  });
  let storedBytes = 0;
  for (const page of stored.values()) storedBytes += page.length;
  figures.push({ name: `trie pages ${among}`, value: storedBytes / 1e6, unit: "MB" });
  return figures;
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
