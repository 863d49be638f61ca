/** What a verifier holds for true beforehand: the chain, and validators that it once trusted. */
import { hashValidators, sortValidators } from "@lhg/protocol/core/block/validator-set";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { nobleCrypto } from "../crypto/noble.ts";

export type { Trust };

/**
 * For how long validators are trusted after they were known to be in force, where nobody says otherwise: after that, keys
 * that they have given up long ago may have leaked.
 */
export const TRUST_LENGTH_MS_DEFAULT = 180 * 24 * 3_600_000;

/**
 * Pins the chain by its genesis. `lengthMs` bounds for how long its validators are trusted, as of `nowMs`; none
 * by default.
 */
export function trustFromGenesis(
  genesis: Genesis,
  options: {
    readonly lengthMs?: number;
    readonly nowMs?: number;
    readonly hasher?: Pick<Hasher, "sha256">;
  } = {},
): Trust {
  const { lengthMs, nowMs = Date.now(), hasher = nobleCrypto } = options;
  const chainId = computeChainId(hasher, genesis);
  const validatorsHash = hashValidators(hasher, sortValidators(hasher, genesis.validators));
  if (lengthMs === undefined) return { chainId, validatorsHash };
  return { chainId, validatorsHash, period: { pinnedAtMs: genesis.timeMs, lengthMs, nowMs } };
}
