/** Bundles: a trace with all that it takes to check it offline, shared parts once. */
import { type Address, address, digest } from "../../core/account.ts";
import { toHex } from "../../core/bytes.ts";
import {
  array,
  bytes,
  decode,
  encode,
  type Infer,
  nullable,
  record,
  uint,
} from "../../core/codec/definition.ts";
import { MAX_STATEMENT_BYTES } from "../../core/cose.ts";
import type { Hasher } from "../../core/crypto.ts";
import { LhgError } from "../../core/errors.ts";
import { hashLeaf, inclusionPath, type LogNodes, logNodesOf } from "../../core/merkle/log.ts";
import type { TrieProof } from "../../core/merkle/trie-proof.ts";
import { trieProof } from "../../core/proof/anchor.ts";
import type { LogHead, LogId } from "../../core/state/log.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { ITEMS } from "../../core/state/partition.ts";
import { getList, listLog, listStateKey } from "./aliases.ts";
import { sliceCountKey, sliceKey } from "./capture.ts";
import { correctionLog, correctionStateKey, getCorrections } from "./corrections.ts";
import { computeTransformationKey } from "./facts.ts";
import { custodyLog, getItem, itemStateKey, observationLog } from "./items.ts";
import { type EventId, identityText, traceLeaf } from "./messages.ts";
import type { NamedItem } from "./stays.ts";
import type { TraceReader } from "./timelines.ts";
import { type TraceQuery, type TraceResult, traceItem, traceQuery } from "./trace-query.ts";
import { readLeafBytes, stateTraceReader } from "./trace-reader.ts";

const PARTS_MAX = 1_000_000;

/** A key of the items partition: what it holds, or that it holds nothing. */
const proven = record(undefined, { value: nullable(bytes({ max: 1 << 16 })), proof: trieProof });
export type Proven = Infer<typeof proven>;

const leaves = array(bytes({ min: 1, max: 512 }), { max: PARTS_MAX });
const path = array(digest, { max: 64 });

export const traceBundle = record(1, {
  identity: identityText,
  query: traceQuery,
  /** Proves the items partition at one height; encoded as the verifier's anchors are. */
  anchor: bytes({ max: 1 << 20 }),
  items: array(
    record(undefined, {
      identity: identityText,
      record: proven,
      custody: leaves,
      /** Null where the trace leaves them out. */
      observations: nullable(leaves),
    }),
    { max: PARTS_MAX },
  ),
  transformations: array(
    record(undefined, { captor: address, identity: identityText, record: proven, leaves }),
    { max: PARTS_MAX },
  ),
  captures: array(
    record(undefined, {
      statement: bytes({ min: 1, max: MAX_STATEMENT_BYTES }),
      head: bytes({ max: 16 << 20 }),
      headPath: path,
    }),
    { max: PARTS_MAX },
  ),
  events: array(
    record(undefined, {
      /** Index into `captures`. */
      capture: uint(),
      /** Of the event in its document. */
      index: uint(),
      slice: bytes({ min: 1, max: 16 << 20 }),
      slicePath: path,
      corrections: record(undefined, { record: proven, leaves }),
    }),
    { max: PARTS_MAX },
  ),
});
export type TraceBundle = Infer<typeof traceBundle>;

/** What a bundle is built from; all of it at one height. */
export interface BundleSources {
  readonly hasher: Pick<Hasher, "sha256">;
  /** The state as of the anchor's height. */
  readonly state: StateReader;
  /** Proves a key of the items partition at that height. */
  readonly proveValue: (key: Uint8Array) => TrieProof;
  /** COSE bytes of a capture, by statement id. */
  readonly getStatement: (capture: Uint8Array) => Uint8Array | undefined;
  readonly anchor: Uint8Array;
}

/** Traces an item and proves the answer. Throws `trace.body-pruned`, `trace.log-too-long`. */
export function buildTraceBundle(
  sources: BundleSources,
  identity: string,
  query: TraceQuery,
): { bundle: TraceBundle; result: TraceResult } {
  const { hasher, state } = sources;
  const seen: Seen = { items: new Map(), observed: new Set(), transformations: new Map() };
  const result = traceItem(recordReads(stateTraceReader(hasher, state), seen), identity, query);
  const events = new EventParts(sources);
  const items = [...seen.items.values()].map((item) => {
    const held = getItem(state, item.key);
    return {
      identity: item.identity,
      record: prove(sources, itemStateKey(item.key)),
      custody: events.addLog(custodyLog(item.key), held?.custody),
      observations: seen.observed.has(item.identity)
        ? events.addLog(observationLog(item.key), held?.observations)
        : null,
    };
  });
  const transformations = [...seen.transformations.values()].map((named) => {
    const key = computeTransformationKey(hasher, named.captor, named.identity);
    const log = events.addLog(listLog(key), getList(state, key));
    return { ...named, record: prove(sources, listStateKey(key)), leaves: log };
  });
  const bundle = { identity, query, anchor: sources.anchor, items, transformations, ...events.finish() };
  return { bundle, result };
}

