import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K, type Algorithm } from "@lhg/protocol/core/crypto";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { generateKey, signerFromSecret } from "@lhg/sdk/keys/keys";
import fc from "fast-check";
import { createNativeSigner, sodiumCrypto } from "./sodium.ts";

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  EdDSA: ALG_EDDSA,
  ES256: ALG_ES256,
  ES256K: ALG_ES256K,
};
const implementations = [sodiumCrypto, nodeCrypto, nobleCrypto];
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyAlgorithm = fc.constantFrom<Algorithm>(ALG_EDDSA, ALG_ES256, ALG_ES256K);

// The cases "R + i * T8, cofactored only" fail here should an update of sodium-native verify cofactored.
test("libsodium gives the answer of every signature vector", () => {
  const file = new URL("../../../protocol/vectors/signatures.json", import.meta.url);
  const vectors: { cases: Record<string, string>[] } = JSON.parse(readFileSync(file, "utf8"));
  for (const { name, alg, publicKey, message, signature, valid } of vectors.cases) {
    const check = {
      alg: ALGORITHMS[alg!]!,
      publicKey: fromHex(publicKey!),
      message: fromHex(message!),
      signature: fromHex(signature!),
    };
    assert.equal(sodiumCrypto.verify(check), valid, `${alg}: ${name}`);
  }
});

test("the three implementations agree on signatures and on every changed bit of them", () => {
  const flips = fc.record({
    part: fc.constantFrom("publicKey", "message", "signature"),
    bit: fc.nat(8 * 33 - 1),
  });
  fc.assert(
    fc.property(
      anyAlgorithm,
      bytes(32),
      bytes(40),
      fc.boolean(),
      flips,
      (alg, seed, message, native, flip) => {
        const key = generateKey(alg, () => seed);
        const signer = native ? createNativeSigner(key) : signerFromSecret(key);
        assert.deepEqual(signer.publicKey, { alg, bytes: key.publicKey });
        const check = { alg, publicKey: key.publicKey, message, signature: signer.sign(message) };
        const part = check[flip.part as "message"].slice();
        const at = (flip.bit >> 3) % part.length;
        part[at] = part[at]! ^ (1 << (flip.bit & 7));
        const changed = { ...check, [flip.part]: part };
        for (const crypto of implementations)
          assert.deepEqual(crypto.verifyBatch([check, changed]), [true, false]);
      },
    ),
    { numRuns: 60 },
  );
});

/** Points of small order, most of them not canonical: libsodium refuses all of these, ZIP-215 none (crypto.test.ts has all pairs). */
const SMALL_ORDER = [
  `01${"00".repeat(31)}`,
  `01${"00".repeat(30)}80`,
  `ec${"ff".repeat(30)}7f`,
  `ec${"ff".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(31)}`,
];

test("ZIP-215 is asked where libsodium refuses, and for nothing but itself", () => {
  const message = new Uint8Array(5);
  for (const A of SMALL_ORDER)
    for (const R of SMALL_ORDER) {
      const [publicKey, signature] = [fromHex(A), fromHex(R + "00".repeat(32))];
      assert.equal(sodiumCrypto.verifyZip215({ publicKey, message, signature }), true, `A ${A}, R ${R}`);
      assert.equal(sodiumCrypto.verify({ alg: ALG_EDDSA, publicKey, message, signature }), false);
    }
  fc.assert(
    fc.property(bytes(32), bytes(40), fc.nat(511), (seed, text, bit) => {
      const key = generateKey(ALG_EDDSA, () => seed);
      const signature = createNativeSigner(key).sign(text);
      const bent = signature.slice();
      bent[bit >> 3]! ^= 1 << (bit & 7);
      const { publicKey } = key;
      assert.equal(sodiumCrypto.verifyZip215({ publicKey, message: text, signature }), true);
      assert.equal(sodiumCrypto.verifyZip215({ publicKey, message: text, signature: bent }), false);
      assert.equal(sodiumCrypto.verifyZip215({ publicKey: seed.slice(1), message: text, signature }), false);
    }),
    { numRuns: 30 },
  );
});

test("the three implementations refuse random bytes without a throw", () => {
  const loose = fc.constantFrom(0, 31, 32, 33, 63, 64, 65, 72).chain(bytes);
  fc.assert(
    fc.property(
      anyAlgorithm,
      fc.oneof(bytes(32), bytes(33), loose),
      loose,
      fc.oneof(bytes(64), loose),
      (...parts) => {
        const [alg, publicKey, message, signature] = parts;
        if (publicKey.length === 33) publicKey[0] = 2 + (publicKey[0]! & 1);
        for (const crypto of implementations)
          assert.equal(crypto.verify({ alg, publicKey, message, signature }), false);
      },
    ),
    { numRuns: 200 },
  );
});

test("tree levels hash alike at every size and alignment", () => {
  const buffer = new Uint8Array(64 * 130).map((_, i) => (i * 17) & 0xff);
  for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 129])
    for (const shift of [0, 1, 8, 31]) {
      const pairs = buffer.subarray(shift, shift + 64 * count);
      assert.deepEqual(sodiumCrypto.hashPairs(pairs), nodeCrypto.hashPairs(pairs));
    }
  assert.throws(() => sodiumCrypto.hashPairs(buffer.subarray(0, 65)), /invariant/);
});
