/**
 * Writes packages/protocol/vectors/signatures.json: the edge cases of the one signature rule
 * (packages/sdk/src/crypto/signature-rule.ts). Deterministic: the same bytes at every run. The forged cases satisfy the
 * verification equation wherever that can be had, so that only the rule itself refuses them.
 */
import { writeFileSync } from "node:fs";
import { concatBytes, encodeUtf8, fromHex, toHex } from "../packages/protocol/src/core/bytes.ts";
import type { EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { ed25519, ed25519ctx, ed25519ph } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { bytesToNumberBE, bytesToNumberLE, numberToBytesBE, numberToBytesLE } from "@noble/curves/utils.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";

type AlgorithmName = "EdDSA" | "ES256" | "ES256K";

interface SignatureCase {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

interface WrittenCase {
  readonly name: string;
  readonly alg: AlgorithmName;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
}

const written: WrittenCase[] = [];

function addCase(
  alg: AlgorithmName,
  valid: boolean,
  { name, publicKey, message, signature }: SignatureCase,
): void {
  written.push({
    name,
    alg,
    publicKey: toHex(publicKey),
    message: toHex(message),
    signature: toHex(signature),
    valid,
  });
}

const MESSAGE = encodeUtf8("LHG");
const SEED = sha256(encodeUtf8("LHG signature vectors"));
const OTHER_SEED = sha256(SEED);

/* Ed25519 */

const { Point } = ed25519;
const BASE = Point.BASE;
const FIELD = Point.Fp.ORDER;
const ORDER = Point.Fn.ORDER;
/** A generator of the eight points of small order, and its multiples 0..7. */
const TORSION: readonly EdwardsPoint[] = listTorsion(
  Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
);
const ED_SECRET = ed25519.utils.getExtendedPublicKey(SEED);
/** The secret nonce of the forged cases. */
const NONCE = Point.Fn.create(bytesToNumberLE(sha512(SEED)));

function listTorsion(generator: EdwardsPoint): EdwardsPoint[] {
  const points = [Point.ZERO];
  while (points.length < 8) points.push(points.at(-1)!.add(generator));
  return points;
}

/** Encodings of small-order points with y >= p, or with the sign bit of x = 0 set. */
const NON_CANONICAL_SMALL_ORDER: readonly (readonly [string, Uint8Array])[] = [
  ["y = p", encodeY(FIELD, false)],
  ["y = p, sign bit", encodeY(FIELD, true)],
  ["y = p + 1", encodeY(FIELD + 1n, false)],
  ["y = p + 1, sign bit", encodeY(FIELD + 1n, true)],
  ["y = 1, x = 0 with sign bit", encodeY(1n, true)],
  ["y = -1, x = 0 with sign bit", encodeY(FIELD - 1n, true)],
];

function encodeY(y: bigint, signBit: boolean): Uint8Array {
  return numberToBytesLE(y | (signBit ? 1n << 255n : 0n), 32);
}

function challenge(encodedR: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return Point.Fn.create(bytesToNumberLE(sha512(concatBytes(encodedR, publicKey, message))));
}

/** The first message of a fixed sequence whose challenge k satisfies the condition. */
function findMessage(
  encodedR: Uint8Array,
  publicKey: Uint8Array,
  condition: (k: bigint) => boolean,
): { message: Uint8Array; k: bigint } {
  for (let i = 0; ; i++) {
    const message = encodeUtf8(`LHG ${i}`);
    const k = challenge(encodedR, publicKey, message);
    if (condition(k)) return { message, k };
  }
}

interface EdForgery {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly encodedR: Uint8Array;
  /** Discrete logarithms of the parts of R and A in <B>. */
  readonly nonce: bigint;
  readonly scalar: bigint;
  readonly condition?: (k: bigint) => boolean;
}

/** S = r + k * a, for a message whose challenge meets the condition. */
function addEdForgery(forgery: EdForgery): void {
  const { name, publicKey, encodedR, nonce, scalar, condition = () => true } = forgery;
  const { message, k } = findMessage(encodedR, publicKey, condition);
  const s = Point.Fn.create(nonce + k * scalar);
  addCase("EdDSA", false, {
    name,
    publicKey,
    message,
    signature: concatBytes(encodedR, numberToBytesLE(s, 32)),
  });
}

function addEdGoodCases(): void {
  const messages = [new Uint8Array(0), MESSAGE, new Uint8Array(1000).fill(0xa5)];
  for (const seed of [SEED, OTHER_SEED])
    for (const message of messages)
      addCase("EdDSA", true, {
        name: `signed by seed ${toHex(seed).slice(0, 8)}, ${message.length} bytes`,
        publicKey: ed25519.getPublicKey(seed),
        message,
        signature: ed25519.sign(message, seed),
      });
  // RFC 8032 section 7.1, TEST 3.
  addCase("EdDSA", true, {
    name: "RFC 8032 section 7.1 TEST 3",
    publicKey: fromHex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
    message: fromHex("af82"),
    signature: fromHex(
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
  });
}

function addEdSmallOrderKeys(): void {
  const encodedR = BASE.multiply(NONCE).toBytes();
  const keys = [
    ...TORSION.map((point, i) => [`${i} * T8`, point.toBytes()] as const),
    ...NON_CANONICAL_SMALL_ORDER,
  ];
  for (const [name, publicKey] of keys)
    addEdForgery({
      name: `A of small order: ${name}`,
      publicKey,
      encodedR,
      nonce: NONCE,
      scalar: 0n,
      condition: (k) => k % 8n === 0n,
    });
}

function addEdSmallOrderNonces(): void {
  const publicKey = ED_SECRET.pointBytes;
  const nonces = [
    ...TORSION.map((point, i) => [`${i} * T8`, point.toBytes()] as const),
    ...NON_CANONICAL_SMALL_ORDER,
  ];
  for (const [name, encodedR] of nonces)
    addEdForgery({
      name: `R of small order: ${name}`,
      publicKey,
      encodedR,
      nonce: 0n,
      scalar: ED_SECRET.scalar,
    });
  for (let i = 0; i < 8; i++)
    addEdForgery({
      name: `A = ${i} * T8 and R = T8, S = 0, the equation exact where it can be`,
      publicKey: TORSION[i]!.toBytes(),
      encodedR: TORSION[1]!.toBytes(),
      nonce: 0n,
      scalar: 0n,
      condition: (k) => i % 2 === 0 || (k * BigInt(i) + 1n) % 8n === 0n,
    });
}

function addEdMixedOrder(): void {
  const { scalar, point } = ED_SECRET;
  for (let i = 1; i < 8; i++) {
    const mixedKey = point.add(TORSION[i]!).toBytes();
    const nonce = BASE.multiply(NONCE);
    const mixed = { publicKey: mixedKey, encodedR: nonce.toBytes(), nonce: NONCE, scalar };
    addEdForgery({ ...mixed, name: `A + ${i} * T8, equation exact`, condition: (k) => k % 8n === 0n });
    addEdForgery({
      ...mixed,
      name: `A + ${i} * T8, cofactored only`,
      condition: (k) => (k * BigInt(i)) % 8n !== 0n,
    });
    const mixedR = nonce.add(TORSION[i]!).toBytes();
    addEdForgery({
      name: `R + ${i} * T8, cofactored only`,
      publicKey: ED_SECRET.pointBytes,
      encodedR: mixedR,
      nonce: NONCE,
      scalar,
    });
    addEdForgery({
      name: `A + ${i} * T8 and R + ${i} * T8, equation exact`,
      ...mixed,
      encodedR: mixedR,
      condition: (k) => ((k + 1n) * BigInt(i)) % 8n === 0n,
    });
  }
}

/** y in 2..18 written as y + p: points of the curve, mostly of mixed order, and y that are on no point. */
function addEdNonCanonical(): void {
  const encodedR = BASE.multiply(NONCE).toBytes();
  for (let y = 2n; y < 19n; y++) {
    const encoding = encodeY(y + FIELD, false);
    addEdForgery({ name: `A with y = p + ${y}`, publicKey: encoding, encodedR, nonce: NONCE, scalar: 0n });
    addEdForgery({
      name: `R with y = p + ${y}`,
      publicKey: ED_SECRET.pointBytes,
      encodedR: encoding,
      nonce: 0n,
      scalar: ED_SECRET.scalar,
    });
  }
  for (const [name, encoding] of [
    ["y = 2, on no point", encodeY(2n, false)],
    ["y = 2^255 - 1", encodeY((1n << 255n) - 1n, false)],
    ["all bits set", new Uint8Array(32).fill(0xff)],
  ] as const) {
    addEdForgery({ name: `A with ${name}`, publicKey: encoding, encodedR, nonce: NONCE, scalar: 0n });
    addEdForgery({
      name: `R with ${name}`,
      publicKey: ED_SECRET.pointBytes,
      encodedR: encoding,
      nonce: 0n,
      scalar: ED_SECRET.scalar,
    });
  }
}

function addEdScalars(): void {
  const publicKey = ED_SECRET.pointBytes;
  const signature = ed25519.sign(MESSAGE, SEED);
  const encodedR = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  for (let multiple = 1n; s + multiple * ORDER < 1n << 256n; multiple++)
    addCase("EdDSA", false, {
      name: `S + ${multiple} * L`,
      publicKey,
      message: MESSAGE,
      signature: concatBytes(encodedR, numberToBytesLE(s + multiple * ORDER, 32)),
    });
  for (const [name, value] of [
    ["S = L", ORDER],
    ["S = L - 1", ORDER - 1n],
    ["S = 0", 0n],
    ["S = 2^256 - 1", (1n << 256n) - 1n],
    ["S of the opposite sign", ORDER - s],
  ] as const)
    addCase("EdDSA", false, {
      name,
      publicKey,
      message: MESSAGE,
      signature: concatBytes(encodedR, numberToBytesLE(value, 32)),
    });
}

function addEdVariants(): void {
  const publicKey = ED_SECRET.pointBytes;
  addCase("EdDSA", false, {
    name: "Ed25519ph",
    publicKey,
    message: MESSAGE,
    signature: ed25519ph.sign(MESSAGE, SEED),
  });
  addCase("EdDSA", false, {
    name: "Ed25519ctx",
    publicKey,
    message: MESSAGE,
    signature: ed25519ctx.sign(MESSAGE, SEED, { context: MESSAGE }),
  });
}

/* What every algorithm has in common */

function addCommonCases(alg: AlgorithmName, good: Omit<SignatureCase, "name">, otherKey: Uint8Array): void {
  const { publicKey, message, signature } = good;
  const changes: Record<string, Partial<SignatureCase>> = {
    "wrong key": { publicKey: otherKey },
    "wrong message": { message: concatBytes(message, new Uint8Array(1)) },
    "empty message": { message: new Uint8Array(0) },
    "signature one byte short": { signature: signature.subarray(0, 63) },
    "signature one byte long": { signature: concatBytes(signature, new Uint8Array(1)) },
    "signature one byte long in front": { signature: concatBytes(new Uint8Array(1), signature) },
    "empty signature": { signature: new Uint8Array(0) },
    "zero signature": { signature: new Uint8Array(64) },
    "signature of ones": { signature: new Uint8Array(64).fill(0xff) },
    "halves of the signature exchanged": {
      signature: concatBytes(signature.subarray(32), signature.subarray(0, 32)),
    },
    "key one byte short": { publicKey: publicKey.subarray(0, -1) },
    "key one byte long": { publicKey: concatBytes(publicKey, new Uint8Array(1)) },
    "empty key": { publicKey: new Uint8Array(0) },
    "zero key": { publicKey: new Uint8Array(publicKey.length) },
    "key of ones": { publicKey: new Uint8Array(publicKey.length).fill(0xff) },
  };
  for (const [name, change] of Object.entries(changes)) addCase(alg, false, { name, ...good, ...change });
}

/* ECDSA */

type EcdsaCurve = typeof p256;
type EcdsaPoint = InstanceType<EcdsaCurve["Point"]>;

interface EcdsaContext {
  readonly alg: Exclude<AlgorithmName, "EdDSA">;
  readonly curve: EcdsaCurve;
  readonly order: bigint;
  readonly field: bigint;
}

function encodeScalars(r: bigint, s: bigint): Uint8Array {
  return concatBytes(numberToBytesBE(r, 32), numberToBytesBE(s, 32));
}

function digestScalar({ curve }: EcdsaContext, message: Uint8Array): bigint {
  return curve.Point.Fn.create(bytesToNumberBE(sha256(message)));
}

/** The key Q = r^-1 (sR - eG) under which (r, s) signs MESSAGE with the nonce point R. */
function recoverKey(context: EcdsaContext, point: EcdsaPoint, r: bigint, s: bigint): Uint8Array {
  const { Fn, BASE: generator } = context.curve.Point;
  const inverse = Fn.inv(r);
  const e = digestScalar(context, MESSAGE);
  return point
    .multiply(Fn.create(s * inverse))
    .subtract(generator.multiply(Fn.create(e * inverse)))
    .toBytes(true);
}

function addEcdsaScalars(context: EcdsaContext): void {
  const { alg, curve, order } = context;
  const publicKey = curve.getPublicKey(SEED, true);
  const good = curve.sign(MESSAGE, SEED, { prehash: true, lowS: true });
  const r = bytesToNumberBE(good.subarray(0, 32));
  const s = bytesToNumberBE(good.subarray(32));
  const pairs: Record<string, readonly [bigint, bigint]> = {
    "high S": [r, order - s],
    "r = 0": [0n, s],
    "s = 0": [r, 0n],
    "r = n": [order, s],
    "s = n": [r, order],
    "r = n - r": [order - r, s],
    "r = 2^256 - 1": [(1n << 256n) - 1n, s],
  };
  for (const [name, [wrongR, wrongS]] of Object.entries(pairs))
    addCase(alg, false, { name, publicKey, message: MESSAGE, signature: encodeScalars(wrongR, wrongS) });

  const nonce = curve.Point.BASE.multiply(curve.Point.Fn.create(NONCE));
  const nonceR = curve.Point.Fn.create(nonce.toAffine().x);
  const half = order >> 1n;
  for (const [name, value, valid] of [
    ["s = 1", 1n, true],
    ["s = (n - 1) / 2", half, true],
    ["s = (n + 1) / 2", half + 1n, false],
    ["s = n - 1", order - 1n, false],
  ] as const)
    addCase(alg, valid, {
      name,
      publicKey: recoverKey(context, nonce, nonceR, value),
      message: MESSAGE,
      signature: encodeScalars(nonceR, value),
    });
  addCase(alg, false, {
    name: "s = 1 written as n + 1",
    publicKey: recoverKey(context, nonce, nonceR, 1n),
    message: MESSAGE,
    signature: encodeScalars(nonceR, order + 1n),
  });
}

/** The nonce point's x lies between n and p: r is x - n, and x itself is no valid r. */
function addEcdsaWrappedNonce(context: EcdsaContext): void {
  const { alg, order } = context;
  let x = order + 1n;
  while (tryDecompress(context, x) === undefined) x++;
  const nonce = tryDecompress(context, x)!;
  const publicKey = recoverKey(context, nonce, x - order, 7n);
  addCase(alg, true, {
    name: "x of the nonce point between n and p",
    publicKey,
    message: MESSAGE,
    signature: encodeScalars(x - order, 7n),
  });
  addCase(alg, false, {
    name: "x of the nonce point between n and p, written unreduced",
    publicKey,
    message: MESSAGE,
    signature: encodeScalars(x, 7n),
  });
}

function tryDecompress({ curve }: EcdsaContext, x: bigint): EcdsaPoint | undefined {
  try {
    return curve.Point.fromBytes(concatBytes(Uint8Array.of(2), numberToBytesBE(x, 32)));
  } catch {
    return undefined;
  }
}

/** d = e / r makes u1 G = u2 Q (the sum is a doubling); d = -e / r makes it the point at infinity. */
function addEcdsaDegenerateSums(context: EcdsaContext): void {
  const { alg, curve } = context;
  const { Fn, BASE: generator } = curve.Point;
  const e = digestScalar(context, MESSAGE);
  for (let k = 2n, found = false; !found; k++) {
    const r = Fn.create(generator.multiply(k).toAffine().x);
    const s = Fn.create(2n * e * Fn.inv(k));
    if (s > context.order >> 1n) continue;
    found = true;
    const d = Fn.create(e * Fn.inv(r));
    const signature = encodeScalars(r, s);
    const publicKey = generator.multiply(d).toBytes(true);
    const opposite = generator.multiply(Fn.neg(d)).toBytes(true);
    addCase(alg, true, { name: "u1 G = u2 Q", publicKey, message: MESSAGE, signature });
    addCase(alg, false, { name: "u1 G + u2 Q = infinity", publicKey: opposite, message: MESSAGE, signature });
  }
}

function addEcdsaKeys(context: EcdsaContext): void {
  const { alg, curve, field } = context;
  const publicKey = curve.getPublicKey(SEED, true);
  const uncompressed = curve.getPublicKey(SEED, false);
  const signature = curve.sign(MESSAGE, SEED, { prehash: true, lowS: true });
  const addKey = (name: string, key: Uint8Array): void =>
    addCase(alg, false, { name, publicKey: key, message: MESSAGE, signature });
  addKey("uncompressed key", uncompressed);
  addKey("hybrid key 06", uncompressed.with(0, 6));
  addKey("hybrid key 07", uncompressed.with(0, 7));
  addKey("uncompressed key without its prefix", uncompressed.subarray(1));
  addKey("opposite y", publicKey.with(0, publicKey[0]! ^ 1));
  for (const prefix of [0, 1, 4, 5, 6, 7, 0x82])
    addKey(`compressed key with prefix ${prefix}`, publicKey.with(0, prefix));
  addKey("point at infinity", Uint8Array.of(0));
  let onCurve = 1n;
  while (tryDecompress(context, onCurve) === undefined) onCurve++;
  let offCurve = 1n;
  while (tryDecompress(context, offCurve) !== undefined) offCurve++;
  for (const [name, x] of [
    ["x on no point", offCurve],
    ["x >= p of a point", onCurve + field],
    ["x = p", field],
    ["x = 0", 0n],
  ] as const)
    for (const prefix of [2, 3])
      addKey(`${name}, prefix ${prefix}`, concatBytes(Uint8Array.of(prefix), numberToBytesBE(x, 32)));
}

function addEcdsaEncodings({ alg, curve }: EcdsaContext): void {
  const publicKey = curve.getPublicKey(SEED, true);
  const sign = (message: Uint8Array, options: Parameters<EcdsaCurve["sign"]>[2]): Uint8Array =>
    curve.sign(message, SEED, { lowS: true, ...options });
  for (const message of [MESSAGE, new Uint8Array(0), new Uint8Array(1000).fill(0xa5)])
    addCase(alg, true, {
      name: `signed, ${message.length} bytes`,
      publicKey,
      message,
      signature: sign(message, { prehash: true }),
    });
  addCase(alg, false, {
    name: "DER signature",
    publicKey,
    message: MESSAGE,
    signature: sign(MESSAGE, { prehash: true, format: "der" }),
  });
  addCase(alg, false, {
    name: "signature with recovery byte",
    publicKey,
    message: MESSAGE,
    signature: sign(MESSAGE, { prehash: true, format: "recovered" }),
  });
  addCase(alg, false, {
    name: "message taken as its own digest",
    publicKey,
    message: SEED,
    signature: sign(SEED, { prehash: false }),
  });
}

addEdGoodCases();
addEdSmallOrderKeys();
addEdSmallOrderNonces();
addEdMixedOrder();
addEdNonCanonical();
addEdScalars();
addEdVariants();
addCommonCases(
  "EdDSA",
  { publicKey: ED_SECRET.pointBytes, message: MESSAGE, signature: ed25519.sign(MESSAGE, SEED) },
  ed25519.getPublicKey(OTHER_SEED),
);
for (const [alg, curve, otherCurve] of [
  ["ES256", p256, secp256k1],
  ["ES256K", secp256k1, p256],
] as const) {
  const context: EcdsaContext = { alg, curve, order: curve.Point.Fn.ORDER, field: curve.Point.Fp.ORDER };
  addEcdsaEncodings(context);
  addEcdsaScalars(context);
  addEcdsaWrappedNonce(context);
  addEcdsaDegenerateSums(context);
  addEcdsaKeys(context);
  const good = {
    publicKey: curve.getPublicKey(SEED, true),
    message: MESSAGE,
    signature: curve.sign(MESSAGE, SEED, { prehash: true, lowS: true }),
  };
  addCommonCases(alg, good, curve.getPublicKey(OTHER_SEED, true));
  addCase(alg, false, {
    name: "key of the other curve",
    ...good,
    publicKey: otherCurve.getPublicKey(SEED, true),
  });
}

const lines = written.map((entry) => `    ${JSON.stringify(entry)}`);
const head = "Edge cases of the one signature rule; written by scripts/write-signature-vectors.ts.";
writeFileSync(
  new URL("../packages/protocol/vectors/signatures.json", import.meta.url),
  `{\n  "description": ${JSON.stringify(head)},\n  "cases": [\n${lines.join(",\n")}\n  ]\n}\n`,
);
