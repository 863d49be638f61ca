/**
 * "Acknowledged means durable": a statement is answered for only after it stands here, fsynced. The ledger is
 * the truth about what became of it; the log only makes sure that nothing answered for is forgotten.
 */
import { assertInvariant, LhgError } from "../../../protocol/src/core/errors.ts";
import type { AppendFile, FilePort } from "./file-port.ts";
import {
  batchBytes,
  createSegmentHeader,
  encodeBatch,
  encodeSegmentHeader,
  PAGE_BYTES,
  RECORD_HEADER_BYTES,
  readRecords,
  readSegmentHeader,
  type SegmentHeader,
  scanSegment,
} from "./inbox-format.ts";

/** A record's place in the order of appends; valid until the log is closed. */
export type InboxPosition = number;

export interface InboxRecord {
  readonly position: InboxPosition;
  readonly record: Uint8Array;
}

export interface InboxOptions {
  readonly maxRecordBytes: number;
  /** One write and one fsync carry at most about this much. */
  readonly maxBatchBytes: number;
  readonly segmentBytes: number;
  /** What may be retained on disk or wait for it before appends fail with `inbox.full`. */
  readonly maxTotalBytes: number;
  /** What may wait in memory for the disk before appends fail with `inbox.full`. */
  readonly maxPendingBytes: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_INBOX_OPTIONS: InboxOptions = {
  // A capture travels with its document, of 4 MiB at most whatever the parameters, cut into slices.
  maxRecordBytes: 5 * MIB,
  maxBatchBytes: MIB,
  segmentBytes: 16 * MIB,
  maxTotalBytes: 1024 * MIB,
  maxPendingBytes: 32 * MIB,
};

/** Segments in memory; a bit per record says that it is settled. */
interface Segment {
  readonly index: number;
  readonly header: SegmentHeader;
  recordCount: number;
  sizeBytes: number;
  settled: Uint8Array;
  settledCount: number;
  removed: boolean;
}

interface ActiveSegment {
  readonly segment: Segment;
  readonly file: AppendFile;
}

interface Waiter {
  readonly first: InboxPosition;
  /** The position after the last record this waiter is for. */
  readonly end: InboxPosition;
  readonly resolve: (first: InboxPosition) => void;
  readonly reject: (error: LhgError) => void;
}

/**
 * Recovers the log in a directory that this process alone uses (the store's lock guards it). A batch torn at
 * the very end was never acknowledged and is cut off; any other damage throws `inbox.corrupt` with the segment
 * and offset. Throws `inbox.io` when the files cannot be used.
 */
export async function openInboxLog(files: FilePort, options: Partial<InboxOptions> = {}): Promise<InboxLog> {
  const settings = { ...DEFAULT_INBOX_OPTIONS, ...options };
  assertInvariant(
    settings.maxRecordBytes <= settings.segmentBytes / 2 &&
      settings.maxBatchBytes <= settings.segmentBytes / 2 &&
      settings.segmentBytes <= settings.maxTotalBytes / 4,
    "inbox sizes: a segment holds two batches, the log four segments",
  );
  return new InboxLog(files, settings, await recoverSegments(files).catch(rethrowIo));
}

/** Guards: a promise resolves only after the fsync that covers it; order; bounds; nothing after a failed fsync. */
export class InboxLog {
  readonly #files: FilePort;
  readonly #options: InboxOptions;
  /** In order; the last one may be active. */
  #segments: Segment[];
  readonly #recovered: readonly Segment[];
  #active: ActiveSegment | undefined;
  #nextIndex: number;
  /** Position of the next append, and of the first record in the queue. */
  #nextPosition: InboxPosition;
  #queuedPosition: InboxPosition;
  #queue: Uint8Array[] = [];
  #waiters: Waiter[] = [];
  #queuedBytes = 0;
  #retainedBytes: number;
  #flushing: Promise<void> | undefined;
  #removing: Promise<void> = Promise.resolve();
  #failure: LhgError | undefined;
  #closed = false;

