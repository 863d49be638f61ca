import { toHex } from "@lhg/protocol/core/bytes";
import { type Decimal, formatDecimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { vendorPartition } from "@lhg/protocol/core/state/partition";
import { STATUS } from "@lhg/protocol/core/status";
import { collectionDerivedKey } from "@lhg/protocol/modules/collection/collection";
import { getStream, type Stream, streamKey } from "@lhg/protocol/modules/collection/streams";
import { getDevice } from "@lhg/protocol/modules/identity/devices";
import { type ResolvedReading, resolveSenml } from "@lhg/protocol/senml/resolve";
import { openState, type ProofArgs, proveIfAsked } from "./accounts.ts";
import type { QueryContext } from "./context.ts";
import {
  accountPrefix,
  decodeEntry,
  decodePlace,
  decodeStream,
  encodePlace,
  encodeStream,
  PLACE_BYTES,
  type Place,
  STREAM_BYTES,
  streamPrefix,
} from "./index-format.ts";
import { closePage, openPage, type PageArgs, readHex, scanAfter } from "./paging.ts";
import { createTimes, findStatement, historyPruned, isKept, readPrepared, viewEntry } from "./stored.ts";
import type { CollectionView, Page, ReadingView, StreamView } from "./views.ts";

function requireVendorOf(context: QueryContext, device: Uint8Array): Uint8Array {
  const owned = getDevice(context.state, device);
  if (owned === undefined)
    throw new LhgError("device.not-found", "no device of this address is registered", "device");
  return owned.vendor;
}

function viewStream(height: number, device: string, stream: number, held: Stream): StreamView {
  return {
    height,
    device,
    stream,
    headSeq: held.headSeq,
    headId: toHex(held.headId),
    gaps: held.gaps.map(({ from, to, lowerId, upperId }) => ({
      from,
      to,
      lowerId: toHex(lowerId),
      upperId: toHex(upperId),
    })),
    collections: held.collections,
    readings: held.readings,
    continues:
      held.continues === null
        ? null
        : { stream: held.continues.stream, lastId: toHex(held.continues.lastId) },
  };
}

/** Where a device goes on: head, gaps and counts. Throws `device.not-found`, `stream.not-found`. */
export function getStreamView(
  context: QueryContext,
  args: ProofArgs & { readonly device: string; readonly stream: number },
): StreamView {
  const device = readHex(args.device, 20, "device");
  const vendor = requireVendorOf(context, device);
  const { state, height } = openState(context, args);
  const held = getStream(state, vendor, device, args.stream);
  if (held === undefined) throw new LhgError("stream.not-found", "the stream is not open", "stream");
  return {
    ...viewStream(height, args.device, args.stream, held),
    ...proveIfAsked(context, args, vendorPartition(vendor), streamKey(device, args.stream)),
  };
}

/** Stream 0 and those that the vendor opened, by number. */
export async function listStreams(
  context: QueryContext,
  args: PageArgs & { readonly device: string },
): Promise<Page<StreamView>> {
  const paging = openPage(context, "listStreams", args, STREAM_BYTES);
  const device = readHex(args.device, 20, "device");
  const vendor = requireVendorOf(context, device);
  const prefix = streamPrefix(device);
  const entries = await scanAfter(context.store, prefix, paging.after, paging.limit + 1);
  const opened = entries.map(({ key }) => decodeStream(key.subarray(prefix.length)));
  const numbers = paging.after === undefined ? [0, ...opened] : opened;
  const streams = numbers.flatMap((stream) => {
    const held = getStream(context.state, vendor, device, stream);
    return held === undefined ? [] : [{ stream, held }];
  });
  return closePage(
    paging,
    streams,
    ({ stream, held }) => viewStream(context.head.height, args.device, stream, held),
    ({ stream }) => encodeStream(stream),
  );
}

/** Seconds as decimals, to milliseconds, rounded down. Claims can be any number: they are kept within a Date's range. */
function toMs({ mantissa, exponent }: Decimal): number {
  const shift = exponent + 3;
  if (shift > 18) return MAX_DATE_MS;
  const scaled = shift >= 0 ? mantissa * 10n ** BigInt(shift) : mantissa / 10n ** BigInt(-shift);
  return Number(scaled > BigInt(MAX_DATE_MS) ? BigInt(MAX_DATE_MS) : scaled);
}
const MAX_DATE_MS = 8.64e15;

function viewReading({ name, unit, time, value, sum }: ResolvedReading): ReadingView {
  return {
    name,
    timeMs: toMs(time),
    ...(unit === undefined ? {} : { unit }),
    ...viewValue(value),
    ...(sum === undefined ? {} : { sum: formatDecimal(sum) }),
  };
}

function viewValue(value: ResolvedReading["value"]): Partial<ReadingView> {
  if (value === undefined) return {};
  if (typeof value === "string") return { text: value };
  if (typeof value === "boolean") return { flag: value };
  return value instanceof Uint8Array ? { data: toHex(value) } : { number: formatDecimal(value) };
}

function viewCollection(context: QueryContext, place: Place, status: number, timeMs: number): CollectionView {
  const statement = readPrepared(context, place);
  if (statement.kind !== "collection")
    throw new LhgError("collection.not-found", "the statement is no collection", "id");
  const { device, stream, seq, prevId, readings } = statement.payload;
  const resolved = status === STATUS.ok ? resolveSenml(readings) : [];
  return {
    ...viewEntry({ kind: "collection", status, id: statement.id }, place, timeMs),
    device: toHex(device),
    stream,
    seq,
    prevId: toHex(prevId),
    readings: resolved.map(viewReading),
  };
}

export type GetCollectionArgs =
  | { readonly id: string }
  | { readonly device: string; readonly stream: number; readonly seq: number };

/** By statement id, or by place in a stream. Throws `statement.not-found`, `collection.not-found`. */
export function getCollection(context: QueryContext, args: GetCollectionArgs): CollectionView {
  const { record, outcome } = findStatement(context, "id" in args ? args.id : findId(context, args));
  const timeMs = createTimes(context)(record.height);
  return viewCollection(context, record, outcome.status, timeMs);
}

function findId(
  context: QueryContext,
  { device, stream, seq }: { readonly device: string; readonly stream: number; readonly seq: number },
): string {
  const id = context.state.getDerived(collectionDerivedKey(readHex(device, 20, "device"), stream, seq));
  if (id === undefined && context.firstHeight > 1) throw historyPruned(context, "seq");
  if (id === undefined)
    throw new LhgError("collection.not-found", "the stream has no such collection", "seq");
  return toHex(id);
}

/** A page ends early when it holds so many readings. */
const READINGS_PER_PAGE = 5_000;

/** A device's collections as the chain took them, newest first, with their readings resolved. */
export async function listCollections(
  context: QueryContext,
  args: PageArgs & { readonly device: string },
): Promise<Page<CollectionView>> {
  const paging = openPage(context, "listCollections", args, PLACE_BYTES);
  const prefix = accountPrefix(readHex(args.device, 20, "device"), "collection");
  const entries = await scanAfter(context.store, prefix, paging.after, paging.limit + 1);
  const timeOf = createTimes(context);
  const items: CollectionView[] = [];
  let readings = 0;
  for (const { key, value } of entries) {
    const last = items.at(-1);
    if (last !== undefined && (items.length === paging.limit || readings >= READINGS_PER_PAGE))
      return { items, next: paging.cursorAt(encodePlace(last)) };
    const place = decodePlace(key.subarray(prefix.length));
    if (!isKept(context, place.height)) break;
    const view = viewCollection(context, place, decodeEntry(value).status, timeOf(place.height));
    items.push(view);
    readings += view.readings.length;
  }
  return { items };
}
