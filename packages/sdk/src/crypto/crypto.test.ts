import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K, type Algorithm, type Crypto } from "@lhg/protocol/core/crypto";
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { generateKey, keyFromSeed, signerFromSecret } from "../keys/keys.ts";
import { nobleCrypto } from "./noble.ts";
import { createNodeSigner, nodeCrypto } from "./node.ts";
import { normalizeLowS } from "./signature-rule.ts";

interface VectorFile {
  readonly cases: readonly {
    readonly name: string;
    readonly alg: string;
    readonly publicKey: string;
    readonly message: string;
    readonly signature: string;
    readonly valid: boolean;
  }[];
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  EdDSA: ALG_EDDSA,
  ES256: ALG_ES256,
  ES256K: ALG_ES256K,
};
const vectors: VectorFile = JSON.parse(
  readFileSync(new URL("../../../protocol/vectors/signatures.json", import.meta.url), "utf8"),
);
const implementations: Readonly<Record<string, Crypto>> = { noble: nobleCrypto, node: nodeCrypto };
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyAlgorithm = fc.constantFrom<Algorithm>(ALG_EDDSA, ALG_ES256, ALG_ES256K);

for (const [name, crypto] of Object.entries(implementations)) {
  test(`${name} gives the answer of every signature vector`, () => {
    for (const { name: label, alg, publicKey, message, signature, valid } of vectors.cases) {
      const check = {
        alg: ALGORITHMS[alg]!,
        publicKey: fromHex(publicKey),
        message: fromHex(message),
        signature: fromHex(signature),
      };
      assert.equal(crypto.verify(check), valid, `${alg}: ${label}`);
    }
  });

  test(`${name} refuses an unknown algorithm`, () => {
    const check = {
      alg: -8,
      publicKey: new Uint8Array(32),
      message: new Uint8Array(0),
      signature: new Uint8Array(64),
    };
    assert.equal(crypto.verify({ ...check, alg: -36 as Algorithm }), false);
  });

  test(`${name} hashes pairs as single hashes, whatever their number and alignment`, () => {
    for (const count of [0, 1, 2, 3, 7, 33])
      for (const shift of [0, 1, 3]) {
        const pairs = new Uint8Array(64 * count + shift).map((_, i) => (i * 31) & 0xff).subarray(shift);
        const hashes = crypto.hashPairs(pairs);
        assert.equal(hashes.length, 32 * count);
        for (let i = 0; i < count; i++)
          assert.deepEqual(
            hashes.slice(32 * i, 32 * i + 32),
            crypto.sha256(pairs.slice(64 * i, 64 * i + 64)),
          );
      }
    assert.throws(() => crypto.hashPairs(new Uint8Array(63)), /invariant/);
  });

  test(`${name} hashes and decompresses to known values in plain arrays`, () => {
    assert.equal(
      toHex(crypto.sha256(new Uint8Array(0))),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    assert.equal(
      toHex(crypto.keccak256(new Uint8Array(0))),
      "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    );
    // SEC 2 section 2.4.1: the generator G.
    const x = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    const y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    const point = crypto.decompressSecp256k1(fromHex(`02${x}`));
    assert.equal(toHex(point), x + y);
    assert.equal(Object.getPrototypeOf(point), Uint8Array.prototype);
    assert.equal(Object.getPrototypeOf(crypto.sha256(point)), Uint8Array.prototype);
    for (const bad of [`04${x}${y}`, `04${x}`, x, "", `02${"ff".repeat(32)}`, `02${"00".repeat(31)}05`])
      assert.throws(() => crypto.decompressSecp256k1(fromHex(bad)), { code: "crypto.bad-point" });
  });
}

/**
 * Every encoding of a point of small order that ZIP-215 accepts: the eight canonical ones, y + p where that is below 2^255, and x = 0
 * with its sign set.
 */
function smallOrderEncodings(): Uint8Array[] {
  const P = (1n << 255n) - 19n;
  const withSign = (y: bigint, sign: number): Uint8Array => {
    const out = fromHex(y.toString(16).padStart(64, "0")).reverse();
    out[31]! |= sign << 7;
    return out;
  };
  const signs = [0, 1];
  const canonical = ED25519_TORSION_SUBGROUP.map((hex) => fromHex(hex));
  return [
    ...canonical,
    withSign(1n, 1),
    withSign(P - 1n, 1),
    ...signs.map((sign) => withSign(P, sign)),
    ...signs.map((sign) => withSign(P + 1n, sign)),
  ];
}

test("ZIP-215 accepts the 196 pairs of small-order encodings, and the one rule none of them", () => {
  const encodings = smallOrderEncodings();
  assert.equal(new Set(encodings.map(toHex)).size, 14);
  const message = new TextEncoder().encode("Zcash");
  for (const publicKey of encodings)
    for (const R of encodings) {
      const signature = new Uint8Array([...R, ...new Uint8Array(32)]);
      const label = `A ${toHex(publicKey)}, R ${toHex(R)}`;
      for (const crypto of Object.values(implementations)) {
        assert.equal(crypto.verifyZip215({ publicKey, message, signature }), true, label);
        assert.equal(crypto.verify({ alg: ALG_EDDSA, publicKey, message, signature }), false, label);
      }
    }
});

test("ZIP-215 accepts what the one rule accepts, and otherwise what noble accepts by it", () => {
  let more = 0;
  for (const { name, alg, publicKey, message, signature, valid } of vectors.cases) {
    if (alg !== "EdDSA") continue;
    const check = {
      publicKey: fromHex(publicKey),
      message: fromHex(message),
      signature: fromHex(signature),
    };
    const isFormed = check.publicKey.length === 32 && check.signature.length === 64;
    const expected =
      isFormed && ed25519.verify(check.signature, check.message, check.publicKey, { zip215: true });
    if (valid) assert.ok(expected, name);
    if (expected && !valid) more++;
    for (const crypto of Object.values(implementations))
      assert.equal(crypto.verifyZip215(check), expected, name);
  }
  assert.ok(more > 0, "the two rules differ somewhere");
});

test("ZIP-215 refuses every changed bit, S beyond L, and bytes of any length without a throw", () => {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n;
  const secret = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(5));
  const loose = fc.constantFrom(0, 31, 32, 33, 63, 64, 65).chain(bytes);
  fc.assert(
    fc.property(bytes(20), fc.nat(511), loose, loose, (message, bit, someKey, someSignature) => {
      const signature = signerFromSecret(secret).sign(message);
      const bent = signature.slice();
      bent[bit >> 3]! ^= 1 << (bit & 7);
      const s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + L;
      const beyond = new Uint8Array([
        ...signature.slice(0, 32),
        ...fromHex(s.toString(16).padStart(64, "0")).reverse(),
      ]);
      const { publicKey } = secret;
      for (const crypto of Object.values(implementations)) {
        assert.equal(crypto.verifyZip215({ publicKey, message, signature }), true);
        for (const bad of [bent, beyond, someSignature])
          assert.equal(crypto.verifyZip215({ publicKey, message, signature: bad }), false);
        assert.equal(crypto.verifyZip215({ publicKey: someKey, message, signature }), false);
      }
    }),
    { numRuns: 40 },
  );
});

test("every implementation hashes alike", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      assert.deepEqual(nobleCrypto.sha256(data), nodeCrypto.sha256(data));
      assert.deepEqual(nobleCrypto.keccak256(data), nodeCrypto.keccak256(data));
    }),
    { numRuns: 50 },
  );
});

