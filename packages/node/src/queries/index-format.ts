/** Keys and values of the indexes. First bytes are never reused; numbers are inverted where the newest comes first. */
import type { Address } from "@lhg/protocol/core/account";
import { concatBytes, encodeUtf8 } from "@lhg/protocol/core/bytes";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { SPACE_INDEX_FIRST } from "../blocks/store-keys.ts";
import type { StatementKindName } from "./views.ts";

/** `[space, account, kind, inverted height, inverted position]` -> entry: what an account sent, got or is named in. */
const SPACE_BY_ACCOUNT = SPACE_INDEX_FIRST;
/** `[space, height]` -> `[position, entry]` of every executed statement: one write a block. */
const SPACE_BLOCK_CONTENTS = SPACE_INDEX_FIRST + 1;
/** `[space, field, half a hash of the value, event place]` -> event id. */
const SPACE_EVENT_TERMS = SPACE_INDEX_FIRST + 2;
/** `[space, device, stream]` -> nothing: streams that vendors opened. */
const SPACE_STREAMS = SPACE_INDEX_FIRST + 3;

export const STATEMENT_KINDS: readonly StatementKindName[] = ["transaction", "collection", "capture"];

export interface StatementEntry {
  readonly kind: StatementKindName;
  readonly status: number;
  readonly id: Uint8Array;
}
const ID_BYTES = 32;
const ENTRY_BYTES = 3 + ID_BYTES;

function writeEntry(out: Uint8Array, offset: number, { kind, status, id }: StatementEntry): void {
  out[offset] = STATEMENT_KINDS.indexOf(kind);
  out[offset + 1] = status >>> 8;
  out[offset + 2] = status & 0xff;
  out.set(id, offset + 3);
}

export function encodeEntry(entry: StatementEntry): Uint8Array {
  const out = new Uint8Array(ENTRY_BYTES);
  writeEntry(out, 0, entry);
  return out;
}

export function decodeEntry(bytes: Uint8Array, offset = 0): StatementEntry {
  return {
    kind: STATEMENT_KINDS[bytes[offset]!]!,
    status: (bytes[offset + 1]! << 8) | bytes[offset + 2]!,
    id: bytes.slice(offset + 3, offset + ENTRY_BYTES),
  };
}

const MAX_UINT32 = 0xffff_ffff;
/** Heights as 48 bits: a block every millisecond for 8,900 years. */
const MAX_UINT48 = 2 ** 48 - 1;

function setUint48(view: DataView, offset: number, value: number): void {
  view.setUint16(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 2, value % 2 ** 32);
}

