/** Vectors of the state map and of logs. */
import { encodeUtf8, fromHex, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { decode, encode, type Json } from "../../packages/protocol/src/core/codec/definition.ts";
import {
  consistencyPath,
  hashLeaf,
  inclusionPath,
  logNodesOf,
  rootAtSize,
} from "../../packages/protocol/src/core/merkle/log.ts";
import { PageCache } from "../../packages/protocol/src/core/merkle/page-cache.ts";
import { createTrie, EMPTY_ROOT, prove } from "../../packages/protocol/src/core/merkle/trie.ts";
import { type TrieProof, verifyTrieProof } from "../../packages/protocol/src/core/merkle/trie-proof.ts";
import { type TrieChange, update } from "../../packages/protocol/src/core/merkle/trie-update.ts";
import { trieProof } from "../../packages/protocol/src/core/proof/anchor.ts";
import { crypto } from "./actors.ts";

interface Pair {
  readonly keyHash: Uint8Array;
  readonly valueHash: Uint8Array;
}

const sha256 = (text: string): Uint8Array => crypto.sha256(encodeUtf8(text));

/** A key hash that begins with these bits, followed by zeros. */
function keyOf(bits: string): Uint8Array {
  const out = new Uint8Array(32);
  for (let i = 0; i < bits.length; i++) if (bits[i] === "1") out[i >>> 3]! |= 0x80 >>> (i & 7);
  return out;
}

function makeTrieCase(name: string, pairs: readonly Pair[], asked: readonly Uint8Array[]): Json {
  const stored = new Map<string, Uint8Array>();
  const pages = { getPage: (key: Uint8Array) => stored.get(toHex(key)) };
  const trie = createTrie({
    hasher: crypto,
    pages,
    prefix: new Uint8Array(0),
    cache: new PageCache(1 << 20),
  });
  const changes: TrieChange[] = [...pairs];
  const { root, writes } = update(trie, EMPTY_ROOT, 1, changes);
  for (const { key, value } of writes) stored.set(toHex(key), value);
  return {
    name,
    pairs: pairs.map(({ keyHash, valueHash }) => [toHex(keyHash), toHex(valueHash)]),
    root: toHex(root.hash),
    proofs: asked.map((keyHash) => {
      const proof = prove(trie, root, keyHash);
      const verdict = verifyTrieProof(crypto, root.hash, keyHash, proof);
      if (verdict === undefined) throw new Error(`${name}: a proof does not verify`);
      return {
        keyHash: toHex(keyHash),
        present: verdict.present,
        valueHash: verdict.present ? toHex(verdict.valueHash) : null,
        proof: toHex(encode(trieProof, proof)),
      };
    }),
  };
}

const pair = (keyHash: Uint8Array, value: string): Pair => ({ keyHash, valueHash: sha256(value) });

const LONE = [pair(keyOf("1"), "one")];
const SPLIT = [pair(keyOf("0"), "left"), pair(keyOf("1"), "right")];
const DEEP = [pair(keyOf("1010101010"), "a"), pair(keyOf("10101010101"), "b"), pair(keyOf("0"), "c")];
const LAST_BIT = [pair(keyOf(""), "zero"), pair(keyOf(`${"0".repeat(255)}1`), "one")];
const MANY = Array.from({ length: 100 }, (_, i) => pair(sha256(`key ${i}`), `value ${i}`));

/** Proofs that show nothing, made from the one of DEEP's first key: each breaks one rule. */
function badProofs(): Json[] {
  const made = makeTrieCase("", DEEP, [DEEP[0]!.keyHash]) as { root: string; proofs: { proof: string }[] };
  const good = decode(trieProof, fromHex(made.proofs[0]!.proof), "proof");
  const { keyHash, valueHash } = DEEP[0]!;
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  const bad: Record<string, TrieProof> = {
    "another value": { ...good, terminal: { keyHash, valueHash: flipped(valueHash) } },
    "terminal left out": { ...good, terminal: undefined },
    "terminal of another place": { ...good, terminal: { keyHash: keyOf("0"), valueHash: sha256("c") } },
    "a sibling left out": { ...good, siblings: good.siblings.slice(1) },
    "a sibling too many": { ...good, siblings: [...good.siblings, sha256("more")] },
    "an empty sibling given": { ...good, siblings: [new Uint8Array(32), ...good.siblings.slice(1)] },
    "bitmap one byte long": { ...good, bitmap: new Uint8Array([...good.bitmap, 0]) },
    "a bit beyond the depth": { ...good, bitmap: good.bitmap.map((byte, i) => (i === 1 ? byte | 1 : byte)) },
    "one level deeper without a sibling": { ...good, depth: good.depth + 1 },
    "depth 0": { depth: 0, bitmap: new Uint8Array(0), siblings: [], terminal: good.terminal },
  };
  return Object.entries(bad).map(([name, proof]) => {
    if (verifyTrieProof(crypto, fromHex(made.root), keyHash, proof) !== undefined)
      throw new Error(`${name} verifies`);
    return { name, root: made.root, keyHash: toHex(keyHash), proof: toHex(encode(trieProof, proof)) };
  });
}

export function makeTrieVectors(): Json {
  return {
    description: "The state map: pairs of key hash and value hash, root, and proofs of presence and absence.",
    cases: [
      makeTrieCase("empty", [], [sha256("anything")]),
      makeTrieCase("one pair", LONE, [keyOf("1"), keyOf("0"), keyOf("11")]),
      makeTrieCase("two pairs, one bit apart", SPLIT, [keyOf("0"), keyOf("1"), keyOf("01")]),
      makeTrieCase("a shared way of ten bits", DEEP, [
        DEEP[0]!.keyHash,
        DEEP[1]!.keyHash,
        DEEP[2]!.keyHash,
        keyOf("11"),
        keyOf("10101010100001"),
        keyOf("1011"),
      ]),
      makeTrieCase("two pairs apart in the last bit", LAST_BIT, [
        LAST_BIT[0]!.keyHash,
        LAST_BIT[1]!.keyHash,
        keyOf(`${"0".repeat(254)}1`),
      ]),
      makeTrieCase("a hundred pairs", MANY, [MANY[0]!.keyHash, MANY[42]!.keyHash, sha256("absent")]),
    ],
    refused: badProofs(),
  };
}

const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b"];

export function makeLogVectors(): Json {
  const nodes = logNodesOf(
    crypto,
    LEAVES.map((leaf) => hashLeaf(crypto, fromHex(leaf))),
  );
  const sizes = LEAVES.map((_, i) => i + 1);
  const hexPath = (path: readonly Uint8Array[]): string[] => path.map(toHex);
  return {
    description: "Logs (RFC 9162): leaves, roots of every size, inclusion and consistency paths.",
    leaves: LEAVES,
    leafHashes: LEAVES.map((leaf) => toHex(hashLeaf(crypto, fromHex(leaf)))),
    roots: [0, ...sizes].map((size) => ({ size, root: toHex(rootAtSize(crypto, nodes, size)) })),
    inclusion: [1, 3, 5, 7, 8].flatMap((size) =>
      Array.from({ length: size }, (_, index) => ({
        size,
        index,
        path: hexPath(inclusionPath(crypto, nodes, index, size)),
      })),
    ),
    consistency: sizes.flatMap((size2) =>
      sizes
        .filter((size1) => size1 < size2)
        .map((size1) => ({ size1, size2, path: hexPath(consistencyPath(crypto, nodes, size1, size2)) })),
    ),
  };
}
