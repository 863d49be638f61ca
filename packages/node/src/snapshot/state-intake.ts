/** Takes up the items of a snapshot one by one, and believes none before the app hash commits it. */
import { compareBytes, equalBytes } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { LogBuilder } from "@lhg/protocol/core/state/log-builder";
import { APP, type Partition, readPartition } from "@lhg/protocol/core/state/partition";
import { MapBuilder } from "@lhg/protocol/core/state/state-restore";
import type { StoredLog } from "@lhg/protocol/core/state/stored-log";
import { type PartitionRecord, partitionRecord } from "@lhg/protocol/core/state/versioned-state";
import { outcomesLog, statementsLog } from "@lhg/protocol/partition-logs";
import { findLogs } from "@lhg/protocol/stored-logs";
import type { Store, StoreWrite } from "../store/store.ts";
import type { SnapshotItem } from "./chunk-format.ts";

const HASH_BYTES = 32;
const COMMIT_BYTES = 1 << 20;
/** What a write costs in memory beside its bytes. */
const WRITE_OVERHEAD_BYTES = 200;
/** Vendors and contracts: their records are held while the snapshot is read. */
const PARTITIONS_MAX = 1_000_000;

/** A log whose leaves come next, and what it must be in the end. */
interface ExpectedLog extends StoredLog {
  readonly builder: LogBuilder;
  left: number;
}

interface ExpectedPartition {
  readonly partition: Partition;
  readonly record: PartitionRecord;
}

export interface StateIntakeOptions {
  readonly crypto: Crypto;
  readonly store: Store;
  readonly height: number;
  /** After block `height`, as a certified header says. */
  readonly appHash: Uint8Array;
  /** Further writes for a pair, such as those of indexes. */
  readonly indexPair: (pair: {
    readonly partition: Partition;
    readonly key: Uint8Array;
    readonly value: Uint8Array;
  }) => readonly StoreWrite[];
  /** For tests; how many pairs are gathered before they go into a trie. */
  readonly pairsMax?: number;
}

/**
 * Guards the order of items, and that each partition is what its record commits before the next begins. The first partition is that of
 * the records, whose root is the app hash: from its end on a wrong partition is found at its own end.
 */
export class StateIntake {
  private readonly options: StateIntakeOptions;
  private readonly maps: MapBuilder;
  private writes: StoreWrite[] = [];
  private writtenBytes = 0;
  private readonly waiting: ExpectedPartition[] = [];
  private current: ExpectedPartition | undefined;
  private hasBegun = false;
  private lastKey: Uint8Array | undefined;
  private readonly logs: ExpectedLog[] = [];

  constructor(options: StateIntakeOptions) {
    const { crypto, store, height, pairsMax } = options;
    this.options = options;
    this.maps = new MapBuilder(crypto, store, height, pairsMax);
  }

  /** Throws `snapshot.order`, `snapshot.partition`, `snapshot.log`, `snapshot.app-hash`, `cbor.*` and `value.*`. */
  async take(item: SnapshotItem): Promise<void> {
    if (item.kind === "pair") this.takePair(item.key, item.value);
    else if (item.kind === "leaf") this.takeLeaf(item.leaf);
    else if (item.kind === "hashes") this.takeHashes(item.hashes);
    else await this.takePartition(item.id);
    if (this.maps.isFull) await this.drainMap();
    if (this.writtenBytes > COMMIT_BYTES) await this.commit([]);
  }

  /** Commits what is held back. Throws `snapshot.end` when something is missing. */
  async finish(): Promise<void> {
    await this.finishPartition();
    const missing = this.waiting[0];
    if (!this.hasBegun || missing !== undefined)
      throw new LhgError("snapshot.end", `ends before partition ${missing?.partition.name ?? APP.name}`);
    await this.commit([]);
  }

  private async takePartition(id: Uint8Array): Promise<void> {
    const { partition, rest } = readPartition(id);
    await this.finishPartition();
    const isFirst = !this.hasBegun;
    this.hasBegun = true;
    const expected = isFirst ? { partition: APP, record: this.appRecord() } : this.waiting.shift();
    if (rest.length > 0 || expected === undefined || expected.partition.name !== partition.name)
      throw new LhgError("snapshot.partition", `is not the turn of ${partition.name}`, "partition");
    this.current = expected;
    this.lastKey = undefined;
    this.maps.start(partition);
    const { record } = expected;
    for (const [log, root] of [
      [statementsLog(partition), record.statementsRoot],
      [outcomesLog(partition), record.outcomesRoot],
    ] as const)
      this.expectLog({ id: log, head: { size: isFirst ? 0 : record.size, root } });
  }

  /** The records are not themselves in a record: their root is the app hash. */
  private appRecord(): PartitionRecord {
    const empty = this.options.crypto.sha256(new Uint8Array(0));
    return { mapRoot: this.options.appHash, size: 0, outcomesRoot: empty, statementsRoot: empty };
  }