function getUint48(view: DataView, offset: number): number {
  return view.getUint16(offset) * 2 ** 32 + view.getUint32(offset + 2);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where a statement stands; sorts newest first. */
export interface Place {
  readonly height: number;
  readonly position: number;
}
export const PLACE_BYTES = 10;

export function encodePlace({ height, position }: Place): Uint8Array {
  const out = new Uint8Array(PLACE_BYTES);
  const view = viewOf(out);
  setUint48(view, 0, MAX_UINT48 - height);
  view.setUint32(6, MAX_UINT32 - position);
  return out;
}

export function decodePlace(bytes: Uint8Array): Place {
  const view = viewOf(bytes);
  return { height: MAX_UINT48 - getUint48(view, 0), position: MAX_UINT32 - view.getUint32(6) };
}

export function accountPrefix(account: Address, kind: StatementKindName): Uint8Array {
  return concatBytes(Uint8Array.of(SPACE_BY_ACCOUNT), account, Uint8Array.of(STATEMENT_KINDS.indexOf(kind)));
}

export function blockContentsKey(height: number): Uint8Array {
  const out = new Uint8Array(7);
  out[0] = SPACE_BLOCK_CONTENTS;
  setUint48(viewOf(out), 1, height);
  return out;
}

export function heightOfContentsKey(key: Uint8Array): number {
  return getUint48(viewOf(key), 1);
}

export interface PlacedEntry extends StatementEntry {
  readonly position: number;
}
const PLACED_BYTES = 4 + ENTRY_BYTES;

export function encodeContents(entries: readonly PlacedEntry[]): Uint8Array {
  const out = new Uint8Array(PLACED_BYTES * entries.length);
  const view = viewOf(out);
  entries.forEach((entry, i) => {
    view.setUint32(i * PLACED_BYTES, entry.position);
    writeEntry(out, i * PLACED_BYTES + 4, entry);
  });
  return out;
}

export function decodeContents(bytes: Uint8Array): PlacedEntry[] {
  const view = viewOf(bytes);
  const out: PlacedEntry[] = [];
  for (let offset = 0; offset + PLACED_BYTES <= bytes.length; offset += PLACED_BYTES)
    out.push({ position: view.getUint32(offset), ...decodeEntry(bytes, offset + 4) });
  return out;
}

/** What events are found by; numbers are never reused. */
export const EVENT_FIELDS = {
  any: 0,
  type: 1,
  bizStep: 2,
  disposition: 3,
  readPoint: 4,
  bizLocation: 5,
  vendor: 6,
  item: 7,
  action: 8,
  transformation: 9,
} as const;
export type EventField = keyof typeof EVENT_FIELDS;

const TERM_HASH_BYTES = 16;

/** Values are hashed, so that a key has one length whatever somebody wrote; 128 bits do not collide by chance. */
export function eventTermPrefix(
  hasher: Pick<Hasher, "sha256">,
  field: EventField,
  value: string,
): Uint8Array {
  const hash = hasher.sha256(encodeUtf8(value)).subarray(0, TERM_HASH_BYTES);
  return concatBytes(Uint8Array.of(SPACE_EVENT_TERMS, EVENT_FIELDS[field]), hash);
}

/** Events sort by the time they claim, newest first, then by place in the chain. */
export interface EventPlace extends Place {
  readonly eventTimeMs: number;
  readonly index: number;
}
const EVENT_TIME_BYTES = 8;
export const EVENT_PLACE_BYTES = EVENT_TIME_BYTES + PLACE_BYTES + 4;
/** Event times reach from year 1 to 9999: shifted, they are positive. That takes 49 bits. */
const EVENT_TIME_SHIFT_MS = 62_135_596_800_000;

export function encodeEventTime(eventTimeMs: number): Uint8Array {
  const out = new Uint8Array(EVENT_TIME_BYTES);
  const shifted = Math.min(Math.max(eventTimeMs + EVENT_TIME_SHIFT_MS, 0), Number.MAX_SAFE_INTEGER);
  viewOf(out).setBigUint64(0, BigInt(Number.MAX_SAFE_INTEGER - shifted));
  return out;
}

export function encodeEventPlace(place: EventPlace): Uint8Array {
  const index = new Uint8Array(4);
  viewOf(index).setUint32(0, MAX_UINT32 - place.index);
  return concatBytes(encodeEventTime(place.eventTimeMs), encodePlace(place), index);
}

export interface EventRef {
  readonly capture: Uint8Array;
  readonly index: number;
}

export function encodeEventRef({ capture, index }: EventRef): Uint8Array {
  const out = new Uint8Array(ID_BYTES + 4);
  out.set(capture);
  viewOf(out).setUint32(ID_BYTES, index);
  return out;
}

export function decodeEventRef(bytes: Uint8Array): EventRef {
  return { capture: bytes.slice(0, ID_BYTES), index: viewOf(bytes).getUint32(ID_BYTES) };
}

export function streamPrefix(device: Address): Uint8Array {
  return concatBytes(Uint8Array.of(SPACE_STREAMS), device);
}

export function isStreamKey(key: Uint8Array): boolean {
  return key[0] === SPACE_STREAMS;
}

export const STREAM_BYTES = 4;

export function encodeStream(stream: number): Uint8Array {
  const out = new Uint8Array(STREAM_BYTES);
  viewOf(out).setUint32(0, stream);
  return out;
}

export function decodeStream(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(0);
}
