/** What every engine drives: the application port and the statements it proposes from. */
import type { Certificate } from "@lhg/protocol/core/block/certificate";
import type { Header } from "@lhg/protocol/core/block/header";
import type { BlockToExecute, ChainTip, CommitSummary, StatementInput } from "../application/port.ts";
import type { WireBlock } from "../blocks/wire-block.ts";

export interface Application {
  execute(block: BlockToExecute): Promise<{ readonly blockHash: Uint8Array }>;
  /** `certificate`: null where the engine tells it after the block. */
  commit(blockHash: Uint8Array, certificate: Uint8Array | null): Promise<CommitSummary>;
  /** Sound, recent, and not on record yet. */
  isFreshEvidence(encoded: Uint8Array): Promise<boolean>;
}

/** What became of the search for statements of a proposal. */
export type Obtained = "obtained" | "invalid" | "unavailable";

/** Where proposals take their statements from. */
export interface StatementSource {
  hasReady(): boolean;
  select(limits: {
    readonly statementsMax: number;
    readonly bytesMax: number;
  }): { readonly leafHash: Uint8Array }[];
  /** A verified statement by its leaf hash, if a crash can't take it from this node; undefined when it has none. */
  find(leafHash: Uint8Array): StatementInput | undefined;
  /** Gets these statements from wherever they are, verified and durable: `invalid` when one of them is no valid statement. */
  obtain(leafHashes: readonly Uint8Array[], isWanted: () => boolean): Promise<Obtained>;
  pin(leafHashes: readonly Uint8Array[]): void;
}

export interface CommittedBlock {
  readonly header: Header;
  /** Undefined where it comes after the block. */
  readonly certificate?: Certificate;
  readonly evidence: readonly Uint8Array[];
}

export interface Engine {
  /** Statements have become ready. */
  noteWork(): void;
  readonly tip: ChainTip;
  /** The newest height whose header is certified here: what the blocks up to the one before it made is provable. */
  readonly certifiedHeight: number;
  /** Resolves when no block is being decided any more. */
  stop(): Promise<void>;
}

/** An engine whose node fetches blocks from peers. */
export interface PeeredEngine extends Engine {
  /**
   * Takes a decided block from a peer: checks it, executes it, commits it. False when its height was decided meanwhile. Throws
   * `certificate.*` or `block.*` when it is not the chain's.
   */
  applyBlock(block: WireBlock, statements: readonly StatementInput[]): Promise<boolean>;
}
