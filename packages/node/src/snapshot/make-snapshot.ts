/** Writes a snapshot while blocks go on being committed. */
import { setImmediate as giveWay } from "node:timers/promises";
import { decode } from "@lhg/protocol/core/codec/definition";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import { getLeaf, type LogId, readLeafHashes } from "@lhg/protocol/core/state/log";
import { APP, type Partition, readPartition } from "@lhg/protocol/core/state/partition";
import { VALUES_RANGE } from "@lhg/protocol/core/state/state-export";
import { partitionRecord, type VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { outcomesLog, statementsLog } from "@lhg/protocol/partition-logs";
import { findLogs } from "@lhg/protocol/stored-logs";
import type { StoreEntry } from "../store/store.ts";
import { ChunkCutter, encodeItem, HASHES_PER_ITEM, type SnapshotItem } from "./chunk-format.ts";
import { planSnapshot, type SnapshotPlan, type SnapshotSource, type WrittenChunks } from "./plan-snapshot.ts";
import { CHUNKS_MAX, type SnapshotInfo } from "./snapshot.ts";
import {
  describeFileError,
  listSnapshots,
  openSnapshotFolder,
  type SnapshotFolder,
} from "./snapshot-files.ts";

export interface SnapshotOptions {
  /** Among the last `VERSIONS_KEPT`; the newest that can be proven by default. */
  readonly height?: number;
  readonly signal?: AbortSignal;
  /** For tests: smaller chunks than all nodes make. */
  readonly chunkBytes?: number;
}

/** Items between two pauses; a store in memory would pause never. */
const ITEMS_PER_SLICE = 256;

/**
 * Writes the state of a provable height into `<directory>/<height>`; answers with the one that is there where it was made
 * before. What it reads of the present is read before it first gives way; then it scans one committed state in slices, blocks in between.
 * Throws `snapshot.not-yet` while nothing is provable, or the validators changed twice within the heights that evidence may name, and
 * `snapshot.stopped` once the signal is aborted, `snapshot.io` when it cannot be written.
 */
export async function makeSnapshot(
  source: SnapshotSource,
  directory: string,
  options: SnapshotOptions = {},
): Promise<SnapshotInfo> {
  const plan = planSnapshot(source, options.height);
  const { height } = plan;
  const entries = source.store.iterate(VALUES_RANGE);
  // Asked for at once: an iteration that never began could not be ended either.
  const first = entries.next();
  first.catch(() => undefined);
  try {
    const held = (await listSnapshots(directory)).find((info) => info.height === height);
    if (held !== undefined) return held;
    const folder = await openSnapshotFolder(directory, height);
    try {
      const written = await writeChunks(source, plan, follow(first, entries), folder, options);
      const info = plan.describe(written);
      await folder.finish(info, source.genesis, plan.trust);
      return info;
    } catch (error) {
      await folder.discard();
      throw error;
    }
  } catch (error) {
    throw describeFileError(error);
  } finally {
    await entries.return?.();
  }
}

async function* follow(
  first: Promise<IteratorResult<StoreEntry>>,
  entries: AsyncIterator<StoreEntry>,
): AsyncGenerator<StoreEntry> {
  for (let step = await first; step.done !== true; step = await entries.next()) yield step.value;
}

async function writeChunks(
  source: SnapshotSource,
  { read }: SnapshotPlan,
  entries: AsyncIterable<StoreEntry>,
  folder: SnapshotFolder,
  { signal, chunkBytes }: SnapshotOptions,
): Promise<WrittenChunks> {
  const { crypto } = source;
  const cutter = new ChunkCutter(chunkBytes);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const write = async (chunk: Uint8Array): Promise<void> => {
    if (chunks.length === CHUNKS_MAX)
      throw new LhgError("snapshot.oversize", "the state has too many chunks");
    await folder.writeChunk(chunks.length, chunk);
    chunks.push(crypto.sha256(chunk));
    sizeBytes += chunk.length;
  };
  let items = 0;
  for await (const item of readState(source, read, entries)) {
    const chunk = cutter.add(encodeItem(item));
    if (chunk !== undefined) await write(chunk);
    if (++items % ITEMS_PER_SLICE !== 0) continue;
    await giveWay();
    if (signal?.aborted === true) throw new LhgError("snapshot.stopped", "the node stops");
  }
  await write(cutter.finish());
  return { chunks, sizeBytes };
}

async function* readState(
  source: SnapshotSource,
  read: SnapshotPlan["read"],
  entries: AsyncIterable<StoreEntry>,
): AsyncGenerator<SnapshotItem> {
  const { state } = source;
  /** Partitions whose turn has not come, in order; the first is the one that is read now. */
  const waiting: { readonly partition: Partition; readonly size: number }[] = [{ partition: APP, size: 0 }];
  yield { kind: "partition", id: APP.id };
  const next = function* (): Generator<SnapshotItem> {
    const done = waiting.shift();
    if (done !== undefined) yield* readPartitionLogs(state, done.partition, done.size);
    const following = waiting[0];
    if (following !== undefined) yield { kind: "partition", id: following.partition.id };
  };
  for await (const stored of entries) {
    const entry = read(stored);
    if (entry === undefined) continue;
    const { key, value, partition } = entry;
    // A partition may have logs and no pairs.
    while (waiting[0]?.partition.name !== partition.name) {
      assertInvariant(waiting.length > 0, "every partition has its record");
      yield* next();
    }
    yield { kind: "pair", key, value };
    if (partition.name === APP.name)
      waiting.push({
        partition: readPartition(key).partition,
        size: decode(partitionRecord, value, "record").size,
      });
    else
      for (const { id, head } of findLogs(partition, key, value))
        for (let index = 0; index < head.size; index++) yield readLeaf(state, id, index);
  }
  while (waiting.length > 0) yield* next();
}

function readLeaf(state: VersionedState, id: LogId, index: number): SnapshotItem {
  const leaf = getLeaf(state, id, index);
  assertInvariant(leaf !== undefined, "leaves of logs in the state are kept");
  return { kind: "leaf", leaf };
}

/** Logs only grow: later blocks add to what is read here, and change nothing of it. */
function* readPartitionLogs(
  state: VersionedState,
  partition: Partition,
  size: number,
): Generator<SnapshotItem> {
  for (const id of [statementsLog(partition), outcomesLog(partition)])
    for (let from = 0; from < size; from += HASHES_PER_ITEM) {
      const hashes = readLeafHashes(state, id, from, Math.min(HASHES_PER_ITEM, size - from));
      yield { kind: "hashes", hashes };
    }
}
