/** Stand-ins that keep simulated networks fast: signatures are keyed hashes, a block is a few bytes. */
import { hash } from "node:crypto";
import { concatBytes, encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import { bytes, decode, encode, type Infer, record, uint } from "@lhg/protocol/core/codec/definition";
import type { SignatureCheck } from "@lhg/protocol/core/crypto";
import type { ProposalFacts, SigningPort, Validator } from "../src/consensus/dbft/core.ts";

function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", data, "buffer"));
}

export function makeValidators(count: number): Validator[] {
  return Array.from({ length: count }, (_, i) => {
    return { consensusKey: sha256(encodeUtf8(`validator ${i}`)), power: 1n };
  });
}

/** Anyone could forge these; the simulated traitors sign with their own keys only. */
function toySignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const digest = sha256(concatBytes(publicKey, message));
  return concatBytes(digest, digest);
}

function verifyToy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return equalBytes(toySignature(publicKey, message), signature);
}

export function makeSigning(publicKey: Uint8Array): SigningPort {
  return { sign: (message) => toySignature(publicKey, message), verify: verifyToy };
}

export const toyVerifier = {
  verifyBatch: (checks: readonly SignatureCheck[]): boolean[] =>
    checks.map(({ publicKey, message, signature }) => verifyToy(publicKey, message, signature)),
};

const toyBlock = record(undefined, {
  height: uint(),
  timeMs: uint(),
  parentHash: bytes(32),
  payload: bytes({ max: 1000 }),
});

export function makeProposal(block: Infer<typeof toyBlock>): Uint8Array {
  return encode(toyBlock, block);
}

export function openProposal(proposal: Uint8Array): ProposalFacts | undefined {
  try {
    return { blockHash: sha256(proposal), ...decode(toyBlock, proposal) };
  } catch {
    return undefined;
  }
}
