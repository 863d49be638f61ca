import { byteString } from "../bytes.ts";
import type { Partition } from "./partition.ts";

/** A value and, once somebody has decoded it, what it says: hot records are decoded once a block, not five times. */
export interface Cell {
  readonly value: Uint8Array | undefined;
  decoded?: unknown;
}

/** Reads of the last committed state. All synchronous: a cache over the store. */
export interface StateReader {
  getValue(partition: Partition, key: Uint8Array): Uint8Array | undefined;
  /** As `getValue`, where the reader keeps cells. */
  getCell?(partition: Partition, key: Uint8Array): Cell | undefined;
  /** Data that follows from the state and is not hashed into it: log nodes, bodies, indexes. */
  getDerived(key: Uint8Array): Uint8Array | undefined;
}

/** What execution sees: reads, and writes that stand in the overlay until the block commits. */
export interface StateAccess extends StateReader {
  /** `decoded` is what the value says, where the caller has it at hand. */
  setValue(partition: Partition, key: Uint8Array, value: Uint8Array | undefined, decoded?: unknown): void;
  putDerived(key: Uint8Array, value: Uint8Array): void;
}

export interface Change extends Cell {
  readonly partition: Partition;
  readonly key: Uint8Array;
}

/**
 * A block's changes over the committed state. A statement's changes are undone by `revert(checkpoint())`,
 * so that a failed one leaves nothing but its fee and outcome.
 */
export class StateOverlay implements StateAccess {
  private readonly reader: StateReader;
  private readonly changes = new Map<string, Map<string, Change>>();
  private readonly derived = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  private readonly journal: (() => void)[] = [];

  constructor(reader: StateReader) {
    this.reader = reader;
  }

  getValue(partition: Partition, key: Uint8Array): Uint8Array | undefined {
    const change = this.changes.get(partition.name)?.get(byteString(key));
    return change === undefined ? this.reader.getValue(partition, key) : change.value;
  }

  getCell(partition: Partition, key: Uint8Array): Cell | undefined {
    const change = this.changes.get(partition.name)?.get(byteString(key));
    if (change !== undefined) return change;
    if (this.reader.getCell !== undefined) return this.reader.getCell(partition, key);
    const value = this.reader.getValue(partition, key);
    return value === undefined ? undefined : { value };
  }

  setValue(partition: Partition, key: Uint8Array, value: Uint8Array | undefined, decoded?: unknown): void {
    let changes = this.changes.get(partition.name);
    if (changes === undefined) {
      changes = new Map();
      this.changes.set(partition.name, changes);
    }
    const name = byteString(key);
    const previous = changes.get(name);
    changes.set(name, { partition, key, value, decoded });
    const target = changes;
    this.journal.push(() => {
      if (previous === undefined) target.delete(name);
      else target.set(name, previous);
    });
  }

  getDerived(key: Uint8Array): Uint8Array | undefined {
    return this.derived.get(byteString(key))?.value ?? this.reader.getDerived(key);
  }

  putDerived(key: Uint8Array, value: Uint8Array): void {
    const name = byteString(key);
    const previous = this.derived.get(name);
    this.derived.set(name, { key, value });
    this.journal.push(() => {
      if (previous === undefined) this.derived.delete(name);
      else this.derived.set(name, previous);
    });
  }

  checkpoint(): number {
    return this.journal.length;
  }

  revert(checkpoint: number): void {
    while (this.journal.length > checkpoint) this.journal.pop()!();
  }

  /** Changed partitions in the order of their first change. */
  changedPartitions(): Partition[] {
    const out: Partition[] = [];
    for (const changes of this.changes.values()) {
      const first = changes.values().next();
      if (!first.done) out.push(first.value.partition);
    }
    return out;
  }

  changesOf(partition: Partition): Change[] {
    return [...(this.changes.get(partition.name)?.values() ?? [])];
  }

  derivedChanges(): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.derived.values()];
  }
}
