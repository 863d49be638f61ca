/** Checks the parts of a bundle against each other and against the anchor, and traces over what holds. */
import type { Address } from "../../core/account.ts";
import { equalBytes, toHex } from "../../core/bytes.ts";
import { type Codec, decode } from "../../core/codec/definition.ts";
import { computeStatementId, decodeSign1, toSignatureCheck } from "../../core/cose.ts";
import type { Crypto } from "../../core/crypto.ts";
import { LhgError } from "../../core/errors.ts";
import { hashLeaf, logRoot, verifyInclusion } from "../../core/merkle/log.ts";
import { verifyTrieProof } from "../../core/merkle/trie-proof.ts";
import type { LogHead } from "../../core/state/log.ts";
import { type Capture, capture as captureCodec } from "../../core/statement/capture.ts";
import type { DocumentContext } from "../../epcis/context.ts";
import { parseHead, parseSlice } from "../../epcis/document.ts";
import { listRecord, listStateKey } from "./aliases.ts";
import { correctionRecord, correctionStateKey } from "./corrections.ts";
import { computeItemKey, computeTransformationKey, readFacts } from "./facts.ts";
import { type ItemRecord, itemRecord, itemStateKey } from "./items.ts";
import { type EventFacts, type EventId, ROLES, type TraceLeaf, traceLeaf } from "./messages.ts";
import { relationOf } from "./stays.ts";
import { eventName, type TraceReader } from "./timelines.ts";
import type { Proven, TraceBundle } from "./trace-bundle.ts";
import { type TraceResult, traceItem } from "./trace-query.ts";

/** What an anchor proves, once verified against the pinned validators. */
export interface ItemsAnchor {
  readonly chainId: string;
  readonly height: number;
  readonly timeMs: number;
  /** Root of the map of the items partition. */
  readonly itemsMapRoot: Uint8Array;
  /** Else: valid for the pinned validators, unconfirmed since. */
  readonly isWithinTrust: boolean;
}

export interface TraceProblem {
  readonly code: string;
  readonly message: string;
  /** The part of the bundle, such as `events[3].slice`. */
  readonly where: string;
}

/** A verifier shows so many problems; one is enough to reject. */
const PROBLEMS_MAX = 100;

/** Runs a step whose LhgError is a problem of the bundle; any other error is ours. */
export function attempt<T>(problems: TraceProblem[], where: string, step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    if (problems.length < PROBLEMS_MAX) problems.push({ code: error.code, message: error.message, where });
    return undefined;
  }
}

interface CheckedCapture {
  readonly id: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly payload: Capture;
  readonly context: DocumentContext;
  readonly headHash: Uint8Array;
  readonly headPath: readonly Uint8Array[];
}

interface CheckedEvent {
  readonly id: EventId;
  readonly where: string;
  readonly capture: CheckedCapture;
  readonly sliceHash: Uint8Array;
  readonly slicePath: readonly Uint8Array[];
  readonly facts: EventFacts;
  readonly corrections: readonly TraceLeaf[];
  /** Leaves that name the event, as `<log> <role>`. */
  readonly mentions: Set<string>;
}

interface CheckedItem {
  readonly key: Uint8Array;
  readonly where: string;
  readonly custody: readonly TraceLeaf[];
  /** Undefined where the bundle leaves them out. */
  readonly observations: readonly TraceLeaf[] | undefined;
}

interface CheckedTransformation {
  readonly where: string;
  readonly captor: Address;
  readonly identity: string;
  readonly leaves: readonly TraceLeaf[];
}

/** Guards that a trace is run only over parts that were checked, and that every part is used. */
export class BundleCheck {
  private readonly crypto: Crypto;
  private readonly bundle: TraceBundle;
  private readonly anchor: ItemsAnchor;
  private readonly problems: TraceProblem[];
  private readonly captures: (CheckedCapture | undefined)[] = [];
  private readonly events = new Map<string, CheckedEvent>();
  private readonly items = new Map<string, CheckedItem>();
  private readonly transformations = new Map<string, CheckedTransformation>();
  private readonly used = new Set<object>();

