/**
 * The bytes of the inbox log: segments of batches of records. README.md has the layout and the reasons.
 *
 * Every checksum starts from the segment's secret salt, so a sender cannot put something into a record that
 * recovery would take for a batch of ours.
 */
import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { encodeUtf8, equalBytes } from "../../../protocol/src/core/bytes.ts";
import { assertInvariant } from "../../../protocol/src/core/errors.ts";

/** Batches start on pages of their own: a torn write never shares a page with acknowledged bytes. */
export const PAGE_BYTES = 4096;

const MAGIC = encodeUtf8("LHGINBX1");
const SEGMENT_HEADER_BYTES = 8 + 4 + 8 + 4;
const BATCH_HEADER_BYTES = 8 + 4 + 4 + 4;
export const RECORD_HEADER_BYTES = 4;

export interface SegmentHeader {
  readonly salt: number;
  readonly firstPosition: number;
}

interface BatchHeader {
  readonly firstPosition: number;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
}

export interface SegmentScan {
  readonly recordCount: number;
  /** Where the valid batches end. */
  readonly validBytes: number;
  /** Offset of a batch that is damaged although a later one was begun, which happens only after its sync. */
  readonly corruptAt: number | undefined;
}

/** Bytes on disk of a batch of these records. */
export function batchBytes(recordCount: number, payloadBytes: number): number {
  return padToPage(BATCH_HEADER_BYTES + recordCount * RECORD_HEADER_BYTES + payloadBytes);
}

export function createSegmentHeader(firstPosition: number): SegmentHeader {
  return { salt: randomBytes(4).readUInt32BE(), firstPosition };
}

/** One page: magic, salt u32, first position u64, checksum u32, zeros. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const page = Buffer.alloc(PAGE_BYTES);
  page.set(MAGIC);
  page.writeUInt32BE(header.salt, 8);
  page.writeBigUInt64BE(BigInt(header.firstPosition), 12);
  page.writeUInt32BE(crc32(page.subarray(0, SEGMENT_HEADER_BYTES - 4)), SEGMENT_HEADER_BYTES - 4);
  return page;
}

/** Undefined when the header never reached the disk whole. */
export function readSegmentHeader(segment: Uint8Array): SegmentHeader | undefined {
  if (segment.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(segment);
  const checked = segment.subarray(0, SEGMENT_HEADER_BYTES - 4);
  if (view.getUint32(SEGMENT_HEADER_BYTES - 4) !== crc32(checked)) return undefined;
  if (!equalBytes(segment.subarray(0, MAGIC.length), MAGIC)) return undefined;
  return { salt: view.getUint32(8), firstPosition: Number(view.getBigUint64(12)) };
}

/** first position u64, body length u32, body checksum u32, header checksum u32, records, zeros to the page. */
export function encodeBatch(records: readonly Uint8Array[], firstPosition: number, salt: number): Uint8Array {
  let payloadBytes = 0;
  for (const record of records) payloadBytes += record.length;
  const batch = Buffer.allocUnsafe(batchBytes(records.length, payloadBytes));
  let offset = BATCH_HEADER_BYTES;
  for (const record of records) {
    batch.writeUInt32BE(record.length, offset);
    batch.set(record, offset + RECORD_HEADER_BYTES);
    offset += RECORD_HEADER_BYTES + record.length;
  }
  batch.fill(0, offset);
  batch.writeBigUInt64BE(BigInt(firstPosition), 0);
  batch.writeUInt32BE(offset - BATCH_HEADER_BYTES, 8);
  batch.writeUInt32BE(crc32(batch.subarray(BATCH_HEADER_BYTES, offset), salt), 12);
  batch.writeUInt32BE(crc32(batch.subarray(0, 16), salt), 16);
  return batch;
}

/** Walks the batches of a segment; each byte is looked at a bounded number of times. */
export function scanSegment(segment: Uint8Array, header: SegmentHeader): SegmentScan {
  let offset = PAGE_BYTES;
  let position = header.firstPosition;
  while (offset < segment.length) {
    const body = readBatchBody(segment, offset, header.salt, position);
    if (body === undefined) break;
    position += splitRecords(body).length;
    offset += padToPage(BATCH_HEADER_BYTES + body.length);
  }
  const torn = offset < segment.length && hasLaterBatch(segment, offset, header.salt, position);
  return {
    recordCount: position - header.firstPosition,
    validBytes: Math.min(offset, segment.length),
    corruptAt: torn ? offset : undefined,
  };
}

/** The records of a scanned segment, in order, as views of it. */
export function* readRecords(
  segment: Uint8Array,
  header: SegmentHeader,
): Generator<{ position: number; record: Uint8Array }, void, undefined> {
  let offset = PAGE_BYTES;
  let position = header.firstPosition;
  for (;;) {
    const body = readBatchBody(segment, offset, header.salt, position);
    if (body === undefined) return;
    for (const record of splitRecords(body)) {
      yield { position, record };
      position += 1;
    }
    offset += padToPage(BATCH_HEADER_BYTES + body.length);
  }
}

function readBatchHeader(segment: Uint8Array, offset: number, salt: number): BatchHeader | undefined {
  if (segment.length - offset < BATCH_HEADER_BYTES) return undefined;
  const view = viewOf(segment);
  if (view.getUint32(offset + 16) !== crc32(segment.subarray(offset, offset + 16), salt)) return undefined;
  return {
    firstPosition: Number(view.getBigUint64(offset)),
    bodyBytes: view.getUint32(offset + 8),
    bodyChecksum: view.getUint32(offset + 12),
  };
}

function readBatchBody(
  segment: Uint8Array,
  offset: number,
  salt: number,
  position: number,
): Uint8Array | undefined {
  const header = readBatchHeader(segment, offset, salt);
  if (header === undefined || header.firstPosition !== position) return undefined;
  const start = offset + BATCH_HEADER_BYTES;
  if (header.bodyBytes > segment.length - start) return undefined;
  const body = segment.subarray(start, start + header.bodyBytes);
  return crc32(body, salt) === header.bodyChecksum ? body : undefined;
}

function hasLaterBatch(segment: Uint8Array, from: number, salt: number, position: number): boolean {
  for (let offset = from + PAGE_BYTES; offset < segment.length; offset += PAGE_BYTES) {
    const header = readBatchHeader(segment, offset, salt);
    if (header !== undefined && header.firstPosition > position) return true;
  }
  return false;
}

function splitRecords(body: Uint8Array): Uint8Array[] {
  const view = viewOf(body);
  const records: Uint8Array[] = [];
  for (let offset = 0; offset < body.length; ) {
    const end = offset + RECORD_HEADER_BYTES + view.getUint32(offset);
    assertInvariant(end <= body.length, "records fill a batch whose checksum holds");
    records.push(body.subarray(offset + RECORD_HEADER_BYTES, end));
    offset = end;
  }
  return records;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function padToPage(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
}
