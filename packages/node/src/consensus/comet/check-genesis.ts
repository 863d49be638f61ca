/** Whether CometBFT's genesis is of the same chain as the ledger's. */
import { hashValidators, type Signatory, sortValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeChainId, type Genesis } from "@lhg/protocol/core/genesis";

export interface GenesisAnnounced {
  readonly chainId: string;
  readonly timeMs: number;
  readonly initialHeight: number;
  /** In CometBFT's order. */
  readonly validators: readonly Signatory[];
}

/** CometBFT keeps the genesis that it began with, whatever its file says later. */
export const GENESIS_CURE =
  'take both from one "lhg init", and empty CometBFT\'s data folder but for priv_validator_state.json, where it keeps the genesis that it began with';

/** Throws `genesis.mismatch` naming the first field that differs. */
export function checkGenesis(hasher: Hasher, genesis: Genesis, announced: GenesisAnnounced): void {
  const expected = computeChainId(hasher, genesis);
  const differs = (field: string, said: string, held: string): never => {
    throw new LhgError(
      "genesis.mismatch",
      `CometBFT's genesis says ${said}, the ledger's ${held}: ${GENESIS_CURE}`,
      field,
    );
  };
  if (announced.chainId !== expected) differs("chain_id", announced.chainId, expected);
  if (announced.initialHeight !== 1) differs("initial_height", `${announced.initialHeight}`, "1");
  if (announced.timeMs !== genesis.timeMs)
    differs("genesis_time", new Date(announced.timeMs).toISOString(), new Date(genesis.timeMs).toISOString());
  const set = sortValidators(hasher, genesis.validators);
  if (!equalBytes(hashValidators(hasher, announced.validators), hashValidators(hasher, set)))
    differs("validators", "another set of validators", "its own");
}
