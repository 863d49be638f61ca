/** A typed client of a node's HTTP API, for Node and browsers. What it returns is claimed until it is verified. */

import { concatBytes } from "@lhg/protocol/core/bytes";
import { CborWriter } from "@lhg/protocol/core/codec/cbor-writer";
import { LhgError } from "@lhg/protocol/core/errors";
import { followStream, type StreamOptions } from "./event-stream.ts";
import {
  createTransport,
  type QueryParameters,
  readJson,
  sleep,
  type TransportOptions,
} from "./transport.ts";
import type {
  Account,
  Activity,
  Attestations,
  Block,
  BlockSummary,
  ChainInfo,
  Collection,
  Command,
  Consistency,
  Device,
  DeviceStream,
  EncodedProof,
  Event,
  EventAction,
  EventSummary,
  EventType,
  Group,
  HistoryEntry,
  HistoryProof,
  Holder,
  Item,
  ItemChild,
  ItemEvent,
  NodeStatus,
  Page,
  ParametersInForce,
  PartitionInfo,
  PresenceList,
  Relation,
  Statement,
  StatementKind,
  StatementState,
  StatementSummary,
  Statistics,
  StreamMessage,
  SubmitResult,
  Trace,
  Validators,
  Vendor,
} from "./types.ts";

export interface PageOptions {
  /** 1 to 200, 50 by default. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface ProofOptions {
  /** Answers from the newest provable state, with the proof. */
  readonly proof?: boolean;
}

/** All that are given must hold. Identities are in any form, words of the CBV may be bare. */
export interface EventFilter extends PageOptions {
  readonly item?: string;
  readonly bizStep?: string;
  readonly disposition?: string;
  readonly readPoint?: string;
  readonly bizLocation?: string;
  readonly transformationId?: string;
  readonly vendor?: string;
  readonly type?: EventType;
  readonly action?: EventAction;
  /** Claimed times, both inclusive. */
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** An eventID or event hash id; goes with no other filter. */
  readonly alias?: string;
}

export interface TraceOptions {
  readonly direction?: "back" | "forward" | "both";
  readonly maxDepth?: number;
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly maxEvents?: number;
  readonly observations?: "ignore" | "show" | "follow";
  readonly includeClasses?: boolean;
}

export interface WaitOptions {
  readonly until?: "committed" | "provable";
  /** 60 s by default. */
  readonly timeoutMs?: number;
}

