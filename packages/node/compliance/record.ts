/** What a driver hands to the checks: what went over the application port of each replica, and what it came to. */
import type { LedgerApplication } from "../src/application/application.ts";
import type { BlockIndexer, BlockToExecute, ExecutionReport } from "../src/application/port.ts";
import type { HeadRecord } from "../src/blocks/records.ts";
import type { Finalized } from "../src/consensus/comet/comet-engine.ts";
import type { World } from "./world.ts";

/** A block that a replica committed; again where a loss of power took it, and the engine replayed it. */
export interface CommitNote {
  /** Lives of the application, from 0 on: a crash ends one. */
  readonly life: number;
  readonly block: BlockToExecute;
  readonly report: ExecutionReport;
  /** After the block. */
  readonly head: HeadRecord;
  /** SHA-256 of all that was stored then, but for certificates that come after their blocks. */
  readonly storeHash: string;
}

/** How a life began. */
export interface StartNote {
  readonly life: number;
  readonly head: HeadRecord;
  readonly storeHash: string;
}

export interface ReplicaRecord {
  readonly name: string;
  readonly starts: readonly StartNote[];
  readonly commits: readonly CommitNote[];
  /** Heights of which the engine's user was told, by life. */
  readonly told: readonly { readonly life: number; readonly height: number }[];
  /** What the engine or the application did that the port forbids, as it happened. */
  readonly violations: readonly string[];
  /** Answers to FinalizeBlock, of CometBFT alone. */
  readonly answers: readonly { readonly height: number; readonly answer: Finalized }[];
  /** As the run left it, open. */
  readonly ledger: LedgerApplication;
}

export interface RunRecord {
  /** ENGINE_DBFT or ENGINE_COMETBFT. */
  readonly engine: number;
  readonly world: World;
  /** Of all replicas. */
  readonly indexBlock: BlockIndexer;
  readonly replicas: readonly ReplicaRecord[];
}
