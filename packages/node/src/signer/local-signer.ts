/** A key in this process. */
import type { Signer } from "@lhg/protocol/core/cose";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ConsensusSigner } from "./consensus-signer.ts";

/** Bare, without a guard: the core's own durable votes stand in front of it. Throws `signer.key-algorithm`. */
export function createLocalSigner(signer: Signer): ConsensusSigner {
  const { alg, bytes } = signer.publicKey;
  if (alg !== ALG_EDDSA) throw new LhgError("signer.key-algorithm", "must be EdDSA (Ed25519)", "key");
  return { publicKey: bytes, sign: (message) => signer.sign(message) };
}