/** Every method throws LhgError with the node's code and field, or `client.unreachable`, `client.timeout`, `client.answer`. */
export interface Client {
  getStatus(): Promise<NodeStatus>;
  getStatistics(): Promise<Statistics>;
  /** Submits an encoded submission. A refusal is a result, not an error. */
  submit(submission: Uint8Array): Promise<SubmitResult>;
  /** Submits many, in as few requests as the node takes; one result for each, in order. */
  submitMany(submissions: readonly Uint8Array[]): Promise<SubmitResult[]>;
  getStatementState(id: string): Promise<StatementState>;
  /** Polls until the statement is there, is refused, or time is over; returns the last state seen. */
  waitFor(id: string, options?: WaitOptions): Promise<StatementState>;
  getStatement(id: string, options?: ProofOptions): Promise<Statement>;
  listStatements(
    options?: PageOptions & {
      readonly account?: string;
      readonly kind?: StatementKind;
      readonly height?: number;
    },
  ): Promise<Page<StatementSummary>>;
  /** `event` opens one event of a capture. */
  getReceipt(id: string, options?: { readonly event?: number }): Promise<EncodedProof>;
  /** The document of a capture, byte for byte. */
  getDocument(id: string): Promise<Uint8Array>;
  getBlock(heightOrHash: number | string, options?: ProofOptions): Promise<Block>;
  listBlocks(options?: PageOptions): Promise<Page<BlockSummary>>;
  getActivity(height: number): Promise<Activity>;
  getAccount(address: string, options?: ProofOptions): Promise<Account>;
  getVendor(vendor: string, options?: ProofOptions): Promise<Vendor>;
  listVendors(options?: PageOptions): Promise<Page<Vendor>>;
  getHolder(id: string): Promise<Holder>;
  getDevice(device: string, options?: ProofOptions): Promise<Device>;
  listDevices(vendor: string, options?: PageOptions): Promise<Page<Device>>;
  /** Devices connected to this node, those online first. */
  listPresence(options?: { readonly limit?: number }): Promise<PresenceList>;
  getStream(device: string, stream: number, options?: ProofOptions): Promise<DeviceStream>;
  listStreams(device: string, options?: PageOptions): Promise<Page<DeviceStream>>;
  getCollection(id: string): Promise<Collection>;
  listCollections(device: string, options?: PageOptions): Promise<Page<Collection>>;
  /** Newest first; `pending` are those that wait for an answer and can be proven, oldest first. */
  listCommands(
    device: string,
    options?: PageOptions & { readonly state?: "all" | "pending" },
  ): Promise<Page<Command>>;
  /** Who registered the SHA-256 of some data, first ones first. */
  getAttestations(digest: string, options?: PageOptions & ProofOptions): Promise<Attestations>;
  getEvent(id: string, options?: ProofOptions): Promise<Event>;
  getEventReceipt(id: string): Promise<EncodedProof>;
  listEvents(filter?: EventFilter): Promise<Page<EventSummary>>;
  getItem(id: string, options?: ProofOptions): Promise<Item>;
  listItemChildren(
    id: string,
    options?: PageOptions & { readonly relation?: Relation },
  ): Promise<Page<ItemChild>>;
  listItemEvents(
    id: string,
    options?: PageOptions & { readonly log?: "custody" | "observations" },
  ): Promise<Page<ItemEvent>>;
  getTrace(id: string, options?: TraceOptions): Promise<Trace>;
  getTraceBundle(id: string, options?: TraceOptions): Promise<EncodedProof>;
  getChain(): Promise<ChainInfo>;
  getParameters(): Promise<ParametersInForce>;
  getValidators(): Promise<Validators>;
  getGroup(group: number): Promise<Group>;
  listGroups(options?: PageOptions): Promise<Page<Group>>;
  listHistory(options?: PageOptions): Promise<Page<HistoryEntry>>;
  getHistoryProof(height: number): Promise<HistoryProof>;
  getPartition(partition: string, options?: ProofOptions): Promise<PartitionInfo>;
  getConsistency(
    partition: string,
    options: { readonly log: "statements" | "outcomes"; readonly from: number; readonly to?: number },
  ): Promise<Consistency>;
  /** `key` is the encoded key in hex. */
  getValueProof(partition: string, key: string): Promise<EncodedProof>;
  /** What happens, block by block, without a break until the signal ends it. */
  stream(options?: StreamOptions): AsyncGenerator<StreamMessage, void, undefined>;
}

export type ClientOptions = TransportOptions;

const JSON_TYPE = "application/json";
const CBOR = "application/cbor";
const BATCH_STATEMENTS_MAX = 500;
const BATCH_BYTES_MAX = 4 << 20;
const WAIT_TIMEOUT_MS = 60_000;
const POLL_FIRST_MS = 25;
const POLL_MS_MAX = 500;
/** The node answers a refused statement by itself as a problem that carries the result. */
const REFUSAL_STATUSES = [409, 422];

