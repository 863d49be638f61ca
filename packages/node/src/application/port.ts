/** What goes over the application port: blocks to execute, what became of them, what the engine needs to go on. */
import type { Header } from "@lhg/protocol/core/block/header";
import type { ValidatorSet } from "@lhg/protocol/core/block/validator-set";
import type { Crypto } from "@lhg/protocol/core/crypto";
import type { StateOverlay } from "@lhg/protocol/core/state/overlay";
import type { ExecutedStatement } from "@lhg/protocol/execute-block";
import type { HeaderBase } from "../blocks/proposal.ts";
import type { HeadRecord } from "../blocks/records.ts";
import type { StoreWrite } from "../store/store.ts";

/** A statement as the other threads hand it over. */
export interface StatementInput {
  /** Encoded submission. */
  readonly bytes: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly isSignatureValid: boolean;
}

export interface BlockToExecute {
  readonly header: Header;
  /** Where the engine names its blocks by a header of its own: that one's hash. */
  readonly blockHash?: Uint8Array;
  readonly statements: readonly StatementInput[];
  readonly lastCertificate: Uint8Array | null;
  readonly evidence: readonly Uint8Array[];
}

export type CheckVerdict =
  | { readonly verdict: "admissible" }
  | {
      readonly verdict: "not-yet" | "refused";
      readonly code: string;
      readonly field: string;
      readonly message: string;
    };

/** What the engine needs to go on after a block, and what senders are told. */
export interface ChainTip {
  readonly head: HeadRecord;
  /** Everything of the next header but time, proposer, statements and evidence. */
  readonly base: HeaderBase;
  /** Who signs the next block. */
  readonly validators: ValidatorSet;
  /** Who signed the head; empty before the first block. */
  readonly headValidators: ValidatorSet;
  /** The last block changed the app hash: the next is proposed at once, to make it provable. */
  readonly isUnproven: boolean;
  readonly nextDueMs: number | undefined;
  readonly limits: { readonly blockSizeBytesMax: number; readonly blockStatementsMax: number };
}

export interface StatementResult {
  readonly id: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly status: string;
}

export interface SkipResult {
  readonly id: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly verdict: Exclude<CheckVerdict, { verdict: "admissible" }>;
}

export interface CommitSummary {
  readonly tip: ChainTip;
  readonly executed: readonly StatementResult[];
  readonly skipped: readonly SkipResult[];
}

export interface ExecutionReport {
  /** Of the state after the block. */
  readonly appHash: Uint8Array;
  readonly executed: readonly {
    readonly position: number;
    readonly status: number;
    readonly gasUsed: number;
  }[];
  readonly skipped: readonly { readonly position: number; readonly code: string }[];
  /** Who signs the block after it, and the one after that. */
  readonly validators: ValidatorSet;
  readonly nextValidators: ValidatorSet;
  readonly blockSizeBytesMax: { readonly before: number; readonly after: number };
}

/** Writes that make the statements of a block findable; they join the block's batch. */
export type BlockIndexer = (block: {
  readonly crypto: Crypto;
  readonly height: number;
  readonly timeMs: number;
  readonly executed: readonly ExecutedStatement[];
  readonly overlay: StateOverlay;
}) => StoreWrite[];
