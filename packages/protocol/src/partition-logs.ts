/** The two logs of a partition, statements and outcomes, while a block appends to them. */

import { encodeCbor } from "./core/codec/cbor.ts";
import { bytes, encode, type Infer, record, uint } from "./core/codec/definition.ts";
import type { Hasher } from "./core/crypto.ts";
import { appendLeaf, hashLeaf, rootAtSize } from "./core/merkle/log.ts";
import { type LogId, leafKey, logNodes, nodeKey } from "./core/state/log.ts";
import type { StateOverlay } from "./core/state/overlay.ts";
import type { Partition } from "./core/state/partition.ts";
import type { PartitionLogs, PartitionRecord } from "./core/state/versioned-state.ts";

export function statementsLog(partition: Partition): LogId {
  return ["statements", partition.id];
}

export function outcomesLog(partition: Partition): LogId {
  return ["outcomes", partition.id];
}

/** Where an admitted statement stands; found by its id. */
export const location = record(1, {
  partitionId: bytes({ min: 1, max: 64 }),
  index: uint(),
  height: uint(),
  /** Position among the statements of the block. */
  position: uint(),
});
export type Location = Infer<typeof location>;

export function locationKey(statementId: Uint8Array): Uint8Array {
  return encodeCbor(["statement", statementId]);
}

/** Appends to partitions' logs through the overlay; roots are computed once, at the end of the block. */
export class LogAppender {
  private readonly hasher: Hasher;
  private readonly overlay: StateOverlay;
  private readonly sizes = new Map<string, { readonly partition: Partition; size: number }>();
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

  /** Appends a statement and its encoded outcome at the same index. The statement's bytes are the block's. */
  append(
    partition: Partition,
    statement: { readonly id: Uint8Array; readonly leafHash: Uint8Array },
    outcomeBytes: Uint8Array,
    place: Pick<Location, "height" | "position">,
  ): void {
    let entry = this.sizes.get(partition.name);
    if (entry === undefined) {
      entry = { partition, size: this.recordOf(partition)?.size ?? 0 };
      this.sizes.set(partition.name, entry);
    }
    const index = entry.size++;
    this.appendTo(statementsLog(partition), index, statement.leafHash);
    this.appendTo(outcomesLog(partition), index, hashLeaf(this.hasher, outcomeBytes));
    this.overlay.putDerived(leafKey(outcomesLog(partition), index), outcomeBytes);
    this.overlay.putDerived(
      locationKey(statement.id),
      encode(location, { partitionId: partition.id, index, ...place }),
    );
  }

  private appendTo(log: LogId, index: number, leafHash: Uint8Array): void {
    appendLeaf(this.hasher, logNodes(this.overlay, log), index, leafHash, (level, at, hash) =>
      this.overlay.putDerived(nodeKey(log, level, at), hash),
    );
  }

  finish(): PartitionLogs[] {
    return [...this.sizes.values()].map(({ partition, size }) => ({
      partition,
      size,
      outcomesRoot: rootAtSize(this.hasher, logNodes(this.overlay, outcomesLog(partition)), size),
      statementsRoot: rootAtSize(this.hasher, logNodes(this.overlay, statementsLog(partition)), size),
    }));
  }
}