export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options);

  async function get<T>(path: string, query: object = {}): Promise<T> {
    return readJson<T>(await transport.call({ path, query: query as QueryParameters, accept: JSON_TYPE }));
  }

  async function getBytes(path: string, query: object = {}): Promise<EncodedProof> {
    const { headers, bytes } = await transport.call({ path, query: query as QueryParameters, accept: CBOR });
    return { height: Number(headers.get("lhg-height") ?? 0), bytes };
  }

  async function post(bytes: Uint8Array, expected: readonly number[]): Promise<unknown> {
    const body = { type: CBOR, bytes };
    return readJson(await transport.call({ path: "/statements", accept: JSON_TYPE, body, expected }));
  }

  const getStatementState = (id: string): Promise<StatementState> => get(`/statements/${id}/state`);
  const segment = encodeURIComponent;

  return {
    getStatus: () => get("/status"),
    getStatistics: () => get("/statistics"),
    submit: async (submission) => toResult(await post(submission, REFUSAL_STATUSES)),
    async submitMany(submissions) {
      const results: SubmitResult[] = [];
      for (const batch of cutBatches(submissions)) {
        const answer = (await post(encodeBatch(batch), [])) as { results?: SubmitResult[] } | null;
        if (answer?.results?.length !== batch.length)
          throw new LhgError("client.answer", "answered without a result for each statement");
        results.push(...answer.results);
      }
      return results;
    },
    getStatementState,
    waitFor: (id, wait) => pollState(() => getStatementState(id), wait),
    getStatement: (id, query) => get(`/statements/${id}`, query),
    listStatements: (query) => get("/statements", query),
    getReceipt: (id, query) => getBytes(`/statements/${id}/receipt`, query),
    getDocument: async (id) =>
      (await transport.call({ path: `/statements/${id}/document`, accept: "*/*" })).bytes,
    getBlock: (heightOrHash, query) => get(`/blocks/${heightOrHash}`, query),
    listBlocks: (query) => get("/blocks", query),
    getActivity: (height) => get(`/blocks/${height}/activity`),
    getAccount: (address, query) => get(`/accounts/${address}`, query),
    getVendor: (vendor, query) => get(`/vendors/${vendor}`, query),
    listVendors: (query) => get("/vendors", query),
    getHolder: (id) => get("/holders", { id }),
    getDevice: (device, query) => get(`/devices/${device}`, query),
    listPresence: (query) => get("/presence", query),
    listDevices: (vendor, query) => get(`/vendors/${vendor}/devices`, query),
    getStream: (device, stream, query) => get(`/devices/${device}/streams/${stream}`, query),
    listStreams: (device, query) => get(`/devices/${device}/streams`, query),
    getCollection: (id) => get(`/collections/${id}`),
    listCollections: (device, query) => get(`/devices/${device}/collections`, query),
    listCommands: (device, query) => get(`/devices/${device}/commands`, query),
    getAttestations: (digest, query) => get(`/attestations/${digest}`, query),
    getEvent: (id, query) => get(`/events/${segment(id)}`, query),
    getEventReceipt: (id) => getBytes(`/events/${segment(id)}/receipt`),
    listEvents: (query) => get("/events", query),
    getItem: (id, query) => get("/items", { ...query, id }),
    listItemChildren: (id, query) => get("/items/children", { ...query, id }),
    listItemEvents: (id, query) => get("/items/events", { ...query, id }),
    getTrace: (id, query) => get("/items/trace", { ...query, id }),
    getTraceBundle: (id, query) => getBytes("/items/trace/bundle", { ...query, id }),
    getChain: () => get("/chain"),
    getParameters: () => get("/parameters"),
    getValidators: () => get("/validators"),
    getGroup: (group) => get(`/groups/${group}`),
    listGroups: (query) => get("/groups", query),
    listHistory: (query) => get("/history", query),
    getHistoryProof: (height) => get(`/history/${height}`),
    getPartition: (partition, query) => get(`/partitions/${segment(partition)}`, query),
    getConsistency: (partition, query) => get(`/partitions/${segment(partition)}/consistency`, query),
    getValueProof: (partition, key) => getBytes("/proofs/value", { partition, key }),
    stream: (query = {}) => followStream(transport, query),
  };
}

/** A refused statement comes as a problem: its detail is the message. */
function toResult(answer: unknown): SubmitResult {
  const { id, state, code, field, detail } = answer as {
    id: string;
    state: SubmitResult["state"];
    code: string;
    field?: string;
    detail: string;
  };
  return state === "accepted" ? { id, state } : { id, state, code, field: field ?? "", message: detail };
}

function* cutBatches(submissions: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let start = 0;
  let sizeBytes = 0;
  for (const [at, { length }] of submissions.entries()) {
    const isFull = at - start === BATCH_STATEMENTS_MAX || sizeBytes + length > BATCH_BYTES_MAX;
    if (isFull && at > start) {
      yield submissions.slice(start, at);
      start = at;
      sizeBytes = 0;
    }
    sizeBytes += length;
  }
  if (start < submissions.length) yield submissions.slice(start);
}

/** Submissions are encoded already: a batch is an array head before them. */
function encodeBatch(batch: readonly Uint8Array[]): Uint8Array {
  const writer = new CborWriter();
  writer.writeArrayHeader(batch.length);
  return concatBytes(writer.finish(), ...batch);
}

async function pollState(
  read: () => Promise<StatementState>,
  { until = "committed", timeoutMs = WAIT_TIMEOUT_MS }: WaitOptions = {},
): Promise<StatementState> {
  const endMs = performance.now() + timeoutMs;
  for (let delayMs = POLL_FIRST_MS; ; delayMs = Math.min(1.5 * delayMs, POLL_MS_MAX)) {
    const found = await read();
    const isThere =
      found.state === "provable" ||
      found.state === "refused" ||
      (found.state === "committed" && until === "committed");
    const leftMs = endMs - performance.now();
    if (isThere || leftMs <= 0) return found;
    await sleep(Math.min(delayMs, leftMs));
  }
}
