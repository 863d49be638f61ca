/** Writes a snapshot while blocks go on being committed. */
import { setImmediate as giveWay } from "node:timers/promises";
import { header as headerCodec } from "@lhg/protocol/core/block/header";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import type { Genesis } from "@lhg/protocol/core/genesis";
import { getLeaf, type LogId, readLeafHashes } from "@lhg/protocol/core/state/log";
import { APP, type Partition, readPartition } from "@lhg/protocol/core/state/partition";
import { createStateExport, VALUES_RANGE } from "@lhg/protocol/core/state/state-export";
import { partitionRecord, type VersionedState } from "@lhg/protocol/core/state/versioned-state";
import { getValidatorSchedule } from "@lhg/protocol/modules/validators/validators";
import { outcomesLog, statementsLog } from "@lhg/protocol/partition-logs";
import { findLogs } from "@lhg/protocol/stored-logs";
import { readCertifiedHeader } from "../blocks/certified-headers.ts";
import { EVIDENCE_HEIGHTS_MAX } from "../blocks/proposal.ts";
import type { BlockRecord, HeadRecord } from "../blocks/records.ts";
import type { Store, StoreEntry } from "../store/store.ts";
import { ChunkCutter, encodeItem, HASHES_PER_ITEM, type SnapshotItem } from "./chunk-format.ts";
import { CHUNKS_MAX, describeSnapshot, type SnapshotInfo } from "./snapshot.ts";
import {
  describeFileError,
  listSnapshots,
  openSnapshotFolder,
  type SnapshotFolder,
} from "./snapshot-files.ts";
import type { TrustPath } from "./trust.ts";

/** What a snapshot is made of: the application, between two blocks. */
export interface SnapshotSource {
  readonly crypto: Crypto;
  readonly genesis: Genesis;
  readonly store: Store;
  readonly state: VersionedState;
  readonly head: HeadRecord;
  getBlock(height: number): BlockRecord | undefined;
  transitionsBefore(height: number): number[];
}

export interface SnapshotOptions {
  readonly signal?: AbortSignal;
  /** For tests: smaller chunks than all nodes make. */
  readonly chunkBytes?: number;
}

/** Items between two pauses; a store in memory would pause never. */
const ITEMS_PER_SLICE = 256;

/**
 * Writes the state of the newest provable height into `<directory>/<height>`; answers with the one that is there where it was made
 * before. What it reads of the present is read before it first gives way; then it scans one committed state in slices, blocks in between.
 * Throws `snapshot.not-yet` while nothing is provable, or the validators changed twice within the heights that evidence may name, and
 * `snapshot.stopped` once the signal is aborted, `snapshot.io` when it cannot be written.
 */
export async function makeSnapshot(
  source: SnapshotSource,
  directory: string,
  options: SnapshotOptions = {},
): Promise<SnapshotInfo> {
  const plan = planSnapshot(source);
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
      const info = describeSnapshot(source.crypto, { ...plan, ...written });
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

function planSnapshot(source: SnapshotSource) {
  const { store, state, head } = source;
  const height = head.height - 1;
  const fails = (message: string): never => {
    throw new LhgError("snapshot.not-yet", message, "height");
  };
  const kept = height < 1 ? undefined : readCertifiedHeader(store, height);
  const next = readCertifiedHeader(store, height + 1);
  const certificate = source.getBlock(height + 1)?.lastCertificate;
  if (kept === undefined || next === undefined || certificate === undefined || certificate === null)
    return fails("there is no provable block yet");
  const header = decode(headerCodec, kept.header, "header");
  const [first] = getValidatorSchedule(state.viewAt(height));
  if (first!.fromHeight > Math.max(1, height + 1 - EVIDENCE_HEIGHTS_MAX))
    return fails(`the validators changed twice within the last ${EVIDENCE_HEIGHTS_MAX} heights`);
  const transitions = source.transitionsBefore(height + 1).map((at) => {
    const found = readCertifiedHeader(store, at);
    assertInvariant(found !== undefined, "headers that change the validators are kept");
    return found;
  });
  const trust: TrustPath = { transitions, header: next };
  const read = createStateExport(store, height, head.height);
  return { height, header, certificate, trust, read };
}

type Plan = ReturnType<typeof planSnapshot>;

async function writeChunks(
  source: SnapshotSource,
  { read }: Plan,
  entries: AsyncIterable<StoreEntry>,
  folder: SnapshotFolder,
  { signal, chunkBytes }: SnapshotOptions,
): Promise<{ readonly chunks: readonly Uint8Array[]; readonly sizeBytes: number }> {
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
  read: Plan["read"],
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
