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
