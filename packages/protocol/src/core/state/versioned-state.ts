/**
 * The committed state over a key-value store: the newest value of every key, values overwritten in the last
 * versions, and a trie per partition. A version is the height of the block that made it.
 */

import { digest } from "../account.ts";
import { byteString } from "../bytes.ts";
import { array, bytes, decode, encode, type Infer, record, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { InvariantError } from "../errors.ts";
import { PageCache } from "../merkle/page-cache.ts";
import {
  createTrie,
  EMPTY_ROOT,
  type PageWrite,
  prove,
  remember,
  type Trie,
  type TrieRoot,
} from "../merkle/trie.ts";
import type { TrieProof } from "../merkle/trie-proof.ts";
import { type TrieChange, update } from "../merkle/trie-update.ts";
import {
  type Archive,
  type Archived,
  archiveName,
  decodeArchive,
  decodeRoot,
  decodeVersioned,
  encodeArchive,
  encodeRoot,
  encodeVersioned,
  ROOT_KEY,
  SPACE_ARCHIVE,
  SPACE_DERIVED,
  SPACE_GARBAGE,
  SPACE_LATEST,
  SPACE_PAGES,
  SPACE_ROOTS,
  spaceKey,
  type Versioned,
  versionBytes,
} from "./layout.ts";
import type { Cell, Change, StateOverlay, StateReader } from "./overlay.ts";
import { APP, type Partition } from "./partition.ts";

/** Reads what is committed; synchronous. */
export interface KeyValueReader {
  get(key: Uint8Array): Uint8Array | undefined;
}

export interface KeyValueWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** How many versions before the newest stay readable and provable. */
export const VERSIONS_KEPT = 64;

/** What the app hash commits of a partition. */
export const partitionRecord = record(undefined, {
  mapRoot: digest,
  size: uint(),
  outcomesRoot: digest,
  statementsRoot: digest,
});
export type PartitionRecord = Infer<typeof partitionRecord>;

/** Records kept in memory by count: state values are small, some 600 bytes with their keys (measured). */
const CACHED_VALUES_MAX = 100_000;
const CACHED_PAGE_BYTES = 64 << 20;

/** What committing a block changes in the store, and the app hash it leads to. */
export interface StateCommit {
  readonly version: number;
  readonly appHash: Uint8Array;
  readonly writes: readonly KeyValueWrite[];
  /** Called once the writes are durable. */
  readonly accept: () => void;
}

export interface PartitionLogs {
  readonly partition: Partition;
  readonly size: number;
  readonly outcomesRoot: Uint8Array;
  readonly statementsRoot: Uint8Array;
}

/** Guards that caches hold committed data only: they change in `StateCommit.accept` and nowhere else. */
export class VersionedState implements StateReader {
  private readonly hasher: Hasher;
  private readonly store: KeyValueReader;
  private readonly pages = new PageCache(CACHED_PAGE_BYTES);
  private readonly values = new Map<string, Map<string, Versioned | null>>();
  private valuesSize = 0;
  /** What the last versions overwrote, by the version that did. */
  private readonly archives = new Map<number, Archive>();

  constructor(hasher: Hasher, store: KeyValueReader) {
    this.hasher = hasher;
    this.store = store;
  }

  getValue(partition: Partition, key: Uint8Array): Uint8Array | undefined {
    return this.latest(SPACE_LATEST, partition, key)?.value;
  }

  getCell(partition: Partition, key: Uint8Array): Cell | undefined {
    return this.latest(SPACE_LATEST, partition, key);
  }

  getDerived(key: Uint8Array): Uint8Array | undefined {
    return this.store.get(spaceKey(SPACE_DERIVED, key));
  }

  /** What deletes derived data that is no longer wanted. */
  dropDerived(key: Uint8Array): KeyValueWrite {
    return { key: spaceKey(SPACE_DERIVED, key), value: undefined };
  }

  private latest(space: number, partition: Partition, key: Uint8Array): Versioned | undefined {
    const name = byteString(key);
    const cached = this.values.get(mapName(space, partition))?.get(name);
    if (cached !== undefined) return cached ?? undefined;
    const stored = this.store.get(spaceKey(space, partition.id, key));
    const found = stored === undefined ? null : decodeVersioned(stored);
    this.cacheValue(mapName(space, partition), name, found);
    return found ?? undefined;
  }

  private cacheValue(map: string, name: string, value: Versioned | null): void {
    let values = this.values.get(map);
    if (values === undefined) {
      values = new Map();
      this.values.set(map, values);
    }
    if (!values.delete(name)) this.valuesSize++;
    values.set(name, value);
    if (this.valuesSize > CACHED_VALUES_MAX) this.dropOldest();
  }

  /** The oldest entries of a Map come first: dropping an eighth of the largest at once keeps this off the hot path. */
  private dropOldest(): void {
    let largest = new Map<string, Versioned | null>();
    for (const values of this.values.values()) if (values.size > largest.size) largest = values;
    let excess = (largest.size >> 3) + 1;
    for (const oldest of largest.keys()) {
      if (excess-- === 0) break;
      largest.delete(oldest);
      this.valuesSize--;
    }
  }

  private archiveOf(version: number): Archive {
    const held = this.archives.get(version);
    if (held !== undefined) return held;
    const stored = this.store.get(spaceKey(SPACE_ARCHIVE, versionBytes(version)));
    const read: Archive = stored === undefined ? new Map() : decodeArchive(stored);
    this.archives.set(version, read);
    return read;
  }

  private at(space: number, partition: Partition, key: Uint8Array, version: number): Uint8Array | undefined {
    let found = this.latest(space, partition, key);
    while (found !== undefined && found.version > version) {
      if (found.previous === found.version) return undefined;
      found = this.archiveOf(found.version).get(archiveName(space, partition.id, key))?.before;
    }
    return found?.value;
  }

  /** The value a key had after the block of this height; the height is among the last `VERSIONS_KEPT`. */
  getValueAt(partition: Partition, key: Uint8Array, version: number): Uint8Array | undefined {
    return this.at(SPACE_LATEST, partition, key, version);
  }

  /** The state as it was after the block of this height. */
  viewAt(version: number): StateReader {
    return {
      getValue: (partition, key) => this.getValueAt(partition, key, version),
      getDerived: (key) => this.getDerived(key),
    };
  }

  private trie(partition: Partition): Trie {
    return createTrie({
      hasher: this.hasher,
      pages: { getPage: (key) => this.store.get(key) },
      prefix: spaceKey(SPACE_PAGES, partition.id),
      cache: this.pages,
    });
  }

  private rootAt(partition: Partition, version: number): TrieRoot {
    const stored = this.at(SPACE_ROOTS, partition, ROOT_KEY, version);
    return stored === undefined ? EMPTY_ROOT : decodeRoot(stored);
  }

  getAppHash(version: number): Uint8Array {
    return this.rootAt(APP, version).hash;
  }

  /** Proves what `key` is in its partition's map as of `version`. */
  proveValue(partition: Partition, key: Uint8Array, version: number): TrieProof {
    return prove(this.trie(partition), this.rootAt(partition, version), this.hasher.sha256(key));
  }

  /**
   * Computes what the overlay makes of the state, as version `version`, touching neither store nor caches.
   * `logs` are the partitions that admitted statements, with their logs' new sizes and roots.
   */
  prepareCommit(overlay: StateOverlay, logs: readonly PartitionLogs[], version: number): StateCommit {
    const work: CommitWork = {
      version,
      writes: [],
      values: [],
      pages: [],
      stale: [],
      tombstones: [],
      archive: new Map(),
    };
    const changed = new Map<string, Partition>();
    for (const partition of overlay.changedPartitions()) changed.set(partition.name, partition);
    for (const { partition } of logs) changed.set(partition.name, partition);
    const logsByName = new Map(logs.map((entry) => [entry.partition.name, entry]));
    const appChanges: TrieChange[] = [];
    for (const partition of changed.values()) {
      const mapRoot = this.commitPartition(work, partition, overlay.changesOf(partition));
      const held = this.getPartitionRecord(this, partition);
      const log = logsByName.get(partition.name) ?? held;
      const encoded = encode(partitionRecord, {
        mapRoot,
        size: log?.size ?? 0,
        outcomesRoot: log?.outcomesRoot ?? this.emptyRoot,
        statementsRoot: log?.statementsRoot ?? this.emptyRoot,
      });
      this.writeVersioned(work, SPACE_LATEST, { partition: APP, key: partition.id, value: encoded });
      appChanges.push({ keyHash: this.hasher.sha256(partition.id), valueHash: this.hasher.sha256(encoded) });
    }
    const appHash = this.commitTrie(work, APP, appChanges);
    for (const { key, value } of overlay.derivedChanges())
      work.writes.push({ key: spaceKey(SPACE_DERIVED, key), value });
    this.collectGarbage(work);
    return { version, appHash, writes: work.writes, accept: () => this.accept(work) };
  }

  private get emptyRoot(): Uint8Array {
    return this.hasher.sha256(new Uint8Array(0));
  }

  getPartitionRecord(state: StateReader, partition: Partition): PartitionRecord | undefined {
    const stored = state.getValue(APP, partition.id);
    return stored === undefined ? undefined : decodePartitionRecord(stored);
  }

  private commitPartition(work: CommitWork, partition: Partition, changes: readonly Change[]): Uint8Array {
    const trieChanges: TrieChange[] = [];
    for (const change of changes) {
      this.writeVersioned(work, SPACE_LATEST, change);
      const valueHash = change.value === undefined ? undefined : this.hasher.sha256(change.value);
      trieChanges.push({ keyHash: this.hasher.sha256(change.key), valueHash });
    }
    return this.commitTrie(work, partition, trieChanges);
  }

  private commitTrie(work: CommitWork, partition: Partition, changes: readonly TrieChange[]): Uint8Array {
    const trie = this.trie(partition);
    const before = this.rootAt(partition, work.version);
    const { root, writes, stale } = update(trie, before, work.version, changes);
    if (root === before) return before.hash;
    for (const write of writes) work.writes.push(write);
    for (const key of stale) work.stale.push(key);
    work.pages.push({ trie, writes });
    this.writeVersioned(work, SPACE_ROOTS, { partition, key: ROOT_KEY, value: encodeRoot(root) });
    return root.hash;
  }

  private writeVersioned(work: CommitWork, space: number, { partition, key, value, decoded }: Change): void {
    const latest = this.latest(space, partition, key);
    // A deletion that is collected by now may still stand in the cache: what is stored must not depend on it.
    const isCollected = latest?.value === undefined && (latest?.version ?? 0) <= work.version - VERSIONS_KEPT;
    const before = isCollected ? undefined : latest;
    const next: Versioned = {
      version: work.version,
      previous: before?.version ?? work.version,
      value,
      decoded,
    };
    const latestKey = spaceKey(space, partition.id, key);
    work.writes.push({ key: latestKey, value: encodeVersioned(next) });
    work.values.push({ map: mapName(space, partition), name: byteString(key), value: next });
    if (value === undefined) work.tombstones.push(latestKey);
    if (before !== undefined)
      work.archive.set(archiveName(space, partition.id, key), {
        space,
        partitionId: partition.id,
        key,
        before,
      });
  }

  /** Notes what this version made obsolete, and deletes what became obsolete `VERSIONS_KEPT` versions ago. */
  private collectGarbage(work: CommitWork): void {
    if (work.archive.size > 0) {
      const archiveKey = spaceKey(SPACE_ARCHIVE, versionBytes(work.version));
      work.writes.push({ key: archiveKey, value: encodeArchive(work.archive) });
      work.stale.push(archiveKey);
    }
    if (work.stale.length > 0 || work.tombstones.length > 0)
      work.writes.push({
        key: spaceKey(SPACE_GARBAGE, versionBytes(work.version)),
        value: encodeKeys([work.stale, work.tombstones]),
      });
    const expired = work.version - VERSIONS_KEPT;
    if (expired < 0) return;
    const listKey = spaceKey(SPACE_GARBAGE, versionBytes(expired));
    const list = this.store.get(listKey);
    if (list === undefined) return;
    const [stale, tombstones] = decodeKeys(list);
    for (const key of stale!) work.writes.push({ key, value: undefined });
    for (const key of tombstones!) {
      const held = this.store.get(key);
      if (held !== undefined && decodeVersioned(held).version === expired)
        work.writes.unshift({ key, value: undefined });
    }
    work.writes.push({ key: listKey, value: undefined });
  }

  private accept(work: CommitWork): void {
    for (const { map, name, value } of work.values) this.cacheValue(map, name, value);
    this.archives.set(work.version, work.archive);
    this.archives.delete(work.version - VERSIONS_KEPT - 1);
    for (const { trie, writes } of work.pages) remember(trie, writes);
  }
}

interface CommitWork {
  readonly version: number;
  readonly writes: KeyValueWrite[];
  readonly values: { readonly map: string; readonly name: string; readonly value: Versioned }[];
  readonly pages: { readonly trie: Trie; readonly writes: readonly PageWrite[] }[];
  readonly stale: Uint8Array[];
  readonly tombstones: Uint8Array[];
  readonly archive: Map<string, Archived>;
}

function mapName(space: number, partition: Partition): string {
  return `${space}${partition.name}`;
}

function decodePartitionRecord(bytes: Uint8Array): PartitionRecord {
  try {
    return decode(partitionRecord, bytes, "partition");
  } catch (error) {
    throw new InvariantError(`stored partition record does not decode: ${(error as Error).message}`);
  }
}

const keyLists = array(array(bytes({ max: 1 << 16 }), { max: 1 << 24 }), { min: 2, max: 2 });

function encodeKeys(lists: readonly (readonly Uint8Array[])[]): Uint8Array {
  return encode(keyLists, lists);
}

function decodeKeys(list: Uint8Array): readonly (readonly Uint8Array[])[] {
  return decode(keyLists, list, "garbage");
}