  constructor(crypto: Crypto, bundle: TraceBundle, anchor: ItemsAnchor, problems: TraceProblem[]) {
    this.crypto = crypto;
    this.bundle = bundle;
    this.anchor = anchor;
    this.problems = problems;
  }

  run(): TraceResult | undefined {
    const { bundle } = this;
    bundle.captures.forEach((part, i) => {
      this.captures.push(this.attempt(`captures[${i}]`, () => this.checkCapture(part)));
    });
    bundle.events.forEach((part, i) => {
      this.attempt(`events[${i}]`, () => this.checkEvent(part, `events[${i}]`));
    });
    bundle.items.forEach((part, i) => {
      this.attempt(`items[${i}]`, () => this.checkItem(part, `items[${i}]`));
    });
    bundle.transformations.forEach((part, i) => {
      this.attempt(`transformations[${i}]`, () => this.checkTransformation(part, `transformations[${i}]`));
    });
    this.checkLeaves();
    if (this.problems.length > 0) return undefined;
    const result = this.attempt("bundle", () => traceItem(this.reader(), bundle.identity, bundle.query));
    if (result !== undefined && !result.isTruncated) this.checkUse();
    return result;
  }

  private attempt<T>(where: string, step: () => T): T | undefined {
    return attempt(this.problems, where, step);
  }

  /** What the items partition holds under a key, as proven; null: nothing. */
  private readProven<T>(codec: Codec<T>, key: Uint8Array, { value, proof }: Proven): T | null {
    const { crypto, anchor } = this;
    const verdict = verifyTrieProof(crypto, anchor.itemsMapRoot, crypto.sha256(key), proof);
    const holds =
      verdict !== undefined &&
      (value === null
        ? !verdict.present
        : verdict.present && equalBytes(verdict.valueHash, crypto.sha256(value)));
    if (!holds) throw new LhgError("bundle.state-proof", "the record is not proven", "record");
    return value === null ? null : decode(codec, value, "record");
  }

  /** All leaves of a log, when they are just those of its head. */
  private readLog(encoded: readonly Uint8Array[], head: LogHead | undefined, field: string): TraceLeaf[] {
    const size = head?.size ?? 0;
    if (encoded.length !== size)
      throw new LhgError("bundle.log", `must have all ${size} leaves of the log`, field);
    const root = logRoot(
      this.crypto,
      encoded.map((leaf) => hashLeaf(this.crypto, leaf)),
    );
    if (head !== undefined && !equalBytes(root, head.root))
      throw new LhgError("bundle.log", "are not the leaves of the log", field);
    return encoded.map((leaf, i) => decode(traceLeaf, leaf, `${field}[${i}]`));
  }

  private checkCapture(part: TraceBundle["captures"][number]): CheckedCapture {
    const statement = decodeSign1(part.statement);
    if (statement.kind !== "capture") throw new LhgError("bundle.capture", "is no capture", "statement");
    if (!this.crypto.verify(toSignatureCheck(statement)))
      throw new LhgError("bundle.signature", "the signature is wrong", "statement");
    const payload = decode(captureCodec, statement.payload, "capture");
    if (payload.chainId !== this.anchor.chainId)
      throw new LhgError("bundle.chain", `is for chain ${payload.chainId}`, "capture.chainId");
    return {
      id: computeStatementId(this.crypto, statement),
      leafHash: hashLeaf(this.crypto, statement.bytes),
      payload,
      context: parseHead(part.head),
      headHash: hashLeaf(this.crypto, part.head),
      headPath: part.headPath,
    };
  }