test("what either signer signs, every implementation accepts, and no bit of it can change", () => {
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
        const signer = native ? createNodeSigner(key) : signerFromSecret(key);
        const check = { alg, publicKey: key.publicKey, message, signature: signer.sign(message) };
        const part = check[flip.part as "message"].slice();
        const at = (flip.bit >> 3) % part.length;
        part[at] = part[at]! ^ (1 << (flip.bit & 7));
        for (const crypto of Object.values(implementations)) {
          assert.deepEqual(crypto.verifyBatch([check, { ...check, [flip.part]: part }]), [true, false]);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("random bytes are refused by all, without a throw", () => {
  const lengths = fc.constantFrom(0, 31, 32, 33, 63, 64, 65, 72);
  const loose = lengths.chain(bytes);
  fc.assert(
    fc.property(
      anyAlgorithm,
      fc.oneof(bytes(32), bytes(33), loose),
      loose,
      fc.oneof(bytes(64), loose),
      (...parts) => {
        const [alg, publicKey, message, signature] = parts;
        if (publicKey.length === 33) publicKey[0] = 2 + (publicKey[0]! & 1);
        for (const crypto of Object.values(implementations))
          assert.equal(crypto.verify({ alg, publicKey, message, signature }), false);
      },
    ),
    { numRuns: 200 },
  );
});

test("a signature with high S is the twin of one with low S", () => {
  const high = vectors.cases.filter(({ name }) => name === "high S");
  assert.equal(high.length, 2);
  for (const { alg, publicKey, message, signature } of high) {
    const algorithm = ALGORITHMS[alg]!;
    const low = normalizeLowS(algorithm, fromHex(signature));
    const check = {
      alg: algorithm,
      publicKey: fromHex(publicKey),
      message: fromHex(message),
      signature: low,
    };
    assert.equal(nodeCrypto.verify(check), true);
    assert.deepEqual(normalizeLowS(algorithm, low), low);
    assert.throws(() => normalizeLowS(algorithm, low.subarray(1)), { code: "crypto.signature-form" });
    assert.throws(() => normalizeLowS(algorithm, new Uint8Array(64)), { code: "crypto.signature-form" });
  }
});

test("keys are what their seed says, and bad seeds are refused", () => {
  const seed = fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const publicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  assert.equal(toHex(keyFromSeed(ALG_EDDSA, seed).publicKey), publicKey);
  for (const alg of [ALG_ES256, ALG_ES256K] as const) {
    assert.throws(() => keyFromSeed(alg, new Uint8Array(32)), { code: "key.invalid-seed" });
    assert.throws(() => keyFromSeed(alg, new Uint8Array(32).fill(255)), { code: "key.invalid-seed" });
    assert.throws(() => keyFromSeed(alg, new Uint8Array(31).fill(1)), { code: "key.invalid-seed" });
    const draws = [new Uint8Array(32).fill(255), seed];
    assert.deepEqual(
      generateKey(alg, () => draws.shift()!),
      keyFromSeed(alg, seed),
    );
  }
});
