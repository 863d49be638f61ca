/**
 * Streams of collections: an unbroken chain of statement ids per device. Gaps that arise when collections
 * arrive early are kept with both their edges, so that a fill proves that it belongs there.
 */
import { type Address, address, digest } from "../../core/account.ts";
import { equalBytes, ZERO32 } from "../../core/bytes.ts";
import { CborReader } from "../../core/codec/cbor-reader.ts";
import { array, type Infer, nullable, record, uint } from "../../core/codec/definition.ts";
import { postpone, refuse } from "../../core/module.ts";
import type { StateAccess, StateReader } from "../../core/state/overlay.ts";
import { vendorPartition } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { COLLECTION_MODULE, type Collection } from "./messages.ts";

/** How far ahead of the head a collection may be, and how many gaps may stand open. */
export const SEQ_AHEAD_MAX = 1024;
export const GAPS_MAX = 16;

/** Missing `from`..`to`: `lowerId` is the id just below, `upperId` the id that the one above names as its own before. */
const gap = record(undefined, { from: uint(), to: uint(), lowerId: digest, upperId: digest });
type Gap = Infer<typeof gap>;

export const streamRecord = record(1, {
  device: address,
  headSeq: uint(),
  headId: digest,
  gaps: array(gap, { max: GAPS_MAX }),
  collections: uint(),
  readings: uint(),
  continues: nullable(record(undefined, { stream: uint(), lastId: digest })),
});
export type Stream = Infer<typeof streamRecord>;
const streams = defineTable<[Address, number], Stream>("stream", COLLECTION_MODULE, 1, streamRecord);

export function getStream(
  state: StateReader,
  vendor: Address,
  device: Address,
  stream: number,
): Stream | undefined {
  const stored = streams.get(state, vendorPartition(vendor), device, stream);
  // Stream 0 is open from registration on; others are opened by the vendor.
  return stored ?? (stream === 0 ? emptyStream(device) : undefined);
}

export function setStream(
  state: StateAccess,
  vendor: Address,
  device: Address,
  stream: number,
  value: Stream,
): void {
  streams.set(state, vendorPartition(vendor), value, device, stream);
}

/** Whose stream a key of the state holds; undefined for every other key. */
export function parseStreamKey(
  key: Uint8Array,
): { readonly device: Address; readonly stream: number } | undefined {
  const reader = new CborReader(key);
  const parts = reader.readArrayHeader();
  if (parts !== 4 || reader.readInt() !== streams.module || reader.readInt() !== streams.kind)
    return undefined;
  return { device: reader.readBytes().slice(), stream: reader.readInt() };
}

export function streamKey(device: Address, stream: number): Uint8Array {
  return streams.key(device, stream);
}

export function emptyStream(device: Address, continues: Stream["continues"] = null): Stream {
  return { device, headSeq: 0, headId: ZERO32, gaps: [], collections: 0, readings: 0, continues };
}

export type Placement = { readonly kind: "head" } | { readonly kind: "fill"; readonly gap: number };

/**
 * Where a collection goes: on the head, or at the top of a gap. Refuses a used sequence and a fork; postpones
 * what is too early.
 */
export function placeCollection(
  stream: Stream,
  { seq, prevId }: Pick<Collection, "seq" | "prevId">,
): Placement {
  if (seq === 0) return refuse("collection.sequence", "sequences begin at 1", "collection.seq");
  if (seq > stream.headSeq) return placeAhead(stream, seq, prevId);
  const index = stream.gaps.findIndex((entry) => entry.from <= seq && seq <= entry.to);
  const found = stream.gaps[index];
  if (found === undefined)
    return refuse("collection.sequence-used", "this sequence is taken", "collection.seq");
  if (seq !== found.to)
    return postpone("collection.fill-order", `gaps fill downward: ${found.to} comes first`, "collection.seq");
  if (seq === found.from && !equalBytes(prevId, found.lowerId))
    return refuse("collection.fork", "does not follow the collection below the gap", "collection.prevId");
  return { kind: "fill", gap: index };
}

function placeAhead(stream: Stream, seq: number, prevId: Uint8Array): Placement {
  if (seq === stream.headSeq + 1) {
    if (!equalBytes(prevId, stream.headId))
      refuse("collection.fork", "does not follow the head of the stream", "collection.prevId");
    return { kind: "head" };
  }
  if (seq > stream.headSeq + SEQ_AHEAD_MAX)
    return postpone(
      "collection.sequence-ahead",
      `at most ${SEQ_AHEAD_MAX} ahead of ${stream.headSeq}`,
      "collection.seq",
    );
  if (stream.gaps.length >= GAPS_MAX)
    return postpone("collection.gaps", `${GAPS_MAX} gaps are open: fill one first`, "collection.seq");
  return { kind: "head" };
}

/** A fill must be the very statement that the collection above it named. */
export function checkFillId(stream: Stream, placement: Placement, id: Uint8Array): void {
  if (placement.kind === "fill" && !equalBytes(stream.gaps[placement.gap]!.upperId, id))
    refuse("collection.fork", "is not the collection that its successor names", "collection");
}

/** The stream with the collection in its place. */
export function advanceStream(
  stream: Stream,
  placement: Placement,
  { seq, prevId, readings }: Collection,
  id: Uint8Array,
): Stream {
  const counted = {
    ...stream,
    collections: stream.collections + 1,
    readings: stream.readings + readings.length,
  };
  if (placement.kind === "fill") return { ...counted, gaps: fillGap(stream.gaps, placement.gap, prevId) };
  const isEarly = seq > stream.headSeq + 1;
  const opened: Gap = { from: stream.headSeq + 1, to: seq - 1, lowerId: stream.headId, upperId: prevId };
  return { ...counted, headSeq: seq, headId: id, gaps: isEarly ? [...stream.gaps, opened] : stream.gaps };
}

function fillGap(gaps: readonly Gap[], index: number, prevId: Uint8Array): Gap[] {
  return gaps.flatMap((entry, i) => {
    if (i !== index) return [entry];
    return entry.from === entry.to ? [] : [{ ...entry, to: entry.to - 1, upperId: prevId }];
  });
}