  private checkEvent(part: TraceBundle["events"][number], where: string): void {
    if (part.capture >= this.bundle.captures.length)
      throw new LhgError("bundle.event", "names no capture of the bundle", "capture");
    const capture = this.captures[part.capture];
    // Its own problem is on record.
    if (capture === undefined) return;
    const id = { capture: capture.id, index: part.index };
    const name = eventName(id);
    if (this.events.has(name)) throw new LhgError("bundle.duplicate", "stands in the bundle twice", "index");
    const { facts } = readFacts(this.crypto, parseSlice(part.slice), capture.context, "$");
    const record = this.readProven(correctionRecord, correctionStateKey(id), part.corrections.record);
    const corrections = this.readLog(part.corrections.leaves, record?.log, "corrections.leaves");
    this.used.add(capture);
    this.events.set(name, {
      id,
      where,
      capture,
      sliceHash: hashLeaf(this.crypto, part.slice),
      slicePath: part.slicePath,
      facts,
      corrections,
      mentions: new Set(),
    });
  }

  private checkItem(part: TraceBundle["items"][number], where: string): void {
    const key = computeItemKey(this.crypto, part.identity);
    const record: ItemRecord | null = this.readProven(itemRecord, itemStateKey(key), part.record);
    if (record !== null && record.identity !== part.identity)
      throw new LhgError("bundle.item", "is the record of another item", "record");
    if (this.items.has(part.identity))
      throw new LhgError("bundle.duplicate", "stands in the bundle twice", "identity");
    this.items.set(part.identity, {
      key,
      where,
      custody: this.readLog(part.custody, record?.custody, "custody"),
      observations:
        part.observations === null
          ? undefined
          : this.readLog(part.observations, record?.observations, "observations"),
    });
  }

  private checkTransformation(part: TraceBundle["transformations"][number], where: string): void {
    const { captor, identity } = part;
    const key = computeTransformationKey(this.crypto, captor, identity);
    const record = this.readProven(listRecord, listStateKey(key), part.record);
    const name = transformationName(captor, identity);
    if (this.transformations.has(name))
      throw new LhgError("bundle.duplicate", "stands in the bundle twice", "identity");
    const leaves = this.readLog(part.leaves, record?.log, "leaves");
    this.transformations.set(name, { where, captor, identity, leaves });
  }

  /** Every leaf against the event that it names, then every event against the logs that must have it. */
  private checkLeaves(): void {
    for (const [identity, { where, key, custody, observations }] of this.items)
      this.attempt(where, () => {
        for (const leaf of [...custody, ...(observations ?? [])]) {
          const event = this.checkLeaf(leaf);
          if (!isItemLeaf(event.facts, key, leaf.role))
            throw new LhgError("bundle.leaf", "gives an item a role that it has not", "role");
          event.mentions.add(`${identity} ${leaf.role}`);
        }
      });
    for (const [name, { where, captor, identity, leaves }] of this.transformations)
      this.attempt(where, () => {
        for (const leaf of leaves) {
          const event = this.checkLeaf(leaf);
          const belongs =
            leaf.role === ROLES.listed &&
            event.facts.transformationId === identity &&
            equalBytes(leaf.captor, captor);
          if (!belongs) throw new LhgError("bundle.leaf", "is of another transformation", "leaves");
          event.mentions.add(name);
        }
      });
    for (const original of this.events.values())
      this.attempt(original.where, () => {
        for (const leaf of original.corrections) this.checkCorrection(original, leaf);
      });
    for (const event of this.events.values()) this.attempt(event.where, () => this.checkMentions(event));
  }

