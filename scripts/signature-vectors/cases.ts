import { sha256 } from "@noble/hashes/sha2.js";
import { encodeUtf8, toHex } from "../../packages/protocol/src/core/bytes.ts";

export type AlgorithmName = "EdDSA" | "ES256" | "ES256K";

export interface SignatureCase {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export interface WrittenCase {
  readonly name: string;
  readonly alg: AlgorithmName;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
}

/** Every case so far, in the order of the file. */
export const written: WrittenCase[] = [];

export function addCase(
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

export const MESSAGE = encodeUtf8("LHG");
export const SEED = sha256(encodeUtf8("LHG signature vectors"));
export const OTHER_SEED = sha256(SEED);