  constructor(files: FilePort, options: InboxOptions, segments: Segment[]) {
    const last = segments.at(-1);
    this.#files = files;
    this.#options = options;
    this.#segments = segments;
    this.#recovered = [...segments];
    this.#nextIndex = last === undefined ? 0 : last.index + 1;
    this.#nextPosition = last === undefined ? 0 : endOf(last);
    this.#queuedPosition = this.#nextPosition;
    this.#retainedBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  /** Bytes on disk, for metrics and backpressure. */
  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /**
   * Every record retained from earlier runs, in order, settled or not: the ledger knows which are done. Each has bytes of its own: a view would
   * keep the whole segment, and take it along whenever it goes to another thread.
   */
  async *recover(): AsyncGenerator<InboxRecord, void, undefined> {
    for (const segment of this.#recovered) {
      if (segment.removed) continue;
      const bytes = await readSegment(this.#files, segment.index);
      for (const { position, record } of readRecords(bytes, segment.header))
        yield { position, record: new Uint8Array(record) };
    }
  }

  /**
   * Resolves with the record's position once it is fsynced; the bytes must not change until then. Rejects with
   * `inbox.record-size`, `inbox.full` (try later), `inbox.closed`, `inbox.io`, or `inbox.failed` after an
   * earlier `inbox.io`: what a failed fsync left behind is unknown, so the log must be opened anew.
   */
  append(record: Uint8Array): Promise<InboxPosition> {
    return this.appendMany([record]);
  }

  /** Like append for one or more records with consecutive positions; resolves with the first one's. */
  appendMany(records: readonly Uint8Array[]): Promise<InboxPosition> {
    const refusal = this.#checkAppend(records);
    if (refusal !== undefined) return Promise.reject(refusal);
    const first = this.#nextPosition;
    this.#nextPosition += records.length;
    for (const record of records) {
      this.#queue.push(record);
      this.#queuedBytes += RECORD_HEADER_BYTES + record.length;
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ first, end: this.#nextPosition, resolve, reject });
      // One microtask later: appends of the same turn share the first fsync, and nothing waits when idle.
      this.#flushing ??= Promise.resolve().then(() => this.#flush());
    });
  }

  /** The record is on chain or finally refused. A segment is deleted when all of its records are. */
  markSettled(position: InboxPosition): void {
    const segment = this.#segments.findLast((candidate) => candidate.header.firstPosition <= position);
    assertInvariant(
      Number.isSafeInteger(position) && position >= 0 && position < this.#queuedPosition,
      "a settled position was appended",
    );
    // Its segment may be gone: settling twice is harmless.
    if (segment === undefined || position >= endOf(segment)) return;
    settleRecord(segment, position);
    this.#removeIfSettled(segment);
  }

  /** Waits until everything appended so far is durable. Later appends fail with `inbox.closed`. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    const active = this.#active;
    this.#active = undefined;
    if (active !== undefined) {
      await active.file.close();
      this.#removeIfSettled(active.segment);
    }
    await this.#removing;
  }

  #checkAppend(records: readonly Uint8Array[]): LhgError | undefined {
    if (this.#closed) return new LhgError("inbox.closed", "the inbox log is closed");
    if (this.#failure !== undefined)
      return new LhgError("inbox.failed", `an earlier write failed: ${this.#failure.message}`);
    assertInvariant(records.length > 0, "appendMany needs a record");
    let bytes = this.#queuedBytes;
    for (const [i, record] of records.entries()) {
      if (record.length === 0 || record.length > this.#options.maxRecordBytes)
        return new LhgError(
          "inbox.record-size",
          `must be 1 to ${this.#options.maxRecordBytes} bytes`,
          `records[${i}]`,
        );
      bytes += RECORD_HEADER_BYTES + record.length;
    }
    if (bytes > this.#options.maxPendingBytes)
      return new LhgError("inbox.full", "the disk is behind: too much waits to be written");
    if (this.#retainedBytes + bytes > this.#options.maxTotalBytes)
      return new LhgError("inbox.full", "too many statements wait to be settled");
    return undefined;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const records = this.#takeBatch();
        await this.#writeBatch(records);
      }
    } catch (error) {
      this.#fail(describeIoError(error));
    } finally {
      this.#flushing = undefined;
    }
  }

  #takeBatch(): Uint8Array[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length) {
      bytes += RECORD_HEADER_BYTES + (this.#queue[count] as Uint8Array).length;
      if (count > 0 && bytes > this.#options.maxBatchBytes) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #writeBatch(records: readonly Uint8Array[]): Promise<void> {
    const payloadBytes = records.reduce((sum, record) => sum + record.length, 0);
    const sizeBytes = batchBytes(records.length, payloadBytes);
    const { segment, file } = await this.#segmentFor(sizeBytes);
    await file.append(encodeBatch(records, this.#queuedPosition, segment.header.salt));
    await file.sync();
    segment.recordCount += records.length;
    segment.sizeBytes += sizeBytes;
    this.#retainedBytes += sizeBytes;
    this.#queuedPosition += records.length;
    this.#queuedBytes -= payloadBytes + records.length * RECORD_HEADER_BYTES;
    this.#resolveWaiters();
  }

  #resolveWaiters(): void {
    let done = 0;
    for (const waiter of this.#waiters) {
      if (waiter.end > this.#queuedPosition) break;
      waiter.resolve(waiter.first);
      done += 1;
    }
    this.#waiters.splice(0, done);
  }

  async #segmentFor(sizeBytes: number): Promise<ActiveSegment> {
    const full = this.#active;
    if (full !== undefined) {
      if (full.segment.sizeBytes + sizeBytes <= this.#options.segmentBytes) return full;
      this.#active = undefined;
      await full.file.close();
      this.#removeIfSettled(full.segment);
    }
    const header = createSegmentHeader(this.#queuedPosition);
    const segment = createSegment(this.#nextIndex, header);
    this.#nextIndex += 1;
    const file = await this.#files.create(fileName(segment.index));
    await file.append(encodeSegmentHeader(header));
    await file.sync();
    await this.#files.syncDirectory();
    this.#segments.push(segment);
    this.#retainedBytes += segment.sizeBytes;
    this.#active = { segment, file };
    return this.#active;
  }

  #removeIfSettled(segment: Segment): void {
    if (segment.settledCount < segment.recordCount || segment.removed) return;
    if (segment === this.#active?.segment) return;
    segment.removed = true;
    this.#segments = this.#segments.filter((other) => other !== segment);
    // Not synced: a deletion that a crash takes back only brings records that are settled again.
    this.#removing = this.#removing
      .then(() => this.#files.remove(fileName(segment.index)))
      .then(
        () => {
          this.#retainedBytes -= segment.sizeBytes;
        },
        (error) => this.#fail(describeIoError(error)),
      );
  }

  #fail(failure: LhgError): void {
    this.#failure ??= failure;
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#queue = [];
    for (const waiter of waiters) waiter.reject(failure);
  }
}

async function recoverSegments(files: FilePort): Promise<Segment[]> {
  const indexes = (await files.list()).flatMap(parseFileName).sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (const [i, index] of indexes.entries()) {
    const isLast = i === indexes.length - 1;
    const segment = recoverSegment(await readSegment(files, index), index, isLast);
    if (segment === undefined) {
      await files.remove(fileName(index));
      continue;
    }
    assertFollows(segments.at(-1), segment);
    segments.push(segment);
    // What a killed process left in the page cache must be on disk before anyone hears that we have it.
    if (isLast) await files.truncate(fileName(index), segment.sizeBytes);
  }
  await files.syncDirectory();
  return segments;
}

/** Undefined for a last segment that holds nothing: batches come only after the sync of its header. */
function recoverSegment(bytes: Uint8Array, index: number, isLast: boolean): Segment | undefined {
  const header = readSegmentHeader(bytes);
  if (header === undefined) {
    if (isLast && bytes.length <= PAGE_BYTES) return undefined;
    throw corrupt(index, 0);
  }
  const scan = scanSegment(bytes, header);
  if (scan.corruptAt !== undefined) throw corrupt(index, scan.corruptAt);
  if (!isLast && scan.validBytes < bytes.length) throw corrupt(index, scan.validBytes);
  if (scan.recordCount === 0 && isLast) return undefined;
  return {
    ...createSegment(index, header),
    recordCount: scan.recordCount,
    sizeBytes: scan.validBytes,
  };
}

/** Positions go on from one segment to the next; a gap in the indexes is a segment that was settled. */
function assertFollows(previous: Segment | undefined, segment: Segment): void {
  if (previous === undefined) return;
  const first = segment.header.firstPosition;
  const follows = segment.index === previous.index + 1 ? first === endOf(previous) : first >= endOf(previous);
  if (!follows) throw corrupt(previous.index, previous.sizeBytes);
}

function corrupt(index: number, offset: number): LhgError {
  return new LhgError(
    "inbox.corrupt",
    "acknowledged statements are damaged or missing here; restore the file, or move it away to give them up",
    `${fileName(index)}@${offset}`,
  );
}

function createSegment(index: number, header: SegmentHeader): Segment {
  return {
    index,
    header,
    recordCount: 0,
    sizeBytes: PAGE_BYTES,
    settled: new Uint8Array(0),
    settledCount: 0,
    removed: false,
  };
}

function endOf(segment: Segment): InboxPosition {
  return segment.header.firstPosition + segment.recordCount;
}

function settleRecord(segment: Segment, position: InboxPosition): void {
  const bit = position - segment.header.firstPosition;
  const byte = bit >>> 3;
  if (byte >= segment.settled.length) {
    const grown = new Uint8Array(Math.max(byte + 1, 2 * segment.settled.length, 1024));
    grown.set(segment.settled);
    segment.settled = grown;
  }
  const mask = 1 << (bit & 7);
  const before = segment.settled[byte] as number;
  if ((before & mask) !== 0) return;
  segment.settled[byte] = before | mask;
  segment.settledCount += 1;
}

function fileName(index: number): string {
  return `${index.toString().padStart(12, "0")}.inbox`;
}

function parseFileName(name: string): number[] {
  const match = /^([0-9]{12})\.inbox$/.exec(name);
  return match === null ? [] : [Number(match[1])];
}

function readSegment(files: FilePort, index: number): Promise<Uint8Array> {
  return files.read(fileName(index)).catch(rethrowIo);
}

function rethrowIo(error: unknown): never {
  throw error instanceof LhgError ? error : describeIoError(error);
}

function describeIoError(error: unknown): LhgError {
  return new LhgError("inbox.io", `the files of the inbox log cannot be used: ${(error as Error).message}`);
}