  private takePair(key: Uint8Array, value: Uint8Array): void {
    const { current, lastKey } = this;
    if (current === undefined || this.isWithinLeaves() || this.hasPartitionLogBegun())
      throw new LhgError("snapshot.order", "does not stand where a pair may", "pair");
    if (lastKey !== undefined && compareBytes(lastKey, key) >= 0)
      throw new LhgError("snapshot.order", "keys must ascend, each once", "pair.key");
    const { partition } = current;
    this.lastKey = key.slice();
    if (partition.name === APP.name) this.takeRecord(key, value);
    else this.logs.unshift(...findLogs(partition, key, value).map((log) => this.openLog(log)));
    this.dropFinished();
    this.put(this.maps.add(this.lastKey, value));
    for (const write of this.options.indexPair({ partition, key: this.lastKey, value })) this.put(write);
  }

  private takeRecord(key: Uint8Array, value: Uint8Array): void {
    const { partition, rest } = readPartition(key);
    if (rest.length > 0 || partition.name === APP.name)
      throw new LhgError("snapshot.partition", "has a record of no partition", "pair.key");
    if (this.waiting.length === PARTITIONS_MAX)
      throw new LhgError("snapshot.partition", `has more than ${PARTITIONS_MAX} partitions`, "pair.key");
    this.waiting.push({ partition, record: decode(partitionRecord, value, "pair.value") });
  }

  private openLog(log: StoredLog): ExpectedLog {
    const builder = new LogBuilder(this.options.crypto, log.id, (write) => this.put(write));
    return { ...log, builder, left: log.head.size };
  }

  private expectLog(log: StoredLog): void {
    this.logs.push(this.openLog(log));
  }

  /** The last two are the partition's own, of which only hashes come. */
  private isWithinLeaves(): boolean {
    return this.logs.length > 2;
  }

  private hasPartitionLogBegun(): boolean {
    const [first] = this.logs;
    return this.logs.length < 2 || (first !== undefined && first.left < first.head.size);
  }

  private takeLeaf(leaf: Uint8Array): void {
    const log = this.logs[0];
    if (log === undefined || !this.isWithinLeaves())
      throw new LhgError("snapshot.order", "does not stand where a leaf may", "leaf");
    log.builder.appendLeaf(leaf.slice());
    log.left -= 1;
    this.dropFinished();
  }

  private takeHashes(hashes: Uint8Array): void {
    this.dropEmpty();
    const log = this.logs[0];
    const count = hashes.length / HASH_BYTES;
    if (log === undefined || this.isWithinLeaves() || count > log.left)
      throw new LhgError("snapshot.order", "does not stand where hashes may", "hashes");
    for (let at = 0; at < hashes.length; at += HASH_BYTES)
      log.builder.appendHash(hashes.slice(at, at + HASH_BYTES));
    log.left -= count;
    if (log.left === 0) this.finishLog();
  }

  /** Ends logs of the pair just taken that have all their leaves; of most pairs all of them are empty. */
  private dropFinished(): void {
    while (this.isWithinLeaves() && this.logs[0]!.left === 0) this.finishLog();
  }

  /** Ends the logs of the partition itself that hold nothing. */
  private dropEmpty(): void {
    while (!this.isWithinLeaves() && this.logs[0]?.left === 0) this.finishLog();
  }

  private finishLog(): void {
    const { builder, head } = this.logs.shift()!;
    if (!equalBytes(builder.finish().root, head.root))
      throw new LhgError("snapshot.log", "is not the log whose root stands in the state", this.nameOf("log"));
  }

  private async finishPartition(): Promise<void> {
    const { current } = this;
    if (current === undefined) return;
    if (this.isWithinLeaves()) throw new LhgError("snapshot.end", "ends within a log", this.nameOf("log"));
    this.dropEmpty();
    if (this.logs.length > 0) throw new LhgError("snapshot.end", "ends before its logs", this.nameOf("log"));
    await this.drainMap();
    const { root, writes } = this.maps.finish();
    if (!equalBytes(root, current.record.mapRoot)) this.failRoot(current.partition);
    for (const write of writes) this.put(write);
    this.current = undefined;
  }

  private failRoot({ name }: Partition): never {
    if (name === APP.name)
      throw new LhgError("snapshot.app-hash", "is not the one that the certified header names", "partitions");
    throw new LhgError("snapshot.partition", "is not the one whose record the app hash commits", name);
  }

  private nameOf(part: string): string {
    return `${this.current?.partition.name ?? ""}.${part}`;
  }

  private async drainMap(): Promise<void> {
    for (const writes of this.maps.drain()) await this.commit(writes);
  }

  private put(write: StoreWrite): void {
    this.writes.push(write);
    this.writtenBytes += write.key.length + (write.value?.length ?? 0) + WRITE_OVERHEAD_BYTES;
  }

  private async commit(more: readonly StoreWrite[]): Promise<void> {
    const writes = [...this.writes, ...more];
    this.writes = [];
    this.writtenBytes = 0;
    if (writes.length > 0) await this.options.store.commit(writes);
  }
}
