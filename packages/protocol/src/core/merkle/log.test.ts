import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { equalBytes, fromHex, toHex } from "../bytes.ts";
import type { LogHasher, LogNodes } from "./log.ts";
import {
  appendLeaf,
  consistencyPath,
  emptyLogRoot,
  hashLeaf,
  hashNode,
  inclusionPath,
  inclusionPathOf,
  logRoot,
  rootAtSize,
  verifyConsistency,
  verifyInclusion,
} from "./log.ts";

const hasher: LogHasher = { sha256: (data) => hash("sha256", data, "buffer") };
const MAX_SIZE = 40;
const leafHashes = Array.from({ length: MAX_SIZE }, (_, i) => hashLeaf(hasher, Uint8Array.of(i)));

interface StoredLog extends LogNodes {
  size: number;
  reads: number;
}

function storeLog(leaves: readonly Uint8Array[]): StoredLog {
  const stored = new Map<string, Uint8Array>();
  const log: StoredLog = {
    size: 0,
    reads: 0,
    getNode(level, index) {
      log.reads++;
      return stored.get(`${level}/${index}`);
    },
  };
  for (const leaf of leaves)
    log.size = appendLeaf(hasher, log, log.size, leaf, (level, index, node) =>
      stored.set(`${level}/${index}`, node),
    );
  return log;
}

