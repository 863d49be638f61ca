/** How much of its past CometBFT has to keep for the ledger. */
import { EVIDENCE_HEIGHTS_MAX } from "../../blocks/proposal.ts";

export interface KeptHeights {
  readonly headHeight: number;
  /** The newest whose commit is kept here: those of later ones are still to be fetched from CometBFT. */
  readonly certifiedHeight: number;
  /** Of the blocks that the ledger keeps whole. */
  readonly firstHeight: number;
  /** Of the oldest snapshot: who begins with it asks for this block's commit, and for every block after it. */
  readonly oldestSnapshot: number | undefined;
}

/** The first height whose block CometBFT must keep; 0: all of them. Never above the head. */
export function findRetainHeight(kept: KeptHeights): number {
  const { headHeight, certifiedHeight, firstHeight, oldestSnapshot = firstHeight } = kept;
  const first = Math.min(firstHeight, oldestSnapshot, certifiedHeight, headHeight - EVIDENCE_HEIGHTS_MAX);
  return first > 1 ? first : 0;
}