export function encodeTraceBundle(bundle: TraceBundle): Uint8Array {
  return encode(traceBundle, bundle, "bundle");
}

function prove({ state, proveValue }: BundleSources, key: Uint8Array): Proven {
  return { value: state.getValue(ITEMS, key) ?? null, proof: proveValue(key) };
}

/** What a trace has read: what its bundle must hold. */
interface Seen {
  readonly items: Map<string, NamedItem>;
  readonly observed: Set<string>;
  readonly transformations: Map<string, { captor: Address; identity: string }>;
}

function recordReads(reader: TraceReader, seen: Seen): TraceReader {
  return {
    ...reader,
    getCustody: (item) => {
      seen.items.set(item.identity, item);
      return reader.getCustody(item);
    },
    getObservations: (item) => {
      seen.observed.add(item.identity);
      return reader.getObservations(item);
    },
    getTransformation: (captor, identity) => {
      seen.transformations.set(`${toHex(captor)} ${identity}`, { captor, identity });
      return reader.getTransformation(captor, identity);
    },
  };
}

interface CapturePart {
  readonly id: Uint8Array;
  readonly position: number;
  readonly slices: number;
  readonly nodes: LogNodes;
}

/** Collects the events that leaves name, each once, and the captures that hold them, each once. */
class EventParts {
  private readonly sources: BundleSources;
  private readonly captures: TraceBundle["captures"][number][] = [];
  private readonly captureParts = new Map<string, CapturePart>();
  private readonly events = new Map<string, EventId>();

  constructor(sources: BundleSources) {
    this.sources = sources;
  }

  addLog(id: LogId, head: LogHead | undefined): Uint8Array[] {
    if (head === undefined) return [];
    const encoded = readLeafBytes(this.sources.state, id, head);
    for (const leaf of encoded) {
      const { event } = decode(traceLeaf, leaf, "leaf");
      this.events.set(`${toHex(event.capture)} ${event.index}`, event);
    }
    return encoded;
  }

  /** A map goes on to what is added while it is walked: the events that declare others in error. */
  finish(): Pick<TraceBundle, "captures" | "events"> {
    const events: TraceBundle["events"][number][] = [];
    for (const event of this.events.values()) {
      const capture = this.addCapture(event.capture);
      events.push({
        capture: capture.position,
        index: event.index,
        slice: this.readSlice(event.capture, event.index + 1),
        slicePath: inclusionPath(this.sources.hasher, capture.nodes, event.index + 1, capture.slices),
        corrections: {
          record: prove(this.sources, correctionStateKey(event)),
          leaves: this.addLog(correctionLog(event), getCorrections(this.sources.state, event)?.log),
        },
      });
    }
    return { captures: this.captures, events };
  }

  private addCapture(id: Uint8Array): CapturePart {
    const name = toHex(id);
    const known = this.captureParts.get(name);
    if (known !== undefined) return known;
    const { hasher, state, getStatement } = this.sources;
    const statement = getStatement(id);
    const count = state.getDerived(sliceCountKey(id));
    if (statement === undefined || count === undefined) throw pruned(id);
    const slices = decode(uint(), count, "slices");
    const leafHashes: Uint8Array[] = [];
    for (let index = 0; index < slices; index++) leafHashes.push(hashLeaf(hasher, this.readSlice(id, index)));
    const nodes = logNodesOf(hasher, leafHashes);
    const part = { id, position: this.captures.length, slices, nodes };
    const head = this.readSlice(id, 0);
    this.captures.push({ statement, head, headPath: inclusionPath(hasher, nodes, 0, slices) });
    this.captureParts.set(name, part);
    return part;
  }

  private readSlice(capture: Uint8Array, index: number): Uint8Array {
    const slice = this.sources.state.getDerived(sliceKey(capture, index));
    if (slice === undefined) throw pruned(capture);
    return slice;
  }
}

function pruned(capture: Uint8Array): LhgError {
  return new LhgError("trace.body-pruned", `the body of ${toHex(capture)} is not kept here`, "capture");
}
