/** The two logs of a partition, statements and outcomes, and where each executed statement stands in them. */
import { digest } from "./core/account.ts";
import { encodeCbor } from "./core/codec/cbor.ts";
import { array, bytes, encode, type Infer, nullable, record, text, uint } from "./core/codec/definition.ts";
import type { Hasher } from "./core/crypto.ts";
import { hashLeaf } from "./core/merkle/log.ts";
import { notice } from "./core/notice.ts";
import { appendHashes, type LogId } from "./core/state/log.ts";
import type { StateOverlay } from "./core/state/overlay.ts";
import type { Partition } from "./core/state/partition.ts";
import type { PartitionLogs, PartitionRecord } from "./core/state/versioned-state.ts";

export function statementsLog(partition: Partition): LogId {
  return ["statements", partition.id];
}

export function outcomesLog(partition: Partition): LogId {
  return ["outcomes", partition.id];
}

/** Why a statement failed, in words. No other node has to have the same words. */
const failureText = record(undefined, { field: text({ max: 4_000 }), message: text({ max: 4_000 }) });
export type Failure = Infer<typeof failureText>;

/** What is kept of an executed statement, found by its id: its place, its outcome and what the outcome hashes. */
export const executedRecord = record(1, {
  partitionId: bytes({ min: 1, max: 64 }),
  index: uint(),
  height: uint(),
  /** Position among the statements of the block. */
  position: uint(),
  /** As it stands in the outcomes log. */
  outcome: bytes({ min: 1, max: 512 }),
  notices: array(notice, { max: 1 << 20 }),
  /** Item keys, sorted and each once. */
  touched: array(digest, { max: 1 << 20 }),
  failure: nullable(failureText),
});
export type ExecutedRecord = Infer<typeof executedRecord>;

export function executedKey(statementId: Uint8Array): Uint8Array {
  return encodeCbor(["statement", statementId]);
}

interface Appended {
  readonly partition: Partition;
  readonly size: number;
  readonly statements: Uint8Array[];
  readonly outcomes: Uint8Array[];
}

/** Gathers what a block appends to partitions' logs; it is hashed into them once, at the end of the block. */
export class LogAppender {
  private readonly hasher: Hasher;
  private readonly overlay: StateOverlay;
  private readonly logs = new Map<string, Appended>();
  private readonly recordOf: (partition: Partition) => PartitionRecord | undefined;

  constructor(
    hasher: Hasher,
    overlay: StateOverlay,
    recordOf: (partition: Partition) => PartitionRecord | undefined,
  ) {
    this.hasher = hasher;
    this.overlay = overlay;
    this.recordOf = recordOf;
  }

  /** Appends a statement and its outcome at the same index. The statement's bytes are the block's. */
  append(
    partition: Partition,
    statement: { readonly id: Uint8Array; readonly leafHash: Uint8Array },
    executed: Omit<ExecutedRecord, "partitionId" | "index">,
  ): void {
    let log = this.logs.get(partition.name);
    if (log === undefined) {
      log = { partition, size: this.recordOf(partition)?.size ?? 0, statements: [], outcomes: [] };
      this.logs.set(partition.name, log);
    }
    const index = log.size + log.statements.length;
    log.statements.push(statement.leafHash);
    log.outcomes.push(hashLeaf(this.hasher, executed.outcome));
    const stored = encode(executedRecord, { ...executed, partitionId: partition.id, index });
    this.overlay.putDerived(executedKey(statement.id), stored);
  }

  finish(): PartitionLogs[] {
    return [...this.logs.values()].map(({ partition, size, statements, outcomes }) => {
      const statementsHead = appendHashes(
        this.hasher,
        this.overlay,
        statementsLog(partition),
        size,
        statements,
      );
      const outcomesHead = appendHashes(this.hasher, this.overlay, outcomesLog(partition), size, outcomes);
      return {
        partition,
        size: statementsHead.size,
        statementsRoot: statementsHead.root,
        outcomesRoot: outcomesHead.root,
      };
    });
  }
}
