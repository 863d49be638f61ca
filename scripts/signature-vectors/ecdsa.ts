/** ES256 and ES256K: scalars out of range, degenerate sums, encodings of keys and signatures. */

import type { p256 } from "@noble/curves/nist.js";
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concatBytes } from "../../packages/protocol/src/core/bytes.ts";
import { type AlgorithmName, addCase, MESSAGE, SEED } from "./cases.ts";

export type EcdsaCurve = typeof p256;
type EcdsaPoint = InstanceType<EcdsaCurve["Point"]>;

/** The secret nonce of the recovered keys. */
const NONCE = bytesToNumberBE(sha512(SEED));

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

export function addEcdsaCases(alg: EcdsaContext["alg"], curve: EcdsaCurve): void {
  const context: EcdsaContext = { alg, curve, order: curve.Point.Fn.ORDER, field: curve.Point.Fp.ORDER };
  addEcdsaEncodings(context);
  addEcdsaScalars(context);
  addEcdsaWrappedNonce(context);
  addEcdsaDegenerateSums(context);
  addEcdsaKeys(context);
}
