/** What the HTTP API needs of the node. The API knows no ledger, store or mempool: it asks this. */
import type { PresenceEntry } from "../gateway/presence.ts";
import type { QueryArgs, QueryName, QueryResult } from "../queries/queries.ts";

export interface Refusal {
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

/** `accepted` only after the inbox has fsynced; `not-yet` may be sent again later, `refused` never. */
export type SubmitResult =
  | { readonly id: string; readonly state: "accepted" }
  | ({ readonly id: string; readonly state: "refused" | "not-yet" } & Refusal);

/**
 * `pending`: in the inbox. `committed`: in a block, but no certified header commits to the state after it yet.
 * `provable`: one does. `refused`: finally, without outcome. `unknown`: never seen here, or forgotten.
 */
export type StatementState =
  | { readonly state: "unknown" }
  /** `waitingFor`: why it is in no block yet, where the ledger has said so. */
  | { readonly state: "pending"; readonly waitingFor?: Refusal }
  | { readonly state: "committed" | "provable"; readonly height: number; readonly status: string }
  | ({ readonly state: "refused" } & Refusal);

export interface NodeStatus {
  readonly version: string;
  readonly chainId: string;
  readonly engine: string;
  /** Newest committed block. */
  readonly height: number;
  /** Newest height whose state is proven by a certified header; null before the first block. */
  readonly provableHeight: number | null;
  /** Blocks from this height on are kept: 1 on an archive. */
  readonly firstHeight: number;
  readonly timeMs: number;
  readonly appHash: string;
  readonly validators: number;
  readonly isValidator: boolean;
  readonly peers: number;
  readonly mempool: { readonly statements: number; readonly sizeBytes: number };
  readonly uptimeMs: number;
  /** Whether statements are taken and questions answered. */
  readonly isReady: boolean;
  /** Where people and phones reach the node, if it was told. */
  readonly publicUrl?: string;
}

/** How fast the node is just now, over the last minute. */
export interface NodePace {
  readonly statementsPerSecond: number;
  readonly blocksPerMinute: number;
  /** From the acknowledgement of a statement to its block; null where none came in the last minute. */
  readonly finalityMs: { readonly p50: number; readonly p99: number } | null;
}

/** Told after every committed block. */
export interface ChainUpdate {
  readonly height: number;
  readonly provableHeight: number | undefined;
  readonly timeMs: number;
  readonly isWorking: boolean;
  /** Statements of the block that have an outcome, in order. */
  readonly executed: readonly { readonly id: Uint8Array; readonly status: string }[];
}

export interface NodeService {
  /**
   * Takes encoded `submission` records; one result for each, in order. `id` is hex, empty where the bytes
   * are no statement. Rejects with LhgError where the node as a whole cannot take any (`node.stopping`, `mempool.full`).
   */
  submit(submissions: readonly Uint8Array[]): Promise<readonly SubmitResult[]>;
  statementState(id: string): Promise<StatementState>;
  query<K extends QueryName>(name: K, args: QueryArgs<K>): Promise<QueryResult<K>>;
  status(): Promise<NodeStatus>;
  pace(): NodePace;
  /** Calls `listener` after every block until the returned function is called. */
  subscribe(listener: (update: ChainUpdate) => void): () => void;
  /** Devices that are or were connected to this node, those online first. */
  presence(): readonly PresenceEntry[];
  /** Prometheus text. */
  metrics(): Promise<string>;
}
