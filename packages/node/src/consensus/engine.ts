/** What every engine drives: the application port and the statements it proposes from. */
import type { BlockToExecute, ChainTip, CommitSummary, StatementInput } from "../application/application.ts";

export interface Application {
  execute(block: BlockToExecute): Promise<{ readonly blockHash: Uint8Array }>;
  commit(blockHash: Uint8Array, certificate: Uint8Array): Promise<CommitSummary>;
}

/** Where proposals take their statements from. */
export interface StatementSource {
  hasReady(): boolean;
  select(limits: {
    readonly statementsMax: number;
    readonly bytesMax: number;
  }): { readonly leafHash: Uint8Array }[];
  /** A verified statement by its leaf hash; undefined when this node lacks it. */
  find(leafHash: Uint8Array): StatementInput | undefined;
  pin(leafHashes: readonly Uint8Array[]): void;
}

export interface Engine {
  /** Statements have become ready. */
  noteWork(): void;
  readonly tip: ChainTip;
  /** Resolves when no block is being decided any more. */
  stop(): Promise<void>;
}
