/** The ledger's time of a block that CometBFT made: its own, in milliseconds, made to ascend. */

/** `timeMs`: of CometBFT's header, rounded down. `beforeMs`: the ledger's time of the block before, or of genesis. */
export function followCometTime(beforeMs: number, timeMs: number): number {
  return Math.max(timeMs, beforeMs + 1);
}

/**
 * The same without the blocks before. The first block has the time of genesis, each later one is a millisecond later at least, as
 * CometBFT's validators vote (`voteTime`). So the ledger is ahead, by one millisecond, as long as every block was exactly one later,
 * and never again after the first that was not.
 */
export function settleCometTime(genesisMs: number, height: number, timeMs: number): number {
  return Math.max(timeMs, genesisMs + height);
}
