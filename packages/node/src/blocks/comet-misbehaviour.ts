/** What CometBFT says of a validator that broke its rules. The proof itself stays with CometBFT, which has verified it. */
import { address } from "@lhg/protocol/core/account";
import { type Infer, record, uint } from "@lhg/protocol/core/codec/definition";

/** Beside the vote types of dBFT, 1 to 4; never reused. */
export const COMET_DUPLICATE_VOTE = 17;
export const COMET_LIGHT_CLIENT_ATTACK = 18;

/**
 * CometBFT's blocks hold up to a megabyte of evidence: thousands of pieces, of one validator alone if it signs that much. What is beyond goes
 * without record, the same on every node.
 */
export const MISBEHAVIOURS_PER_BLOCK_MAX = 1_024;

/** Version 2: version 1 is dBFT's evidence. */
export const cometMisbehaviour = record(2, {
  height: uint(),
  type: uint(COMET_LIGHT_CLIENT_ATTACK),
  /** CometBFT's: the first 20 bytes of the SHA-256 of the consensus key. */
  address,
});
export type CometMisbehaviour = Infer<typeof cometMisbehaviour>;
