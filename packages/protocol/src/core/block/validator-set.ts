import { address } from "../account.ts";
import { compareBytes, concatBytes } from "../bytes.ts";
import { array, bytes, type Codec, type Infer, record, refine, uint64 } from "../codec/definition.ts";
import { encodeVarint } from "../codec/protobuf.ts";
import type { Hasher } from "../crypto.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";

/** Validators carry an operator account, an Ed25519 consensus key and power. */
export const validator = record(undefined, { operator: address, consensusKey: bytes(32), power: uint64 });
export type Validator = Infer<typeof validator>;

export const VALIDATORS_MAX = 256;
/** Total power of a set, below CometBFT's cap of (2^63 - 1) / 8. */
export const TOTAL_POWER_MAX = 1n << 59n;

function checkPowers(set: readonly Signatory[]): { code: string; message: string } | undefined {
  if (set.every((entry) => entry.power > 0n) && totalPower(set) <= TOTAL_POWER_MAX) return undefined;
  return { code: "validators.power", message: "powers must be positive, and at most 2^59 in all" };
}

/** A set in CometBFT's order: power descending, then address ascending. The order is part of the format. */
export const validatorSet: Codec<readonly Validator[]> = refine(
  array(validator, { min: 1, max: VALIDATORS_MAX }),
  checkPowers,
);
export type ValidatorSet = readonly Validator[];

/** What the hash of a set covers of a validator, and so all that a proof may carry of one. */
export const signatory = record(undefined, { consensusKey: bytes(32), power: uint64 });
export type Signatory = Infer<typeof signatory>;
export const signatorySet: Codec<readonly Signatory[]> = refine(
  array(signatory, { min: 1, max: VALIDATORS_MAX }),
  checkPowers,
);

/** CometBFT's address of a consensus key: the first 20 bytes of its SHA-256. */
export function validatorAddress(hasher: Pick<Hasher, "sha256">, consensusKey: Uint8Array): Uint8Array {
  return hasher.sha256(consensusKey).slice(0, 20);
}

export function sortValidators(hasher: Pick<Hasher, "sha256">, set: readonly Validator[]): Validator[] {
  const entries = set.map((entry) => ({ entry, address: validatorAddress(hasher, entry.consensusKey) }));
  entries.sort((a, b) =>
    a.entry.power === b.entry.power
      ? compareBytes(a.address, b.address)
      : a.entry.power > b.entry.power
        ? -1
        : 1,
  );
  return entries.map(({ entry }) => entry);
}

export function totalPower(set: readonly Signatory[]): bigint {
  return set.reduce((sum, entry) => sum + entry.power, 0n);
}

/**
 * CometBFT's ValidatorSet.Hash: the RFC 6962 root over each validator's SimpleValidator protobuf
 * `{ 1: PublicKey { 1: ed25519 }, 2: voting_power }`. `set` must stand in CometBFT's order.
 */
export function hashValidators(hasher: Pick<Hasher, "sha256">, set: readonly Signatory[]): Uint8Array {
  const leaf = (entry: Signatory): Uint8Array =>
    concatBytes(
      Uint8Array.of(0x0a, 0x22, 0x0a, 0x20),
      entry.consensusKey,
      Uint8Array.of(0x10),
      encodeVarint(entry.power),
    );
  return logRoot(
    hasher,
    set.map((entry) => hashLeaf(hasher, leaf(entry))),
  );
}

/** Validators and approvals a set of `count` needs: floor(N / 2) + 1 approvals, N - floor((N - 1) / 3) votes. */
export function approvalsNeeded(count: number): number {
  return Math.floor(count / 2) + 1;
}

export function votesNeeded(count: number): number {
  return count - Math.floor((count - 1) / 3);
}
