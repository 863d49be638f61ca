/** What a text that somebody typed, pasted or scanned may name on a chain. */

import { LhgError } from "@lhg/protocol/core/errors";
import type { Identity, IdentityKind } from "@lhg/protocol/epcis/identity";
import { readItem } from "@lhg/sdk/items/read-item";

export type Candidate =
  | { readonly kind: "block"; readonly height: number }
  | { readonly kind: "hash"; readonly hash: string }
  | { readonly kind: "event"; readonly id: string }
  | { readonly kind: "alias"; readonly alias: string }
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "item"; readonly identity: string; readonly identityKind: IdentityKind }
  | { readonly kind: "name"; readonly name: string }
  /** A serial, a lot or a number, or a part of one. */
  | { readonly kind: "part"; readonly text: string };

const HASH = /^(?:0x)?([0-9a-f]{64})$/i;
const EVENT = /^([0-9a-f]{64}):([0-9]{1,6})$/i;
const ADDRESS = /^(?:0x)?([0-9a-f]{40})$/i;
const URI = /^[a-z][a-z0-9+.-]*:\S+$/i;
const IDENTITY_LENGTH_MAX = 1_024;
const NAME_LENGTH_MAX = 64;

/** All it may be: 14 digits are a height as well as a GTIN. */
export function readQuery(text: string): Candidate[] {
  const query = text.trim().toWellFormed();
  if (query === "" || query.length > IDENTITY_LENGTH_MAX) return [];
  const found: Candidate[] = [];
  const digits = query.replaceAll(/[ ,.']/g, "");
  if (/^[0-9]{1,15}$/.test(digits)) found.push({ kind: "block", height: Number(digits) });
  const hash = HASH.exec(query)?.[1];
  if (hash !== undefined) found.push({ kind: "hash", hash: hash.toLowerCase() });
  const event = EVENT.exec(query);
  if (event !== null) found.push({ kind: "event", id: `${event[1]!.toLowerCase()}:${Number(event[2])}` });
  const address = ADDRESS.exec(query)?.[1];
  if (address !== undefined) found.push({ kind: "address", address: address.toLowerCase() });
  if (URI.test(query) && event === null) found.push({ kind: "alias", alias: query });
  const item = event === null && !query.startsWith("ni:") ? findItem(query) : undefined;
  if (item !== undefined) found.push({ kind: "item", identity: item.key, identityKind: item.kind });
  const isNamed = [hash, event, address].some((one) => one !== undefined && one !== null);
  const isWhole = isNamed || URI.test(query) || (item !== undefined && item.kind !== "class");
  if (found.length === 0 && query.length <= NAME_LENGTH_MAX) found.push({ kind: "name", name: query });
  if (!isWhole && query.length <= NAME_LENGTH_MAX) found.push({ kind: "part", text: query });
  return found;
}

function findItem(query: string): Identity | undefined {
  try {
    return readItem(query, "");
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}
