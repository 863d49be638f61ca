/**
 * Indexes for queries, written in the same durable batch as their block. They follow from blocks and state,
 * are not replicated, and could be made anew.
 */
import { type Address, deriveAddress } from "@lhg/protocol/core/account";
import { concatBytes, equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import type { StateReader } from "@lhg/protocol/core/state/overlay";
import { STATUS } from "@lhg/protocol/core/status";
import type { ExecutedStatement } from "@lhg/protocol/execute-block";
import type { Message, Transaction } from "@lhg/protocol/ledger";
import { parseStreamKey } from "@lhg/protocol/modules/collection/streams";
import { type EventFacts, type EventRecord, eventRecord } from "@lhg/protocol/modules/trace/messages";
import { eventRecordKey } from "@lhg/protocol/modules/trace/trace";
import type { StoreWrite } from "../store/store.ts";
import {
  accountPrefix,
  blockContentsKey,
  type EventField,
  type EventRef,
  encodeContents,
  encodeEntry,
  encodeEventPlace,
  encodeEventRef,
  encodePlace,
  encodeStream,
  eventTermPrefix,
  isStreamKey,
  type PlacedEntry,
  streamPrefix,
} from "./index-format.ts";

export interface IndexedBlock {
  readonly crypto: Crypto;
  readonly height: number;
  readonly timeMs: number;
  readonly executed: readonly ExecutedStatement[];
  /** The state after the block: derived records of its events are read from it. */
  readonly overlay: StateReader;
}

const EMPTY = new Uint8Array(0);

/** A transfer costs two writes, a collection one; a block costs one more. */
export function indexBlock(block: IndexedBlock): StoreWrite[] {
  if (block.executed.length === 0) return [];
  const writes: StoreWrite[] = [];
  const contents: PlacedEntry[] = [];
  const terms = createTermPrefixes(block.crypto);
  for (const executed of block.executed) {
    const { statement, outcome, position } = executed;
    const entry = { kind: statement.kind, status: outcome.status, id: statement.id };
    contents.push({ ...entry, position });
    const place = encodePlace({ height: block.height, position });
    const value = encodeEntry(entry);
    for (const account of accountsOf(block.crypto, executed))
      writes.push({ key: concatBytes(accountPrefix(account, statement.kind), place), value });
    if (outcome.status !== STATUS.ok) continue;
    if (statement.kind === "transaction") indexStreams(writes, statement.payload);
    if (statement.kind === "capture") indexEvents(writes, block, executed, terms);
  }
  writes.push({ key: blockContentsKey(block.height), value: encodeContents(contents) });
  return writes;
}

/** Keys of what indexes hold of a block's statements and of nothing else: streams go on when the statement that opened them is pruned. */
export function listIndexKeys(block: IndexedBlock): Uint8Array[] {
  return indexBlock(block)
    .map(({ key }) => key)
    .filter((key) => !isStreamKey(key));
}

/** What follows from the state alone, for a chain that began with a snapshot: the streams that vendors opened. */
export function indexPair({ key }: { readonly key: Uint8Array }): StoreWrite[] {
  const found = parseStreamKey(key);
  if (found === undefined || found.stream === 0) return [];
  return [{ key: concatBytes(streamPrefix(found.device), encodeStream(found.stream)), value: EMPTY }];
}

/** Whose lists a statement joins. A failed transaction joins its sender's and payer's alone: others had no part in it. */
function accountsOf(crypto: Crypto, { statement, outcome }: ExecutedStatement): readonly Address[] {
  if (statement.kind === "collection") return [statement.payload.device];
  if (statement.kind === "capture") return [statement.payload.vendor];
  const { sender, payer, messages } = statement.payload;
  const accounts = [sender];
  addOnce(accounts, payer);
  if (outcome.status !== STATUS.ok) return accounts;
  for (const entry of messages) {
    const named = accountOfMessage(crypto, entry);
    if (named !== undefined) addOnce(accounts, named);
  }
  return accounts;
}

function addOnce(accounts: Address[], account: Address): void {
  if (!accounts.some((held) => equalBytes(held, account))) accounts.push(account);
}

function accountOfMessage(crypto: Crypto, { type, body }: Message): Address | undefined {
  switch (type) {
    case "token.transfer":
      return body.to;
    case "token.allow-fees":
      return body.spender;
    case "token.buy-credit":
    case "identity.admit-vendor":
    case "identity.expel-vendor":
      return body.vendor;
    case "identity.register-device":
      return deriveAddress(crypto, body.key);
    case "identity.rotate-device-key":
    case "identity.revoke-device":
    case "identity.limit-device":
    case "collection.open-stream":
    case "command.send":
      return body.device;
    case "command.delegate":
      return body.program;
    default:
      return undefined;
  }
}

function indexStreams(writes: StoreWrite[], { messages }: Transaction): void {
  for (const { type, body } of messages)
    if (type === "collection.open-stream")
      writes.push({
        key: concatBytes(streamPrefix(body.device), encodeStream(body.stream)),
        value: EMPTY,
      });
}

type TermPrefixes = (field: EventField, value: string) => Uint8Array;

/** A block's events share most of their terms: each is hashed once. */
function createTermPrefixes(crypto: Crypto): TermPrefixes {
  const known = new Map<string, Uint8Array>();
  return (field, value) => {
    const name = `${field} ${value}`;
    let prefix = known.get(name);
    if (prefix === undefined) {
      prefix = eventTermPrefix(crypto, field, value);
      known.set(name, prefix);
    }
    return prefix;
  };
}

function indexEvents(
  writes: StoreWrite[],
  block: IndexedBlock,
  { statement, position }: ExecutedStatement,
  prefixOf: TermPrefixes,
): void {
  const events = (statement.submission.body?.length ?? 0) - 2;
  for (let index = 0; index < events; index++) {
    const event: EventRef = { capture: statement.id, index };
    const stored = block.overlay.getDerived(eventRecordKey(event));
    if (stored === undefined) continue;
    const found: EventRecord = decode(eventRecord, stored, "event");
    // A repetition is answered from the event it repeats.
    if (found.duplicateOf !== null) continue;
    const { height } = block;
    const { eventTimeMs } = found.facts;
    const place = encodeEventPlace({ height, position, index, eventTimeMs });
    const value = encodeEventRef(event);
    for (const [field, term] of termsOf(found))
      writes.push({ key: concatBytes(prefixOf(field, term), place), value });
  }
}

function termsOf({ captor, facts }: EventRecord): [EventField, string][] {
  const terms: [EventField, string | null][] = [
    ["any", ""],
    ["type", facts.type],
    ["action", facts.action],
    ["vendor", toHex(captor)],
    ["bizStep", facts.bizStep],
    ["disposition", facts.disposition],
    ["readPoint", facts.readPoint],
    ["bizLocation", facts.bizLocation],
    ["transformation", facts.transformationId],
  ];
  const items = new Set(facts.items.map((item: EventFacts["items"][number]) => item.identity));
  for (const identity of items) terms.push(["item", identity]);
  return terms.filter((term): term is [EventField, string] => term[1] !== null);
}
