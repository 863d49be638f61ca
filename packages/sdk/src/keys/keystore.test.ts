import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K } from "@lhg/protocol/core/crypto";
import fc from "fast-check";
import { generateKey } from "./keys.ts";
import { decryptKey, encryptKey, type KeyFile } from "./keystore.ts";

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const options = { random, scryptN: 2 ** 10 };
const key = generateKey(ALG_EDDSA, random);
const file = encryptKey(key, "correct horse", options);

/** The file with the value at a path such as `kdf.n` replaced. */
function replaceAt(path: string, value: unknown): unknown {
  const copy = structuredClone(file) as unknown as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop()!;
  let node = copy;
  for (const name of names) node = node[name] as Record<string, unknown>;
  node[last] = value;
  return copy;
}

test("keys of every algorithm come back through JSON", () => {
  for (const alg of [ALG_EDDSA, ALG_ES256, ALG_ES256K] as const) {
    const secretKey = generateKey(alg, random);
    const text = JSON.stringify(encryptKey(secretKey, "pässword", options));
    assert.deepEqual(decryptKey(JSON.parse(text), "pässword"), secretKey);
    // The decomposed form of the same passphrase.
    assert.deepEqual(decryptKey(JSON.parse(text), "pa\u0308ssword"), secretKey);
  }
});

test("the default cost is N = 2^17", () => {
  assert.equal(encryptKey(key, "x", { random }).kdf.n, 131_072);
});

test("a wrong passphrase has its own code", () => {
  assert.throws(() => decryptKey(file, "Correct horse"), { code: "keystore.wrong-passphrase" });
});

test("every changed hexadecimal digit is noticed", () => {
  const paths = ["publicKey", "kdf.salt", "cipher.nonce", "cipher.ciphertext"] as const;
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.nat(), (path, at) => {
      const [head, tail] = path.split(".") as ["kdf", "salt"];
      const text = tail === undefined ? (file[head as "publicKey"] as string) : file[head][tail];
      const index = at % text.length;
      const digit = text[index] === "0" ? "1" : "0";
      const changed = replaceAt(path, text.slice(0, index) + digit + text.slice(index + 1));
      assert.throws(() => decryptKey(changed, "correct horse"), { code: "keystore.wrong-passphrase" });
    }),
    { numRuns: 30 },
  );
  assert.throws(() => decryptKey(replaceAt("kdf.n", 2 ** 11), "correct horse"), {
    code: "keystore.wrong-passphrase",
  });
});

test("a public key that is not the secret's is refused though its maker knew the passphrase", () => {
  const other = generateKey(ALG_EDDSA, random);
  const lying = encryptKey({ ...key, publicKey: other.publicKey }, "x", options);
  assert.throws(() => decryptKey(lying, "x"), { code: "keystore.key-mismatch", field: "keystore.publicKey" });
});

test("hostile files are refused by field before any work", () => {
  const cases: readonly (readonly [path: string, value: unknown, code: string])[] = [
    ["version", 2, "keystore.unsupported"],
    ["alg", "RS256", "keystore.unsupported"],
    ["alg", "__proto__", "keystore.unsupported"],
    ["publicKey", "00", "keystore.malformed"],
    ["publicKey", "zz".repeat(32), "hex.invalid"],
    ["kdf", null, "keystore.malformed"],
    ["kdf", [], "keystore.malformed"],
    ["kdf.name", "pbkdf2", "keystore.unsupported"],
    ["kdf.n", 2 ** 30, "keystore.kdf-limits"],
    ["kdf.n", 2 ** 17 + 1, "keystore.kdf-limits"],
    ["kdf.n", 1, "keystore.kdf-limits"],
    ["kdf.n", -1024, "keystore.kdf-limits"],
    ["kdf.n", "131072", "keystore.kdf-limits"],
    ["kdf.r", 1024, "keystore.kdf-limits"],
    ["kdf.p", 2 ** 20, "keystore.kdf-limits"],
    ["kdf.salt", "00".repeat(1 << 20), "keystore.malformed"],
    ["cipher.name", "AES-128-CTR", "keystore.unsupported"],
    ["cipher.nonce", "", "keystore.malformed"],
    ["cipher.ciphertext", 7, "keystore.malformed"],
  ];
  for (const [path, value, code] of cases)
    assert.throws(() => decryptKey(replaceAt(path, value), "x"), { code, field: `keystore.${path}` });
  for (const junk of [undefined, null, 1, "{}", []])
    assert.throws(() => decryptKey(junk, "x"), { code: "keystore.malformed", field: "keystore" });
  assert.throws(() => encryptKey(key, "x", { random, scryptN: 2 ** 20 }), { code: "keystore.kdf-limits" });
});

test("random JSON never causes anything but an error with a code", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom<keyof KeyFile>("alg", "publicKey", "kdf", "cipher"),
      (value, path) => {
        assert.throws(() => decryptKey(replaceAt(path, value), "x"), { name: "LhgError" });
      },
    ),
    { numRuns: 100 },
  );
});
