/**
 * Indexes for queries, written in the same durable batch as their block. They follow from blocks and state,
 * are not replicated, and could be made anew.
 */
import type { Crypto } from "@lhg/protocol/core/crypto";
import type { StateOverlay } from "@lhg/protocol/core/state/overlay";
import type { ExecutedStatement } from "@lhg/protocol/execute-block";
import type { StoreWrite } from "../store/store.ts";

export interface IndexedBlock {
  readonly crypto: Crypto;
  readonly height: number;
  readonly timeMs: number;
  readonly executed: readonly ExecutedStatement[];
  readonly overlay: StateOverlay;
}

export function indexBlock(_block: IndexedBlock): StoreWrite[] {
  return [];
}
