/**
 * Writes packages/protocol/vectors/signatures.json: the edge cases of the one signature rule
 * (packages/sdk/src/crypto/signature-rule.ts). Deterministic: the same bytes at every run. The forged cases satisfy the
 * verification equation wherever that can be had, so that only the rule itself refuses them.
 */
import { writeFileSync } from "node:fs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { concatBytes } from "../packages/protocol/src/core/bytes.ts";
import {
  type AlgorithmName,
  addCase,
  MESSAGE,
  OTHER_SEED,
  SEED,
  type SignatureCase,
  written,
} from "./signature-vectors/cases.ts";
import { addEcdsaCases } from "./signature-vectors/ecdsa.ts";
import { addEd25519Cases } from "./signature-vectors/ed25519.ts";

/** What can go wrong with a signature of any algorithm. */
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

addEd25519Cases();
addCommonCases(
  "EdDSA",
  { publicKey: ed25519.getPublicKey(SEED), message: MESSAGE, signature: ed25519.sign(MESSAGE, SEED) },
  ed25519.getPublicKey(OTHER_SEED),
);
for (const [alg, curve, otherCurve] of [
  ["ES256", p256, secp256k1],
  ["ES256K", secp256k1, p256],
] as const) {
  addEcdsaCases(alg, curve);
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