/** MTH of RFC 9162, 2.1.1, as it is written. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyLogRoot(hasher);
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hashNode(hasher, naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

const log = storeLog(leafHashes);
const roots = Array.from({ length: MAX_SIZE + 1 }, (_, size) => naiveRoot(leafHashes.slice(0, size)));

test("the roots of RFC 6962's well-known test tree", () => {
  const inputs = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ];
  const leaves = inputs.map((input) => hashLeaf(hasher, fromHex(input)));
  assert.equal(
    toHex(emptyLogRoot(hasher)),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  assert.equal(
    toHex(logRoot(hasher, leaves)),
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  );
});

test("a stored log and an in-memory tree have the naive root at every size", () => {
  for (const [size, root] of roots.entries()) {
    assert.deepEqual(rootAtSize(hasher, log, size), root);
    assert.deepEqual(logRoot(hasher, leafHashes.slice(0, size)), root);
  }
});

test("every inclusion path verifies, alone for its own leaf, index, size and root", () => {
  for (let size = 1; size <= MAX_SIZE; size++) {
    for (let index = 0; index < size; index++) {
      const path = inclusionPath(hasher, log, index, size);
      assert.deepEqual(path, inclusionPathOf(hasher, leafHashes.slice(0, size), index));
      const proof = { leafHash: leafHashes[index]!, index, size, path, root: roots[size]! };
      assert.ok(verifyInclusion(hasher, proof));
      assert.ok(!verifyInclusion(hasher, { ...proof, leafHash: leafHashes[(index + 1) % MAX_SIZE]! }));
      assert.ok(!verifyInclusion(hasher, { ...proof, root: roots[size - 1]! }));
      assert.ok(!verifyInclusion(hasher, { ...proof, path: [...path, roots[0]!] }));
      assert.ok(!verifyInclusion(hasher, { ...proof, index: size }));
      if (size > 1) assert.ok(!verifyInclusion(hasher, { ...proof, path: path.slice(1) }));
      if (size > 1) assert.ok(!verifyInclusion(hasher, { ...proof, index: (index + 1) % size }));
    }
  }
});

test("every consistency path verifies, alone for its own sizes and roots", () => {
  for (let size2 = 1; size2 <= MAX_SIZE; size2++) {
    for (let size1 = 1; size1 <= size2; size1++) {
      const path = consistencyPath(hasher, log, size1, size2);
      const proof = { size1, size2, root1: roots[size1]!, root2: roots[size2]!, path };
      assert.ok(verifyConsistency(hasher, proof));
      assert.ok(!verifyConsistency(hasher, { ...proof, root1: roots[size1 - 1]! }));
      assert.ok(!verifyConsistency(hasher, { ...proof, root2: roots[size2 - 1]! }));
      assert.ok(!verifyConsistency(hasher, { ...proof, path: [...path, roots[0]!] }));
      assert.ok(!verifyConsistency(hasher, { ...proof, size1: 0 }));
      if (size1 < size2) assert.ok(!verifyConsistency(hasher, { ...proof, path: path.slice(1) }));
    }
  }
});

test("a path of another length than index and size demand is refused, whatever root it leads to", () => {
  const [first, second] = leafHashes as [Uint8Array, Uint8Array];
  const root = roots[2]!;
  const claims = { path: [first], root };
  assert.ok(verifyInclusion(hasher, { ...claims, leafHash: second, index: 1, size: 2 }));
  assert.ok(!verifyInclusion(hasher, { ...claims, leafHash: second, index: 0, size: 1 }));
  assert.ok(!verifyInclusion(hasher, { path: [second], root, leafHash: first, index: 0, size: 4 }));

  const grown = { size1: 1, root1: first, root2: root, path: [second] };
  assert.ok(verifyConsistency(hasher, { ...grown, size2: 2 }));
  assert.ok(!verifyConsistency(hasher, { ...grown, size2: 4 }));
  const extended = hashNode(hasher, root, second);
  assert.ok(!verifyConsistency(hasher, { ...grown, size2: 2, root2: extended, path: [second, second] }));
});

test("an append reads one node for each subtree it completes", () => {
  assert.equal(storeLog(leafHashes.slice(0, 32)).reads, 31);
});

test("sizes beyond 32 bits: the peaks of a huge log are found and its proofs verify", () => {
  // All leaves are equal, so one hash stands for every complete subtree of a level.
  const levels = [leafHashes[0]!];
  for (let level = 0; level < 53; level++) levels.push(hashNode(hasher, levels[level]!, levels[level]!));
  const nodes: LogNodes = { getNode: (level) => levels[level] };
  const anySize = fc.bigInt(1n, 2n ** 53n - 1n).map(Number);
  fc.assert(
    fc.property(anySize, anySize, (a, b) => {
      const [size1, size2] = a < b ? [a, b] : [b, a];
      const [root1, root2] = [rootAtSize(hasher, nodes, size1), rootAtSize(hasher, nodes, size2)];
      const path = consistencyPath(hasher, nodes, size1, size2);
      const inclusion = inclusionPath(hasher, nodes, size1 - 1, size2);
      return (
        verifyConsistency(hasher, { size1, size2, root1, root2, path }) &&
        verifyInclusion(hasher, {
          leafHash: levels[0]!,
          index: size1 - 1,
          size: size2,
          path: inclusion,
          root: root2,
        })
      );
    }),
    { numRuns: 100 },
  );
  const put: number[] = [];
  assert.equal(
    appendLeaf(hasher, nodes, 2 ** 40 - 1, levels[0]!, (level, index) => put.push(level, index)),
    2 ** 40,
  );
  assert.deepEqual(put.slice(0, 4), [0, 2 ** 40 - 1, 1, 2 ** 39 - 1]);
  assert.deepEqual(put.slice(-2), [40, 0]);
});

test("the verifiers answer false to arbitrary input and never throw", () => {
  const number = fc.oneof(fc.integer({ min: -2, max: MAX_SIZE }), fc.double(), fc.constant(2 ** 53));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...leafHashes, ...roots));
  const path = fc.array(bytes, { maxLength: 70 });
  fc.assert(
    fc.property(number, number, bytes, bytes, path, (a, b, x, y, hashes) => {
      const isTrivial = hashes.length === 0 && equalBytes(x, y);
      return (
        (isTrivial || !verifyInclusion(hasher, { leafHash: x, index: a, size: b, path: hashes, root: y })) &&
        (isTrivial || !verifyConsistency(hasher, { size1: a, size2: b, root1: x, root2: y, path: hashes }))
      );
    }),
    { numRuns: 300 },
  );
});

test("asking for what a log does not have is an error with a code", () => {
  assert.throws(() => inclusionPath(hasher, log, 3, 3), { code: "log.index-invalid", field: "index" });
  assert.throws(() => rootAtSize(hasher, log, -1), { code: "log.size-invalid", field: "size" });
  assert.throws(() => consistencyPath(hasher, log, 0, 3), { code: "log.size-invalid", field: "size1" });
  assert.throws(() => consistencyPath(hasher, log, 4, 3), { code: "log.size-invalid", field: "size1" });
  assert.throws(() => rootAtSize(hasher, log, MAX_SIZE + 1), { name: "InvariantError" });
});