  private checkLeaf(leaf: TraceLeaf): CheckedEvent {
    const event = this.requireEvent(leaf.event);
    const { capture, sliceHash, slicePath } = event;
    const isOfEvent =
      equalBytes(leaf.sliceHash, sliceHash) &&
      equalBytes(leaf.statementLeafHash, capture.leafHash) &&
      equalBytes(leaf.captor, capture.payload.vendor);
    if (!isOfEvent) throw new LhgError("bundle.leaf", "does not agree with its event", "leaf");
    const { slicesRoot: root, sliceCount: size } = capture.payload;
    const head = { leafHash: capture.headHash, index: 0, size, path: capture.headPath, root };
    if (!verifyInclusion(this.crypto, head))
      throw new LhgError("bundle.slice", "the head is not what was signed", "captures.head");
    const slice = { leafHash: sliceHash, index: event.id.index + 1, size, path: slicePath, root };
    if (event.id.index + 2 >= size || !verifyInclusion(this.crypto, slice))
      throw new LhgError("bundle.slice", "the event is not what was signed", "events.slice");
    this.used.add(event);
    return event;
  }

  private checkCorrection(original: CheckedEvent, leaf: TraceLeaf): void {
    const { facts } = this.checkLeaf(leaf);
    const isCorrection =
      leaf.role === ROLES.correction &&
      facts.declaration !== null &&
      equalBytes(leaf.captor, original.capture.payload.vendor) &&
      (equalBytes(facts.hash, original.facts.hash) ||
        (facts.eventId !== null && facts.eventId === original.facts.eventId));
    if (!isCorrection) throw new LhgError("bundle.leaf", "is no correction of the event", "corrections");
  }

  /** What the bytes of an event name, and stands in the bundle, has the event in its log. */
  private checkMentions({ facts, mentions, capture }: CheckedEvent): void {
    for (const { identity, role } of facts.items)
      if (this.items.get(identity)?.observations !== undefined && !mentions.has(`${identity} ${role}`))
        throw new LhgError("bundle.touched", `is not in the log of ${identity}`, "items");
    if (facts.transformationId === null) return;
    const name = transformationName(capture.payload.vendor, facts.transformationId);
    if (this.transformations.has(name) && !mentions.has(name))
      throw new LhgError("bundle.touched", "is not in the log of its transformation", "transformationID");
  }

  private requireEvent(id: EventId): CheckedEvent {
    const event = this.events.get(eventName(id));
    if (event === undefined)
      throw new LhgError("bundle.missing", `event ${eventName(id)} is missing`, "events");
    return event;
  }

  private reader(): TraceReader {
    const use = <T extends object>(part: T | undefined, name: string): T => {
      if (part === undefined) throw new LhgError("bundle.missing", `${name} is missing`, "items");
      this.used.add(part);
      return part;
    };
    return {
      hasher: this.crypto,
      getCustody: ({ identity }) => use(this.items.get(identity), identity).custody,
      getObservations: ({ identity }) =>
        use(this.items.get(identity)?.observations, `observations of ${identity}`),
      getTransformation: (captor, identity) =>
        use(this.transformations.get(transformationName(captor, identity)), identity).leaves,
      getFacts: (id) => this.requireEvent(id).facts,
      getCorrections: (id) => this.requireEvent(id).corrections,
    };
  }

  /** A part that the trace does not need could not be missed, so nothing would vouch for it. */
  private checkUse(): void {
    const parts = [...this.captures, ...this.events.values(), ...this.items.values()];
    for (const part of [...parts, ...this.transformations.values()])
      if (part !== undefined && !this.used.has(part)) {
        this.problems.push({
          code: "bundle.surplus",
          message: "holds parts that the trace does not need",
          where: "where" in part ? part.where : "captures",
        });
        return;
      }
  }
}

function transformationName(captor: Address, identity: string): string {
  return `transformation ${toHex(captor)} ${identity}`;
}

/** Whether an event can stand in the log of an item in this role: the bytes say so, or empty its container. */
function isItemLeaf({ items, ...facts }: EventFacts, key: Uint8Array, role: number): boolean {
  if (role !== ROLES.released) return items.some((item) => item.role === role && equalBytes(item.key, key));
  return (
    relationOf({ items, ...facts }) !== undefined &&
    facts.action === "DELETE" &&
    items.some((item) => item.role === ROLES.parent) &&
    !items.some((item) => item.role === ROLES.child)
  );
}
