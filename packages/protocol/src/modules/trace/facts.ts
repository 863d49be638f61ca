/** What an event says, read from its bytes: the same at execution and in an offline verification. */
import type { Address } from "../../core/account.ts";
import { fromHex } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/codec/cbor.ts";
import { encode } from "../../core/codec/definition.ts";
import type { Hasher } from "../../core/crypto.ts";
import { formatDecimal } from "../../core/decimal.ts";
import type { JsonObject } from "../../core/json.ts";
import type { DocumentContext } from "../../epcis/context.ts";
import { readEvent } from "../../epcis/event.ts";
import { eventHash } from "../../epcis/event-hash.ts";
import type { EpcisEvent, ItemReference } from "../../epcis/event-model.ts";
import { compareCodePoints } from "../../epcis/text.ts";
import { type EventFacts, type EventItem, eventFacts, ROLES } from "./messages.ts";

type Sha256 = Pick<Hasher, "sha256">;

/** Key of an item: SHA-256(["LHG-item", identity]). */
export function computeItemKey(hasher: Sha256, identity: string): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-item", identity]));
}

/**
 * Key of a transformation that many events describe. It is the captor's own: who else writes the same
 * transformationID describes another transformation.
 */
export function computeTransformationKey(hasher: Sha256, captor: Address, identity: string): Uint8Array {
  return hasher.sha256(encodeCbor(["LHG-transformation", captor, identity]));
}

export interface ReadEvent {
  readonly event: EpcisEvent;
  readonly facts: EventFacts;
  /** computeFactsDigest of the facts as they are, declaration included. */
  readonly digest: Uint8Array;
}

/** Throws LhgError `epcis.*`, `identity.*`, `decimal.*`, `value.*` with the path of the value. */
export function readFacts(
  hasher: Sha256,
  node: JsonObject,
  context: DocumentContext,
  path: string,
): ReadEvent {
  const event = readEvent(node, context, { path });
  const hash = eventHash(node, context, hasher, path);
  const facts = toFacts(hasher, event, hash);
  // Encoding refuses what is longer than the ledger's formats hold, before anything is executed.
  return { event, facts, digest: computeFactsDigest(hasher, facts, facts.declaration, path) };
}

function toFacts(hasher: Sha256, event: EpcisEvent, hash: string): EventFacts {
  const { errorDeclaration } = event;
  return {
    type: event.type,
    action: event.action ?? null,
    eventTimeMs: event.eventTimeMs,
    eventTimeZoneOffset: event.eventTimeZoneOffset,
    bizStep: event.bizStep ?? null,
    disposition: event.disposition ?? null,
    readPoint: event.readPoint?.key ?? null,
    bizLocation: event.bizLocation?.key ?? null,
    transformationId: event.transformationId?.key ?? null,
    eventId: event.eventId ?? null,
    hash: hashDigest(hash),
    items: event.items.map((item) => toEventItem(hasher, item)),
    declaration:
      errorDeclaration === undefined
        ? null
        : {
            declarationTimeMs: errorDeclaration.declarationTimeMs,
            reason: errorDeclaration.reason ?? null,
            correctiveEventIds: errorDeclaration.correctiveEventIds,
          },
  };
}

/** `ni:///sha-256;<hex>?ver=CBV2.0` */
const HASH_HEX_AT = "ni:///sha-256;".length;
const HASH_SUFFIX = "?ver=CBV2.0";

function hashDigest(hash: string): Uint8Array {
  return fromHex(hash.slice(HASH_HEX_AT, HASH_HEX_AT + 64));
}

/** The digest of an event hash id of CBV 2.0, undefined for any other text. */
export function parseHashId(alias: string): Uint8Array | undefined {
  const isHash =
    alias.length === HASH_HEX_AT + 64 + HASH_SUFFIX.length &&
    /^ni:\/\/\/sha-256;[0-9a-f]{64}\?ver=CBV2\.0$/.test(alias);
  return isHash ? hashDigest(alias) : undefined;
}

function toEventItem(hasher: Sha256, item: ItemReference): EventItem {
  return {
    key: computeItemKey(hasher, item.key),
    identity: item.key,
    role: ROLES[item.role],
    isClassLevel: item.kind === "class" || item.kind === "lot" || item.quantity !== undefined,
    quantity: item.quantity ?? null,
  };
}

/**
 * SHA-256 over what two captures of one event share whatever the order of their lists, the eventID left out.
 * It stands beside the CBV hash, because different events can have one pre-hash.
 */
export function computeFactsDigest(
  hasher: Sha256,
  facts: EventFacts,
  declaration: EventFacts["declaration"],
  path = "",
): Uint8Array {
  const items = facts.items.length < 2 ? facts.items : [...facts.items].sort(compareItems);
  return hasher.sha256(encode(eventFacts, { ...facts, eventId: null, items, declaration }, path));
}

function compareItems(a: EventItem, b: EventItem): number {
  if (a.role !== b.role) return a.role - b.role;
  if (a.identity !== b.identity) return compareCodePoints(a.identity, b.identity);
  return compareCodePoints(quantityText(a), quantityText(b));
}

function quantityText({ quantity }: EventItem): string {
  return quantity === null ? "" : `${quantity.uom} ${formatDecimal(quantity.value)}`;
}

const ITEM_LISTS = [
  "epcList",
  "quantityList",
  "childEPCs",
  "childQuantityList",
  "inputEPCList",
  "inputQuantityList",
  "outputEPCList",
  "outputQuantityList",
];

/** JSON path of the event's item number `ordinal`, which readEvent counts in document order. */
export function itemPath(node: JsonObject, path: string, ordinal: number): string {
  let left = ordinal;
  for (const [name, value] of node.entries) {
    if (name === "parentID" && left-- === 0) return `${path}.parentID`;
    if (!ITEM_LISTS.includes(name) || value.kind !== "array") continue;
    if (left < value.items.length)
      return `${path}.${name}[${left}]${name.endsWith("QuantityList") || name === "quantityList" ? ".epcClass" : ""}`;
    left -= value.items.length;
  }
  return path;
}
