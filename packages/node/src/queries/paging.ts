/** Pages of lists: opaque cursors bound to the question they were given for, and key ranges after a position. */
import { concatBytes, encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Store, StoreEntry } from "../store/store.ts";
import type { QueryContext } from "./context.ts";
import type { Page } from "./views.ts";

export interface PageArgs {
  readonly cursor?: string;
  /** 1 to 200, 50 by default. */
  readonly limit?: number;
}

const PAGE_LIMIT_MAX = 200;
const PAGE_LIMIT_DEFAULT = 50;

const CURSOR_VERSION = 1;
const BINDING_BYTES = 8;

/** A page being filled: how many entries, after which position, and the cursor for the rest. */
export interface Paging {
  readonly limit: number;
  readonly after: Uint8Array | undefined;
  cursorAt(position: Uint8Array): string;
}

/**
 * Opens a page. A cursor goes on in the very list it came from: same chain, query and filters. `positionBytes`
 * is the length of its position. Throws `cursor.invalid`, `limit.range`.
 */
export function openPage(
  context: Pick<QueryContext, "crypto" | "chainId">,
  query: string,
  args: PageArgs,
  positionBytes: number,
): Paging {
  const { cursor, limit = PAGE_LIMIT_DEFAULT, ...filters } = args;
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_LIMIT_MAX)
    throw new LhgError("limit.range", `must be an integer from 1 to ${PAGE_LIMIT_MAX}`, "limit");
  const named = Object.entries(filters).filter(([, value]) => value !== undefined);
  const sorted = named.sort(([a], [b]) => (a < b ? -1 : 1));
  const bound = encodeUtf8(JSON.stringify([context.chainId, query, sorted]));
  const binding = context.crypto.sha256(bound).subarray(0, BINDING_BYTES);
  return {
    limit,
    after: cursor === undefined ? undefined : readCursor(cursor, binding, positionBytes),
    cursorAt: (position) =>
      Buffer.from(concatBytes(Uint8Array.of(CURSOR_VERSION), binding, position)).toString("base64url"),
  };
}

function readCursor(cursor: string, binding: Uint8Array, positionBytes: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(cursor, "base64url"));
  const isOurs =
    bytes.length === 1 + BINDING_BYTES + positionBytes &&
    bytes[0] === CURSOR_VERSION &&
    equalBytes(bytes.subarray(1, 1 + BINDING_BYTES), binding) &&
    // Node reads base64url leniently: one cursor has one spelling here.
    Buffer.from(bytes).toString("base64url") === cursor;
  if (!isOurs) throw new LhgError("cursor.invalid", "is no cursor of this list", "cursor");
  return bytes.slice(1 + BINDING_BYTES);
}

/** Makes a page of up to `limit + 1` found entries: the extra one tells that there is more. */
export function closePage<T, V>(
  paging: Paging,
  found: readonly T[],
  view: (entry: T) => V,
  positionOf: (entry: T) => Uint8Array,
): Page<V> {
  const taken = found.slice(0, paging.limit);
  const items = taken.map(view);
  return found.length > taken.length
    ? { items, next: paging.cursorAt(positionOf(taken.at(-1)!)) }
    : { items };
}

/** The first key after all that begin with `prefix`. */
function endOf(prefix: Uint8Array): Uint8Array {
  let last = prefix.length - 1;
  while (last > 0 && prefix[last] === 0xff) last--;
  const end = prefix.slice(0, last + 1);
  end[last]! += 1;
  return end;
}

/** Entries whose keys begin with `prefix`, in key order, behind `prefix + after`. */
export function scanAfter(
  store: Store,
  prefix: Uint8Array,
  after: Uint8Array | undefined,
  limit: number,
): Promise<StoreEntry[]> {
  const gte = after === undefined ? prefix : concatBytes(prefix, after, Uint8Array.of(0));
  return store.scan({ gte, lt: endOf(prefix), limit });
}

/** A number list in descending or ascending order, paged by number. */
export function pageNumbers<V>(
  paging: Paging,
  { first, last, step }: { readonly first: number; readonly last: number; readonly step: 1 | -1 },
  view: (number: number) => V | undefined,
): Page<V> {
  const start = paging.after === undefined ? first : readNumber(paging.after) + step;
  const items: V[] = [];
  for (let at = start; step > 0 ? at <= last : at >= last; at += step) {
    if (items.length === paging.limit) return { items, next: paging.cursorAt(writeNumber(at - step)) };
    const item = view(at);
    if (item !== undefined) items.push(item);
  }
  return { items };
}

export const NUMBER_BYTES = 8;

function writeNumber(value: number): Uint8Array {
  const out = new Uint8Array(NUMBER_BYTES);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}

/** Throws `cursor.invalid` for what no page can have given. */
function readNumber(bytes: Uint8Array): number {
  const value = new DataView(bytes.buffer, bytes.byteOffset, NUMBER_BYTES).getBigUint64(0);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new LhgError("cursor.invalid", "is no cursor of this list", "cursor");
  return Number(value);
}

export function readHex(text: string, bytes: number, field: string): Uint8Array {
  if (text.length !== 2 * bytes || !/^[0-9a-f]*$/.test(text))
    throw new LhgError("hex.invalid", `must be ${bytes} bytes in lower-case hex`, field);
  return new Uint8Array(Buffer.from(text, "hex"));
}
