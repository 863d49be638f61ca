/** Ed25519: points of small and mixed order, encodings that are not canonical, scalars out of range. */

import type { EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { ed25519, ed25519ctx, ed25519ph } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, numberToBytesLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concatBytes, encodeUtf8, fromHex, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { addCase, MESSAGE, OTHER_SEED, SEED } from "./cases.ts";

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
      name: `A = ${i} * T8 and R = T8, S = 0, equation exact for odd multiples`,
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

export function addEd25519Cases(): void {
  addEdGoodCases();
  addEdSmallOrderKeys();
  addEdSmallOrderNonces();
  addEdMixedOrder();
  addEdNonCanonical();
  addEdScalars();
  addEdVariants();
}
