/** Stand-ins that keep simulated networks fast: signatures are keyed checksums, a block is a few bytes. */
import { hash } from "node:crypto";
import { encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import { bytes, decode, encode, type Infer, record, uint } from "@lhg/protocol/core/codec/definition";
import type { SignatureCheck } from "@lhg/protocol/core/crypto";
import type { ProposalFacts, SigningPort, Validator } from "../src/consensus/dbft/core.ts";

export function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", data, "buffer"));
}

const pool: Validator[] = [];

export function makeValidators(count: number): Validator[] {
  while (pool.length < count)
    pool.push({ consensusKey: sha256(encodeUtf8(`validator ${pool.length}`)), power: 1n });
  return pool.slice(0, count);
}

const LANES = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;
const SIGNATURE_BYTES = 64;

/** Anyone could forge these; the simulated traitors sign with their own keys only. A tenth of the time of SHA-256. */
function toySignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES);
  for (const [lane, seed] of LANES.entries()) {
    let sum: number = seed;
    for (let i = 0; i < publicKey.length; i++) sum = Math.imul(sum ^ publicKey[i]!, 0x01000193);
    for (let i = 0; i < message.length; i++) sum = Math.imul((sum ^ message[i]!) + i, 0x01000193);
    for (let i = lane; i < SIGNATURE_BYTES; i += LANES.length) {
      sum = Math.imul(sum ^ (sum >>> 15), seed);
      signature[i] = sum >>> 24;
    }
  }
  return signature;
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
type ToyBlock = Infer<typeof toyBlock>;

export function makeProposal(block: ToyBlock): Uint8Array {
  return encode(toyBlock, block);
}

const opened = new WeakMap<Uint8Array, (ProposalFacts & ToyBlock) | null>();

/** Proposals are never changed in place, so each buffer is opened once. */
export function openProposal(proposal: Uint8Array): (ProposalFacts & ToyBlock) | undefined {
  const known = opened.get(proposal);
  if (known !== undefined) return known ?? undefined;
  const block = readBlock(proposal);
  opened.set(proposal, block ?? null);
  return block;
}

function readBlock(proposal: Uint8Array): (ProposalFacts & ToyBlock) | undefined {
  try {
    return { blockHash: sha256(proposal), ...decode(toyBlock, proposal) };
  } catch {
    return undefined;
  }
}
