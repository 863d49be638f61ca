/**
 * What a node answers, as JSON: byte strings are lower-case hex, amounts decimal strings of the smallest unit, times
 * milliseconds since 1970. Optional fields are absent, never null.
 */
import type { Json } from "@lhg/protocol/core/codec/definition";

export interface Page<T> {
  readonly items: T[];
  /** Cursor of the page after this one; absent on the last. */
  readonly next?: string;
}

/** Encoded proof in hex; `kind` says what verifies it: verifyReceipt, verifyValue, or a certified header's check. */
export interface Proof {
  readonly kind: "receipt" | "value" | "header" | "history";
  readonly height: number;
  readonly bytes: string;
}

export interface PublicKeyInfo {
  readonly alg: "EdDSA" | "ES256" | "ES256K";
  readonly bytes: string;
}

export interface NodeStatus {
  readonly version: string;
  readonly chainId: string;
  readonly engine: string;
  readonly height: number;
  readonly provableHeight: number | null;
  /** Blocks from this height on are kept: 1 on an archive. */
  readonly firstHeight: number;
  readonly timeMs: number;
  readonly appHash: string;
  readonly validators: number;
  readonly isValidator: boolean;
  readonly peers: number;
  readonly mempool: { readonly statements: number; readonly sizeBytes: number };
  readonly uptimeMs: number;
  readonly isReady: boolean;
  /** Where people and phones reach the node, if it was told. */
  readonly publicUrl?: string;
}

export interface Statistics {
  readonly height: number;
  readonly vendors: number;
  readonly devices: number;
  readonly statements: number;
  /** Over the last minute, like all that follows. */
  readonly statementsPerSecond: number;
  readonly blocksPerMinute: number;
  /** From the acknowledgement of a statement to its block; null where none was sent to the node. */
  readonly finalityMs: { readonly p50: number; readonly p99: number } | null;
}

export interface Refusal {
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

/** `accepted` is durable at the node; `not-yet` may be sent again later, `refused` never. */
export type SubmitResult =
  | { readonly id: string; readonly state: "accepted" }
  | ({ readonly id: string; readonly state: "refused" | "not-yet" } & Refusal);

export type StatementState =
  | { readonly id: string; readonly state: "unknown" }
  | { readonly id: string; readonly state: "pending"; readonly waitingFor?: Refusal }
  | {
      readonly id: string;
      readonly state: "committed" | "provable";
      readonly height: number;
      readonly status: string;
    }
  | ({ readonly id: string; readonly state: "refused" } & Refusal);

export type StatementKind = "transaction" | "collection" | "capture";

export interface StatementSummary {
  readonly id: string;
  readonly kind: StatementKind;
  readonly height: number;
  readonly position: number;
  readonly timeMs: number;
  readonly status: { readonly code: number; readonly name: string };
  /** Of transactions only. */
  readonly payload?: Json;
}

export interface Statement extends StatementSummary {
  readonly isProvable: boolean;
  /** base, items, vendor:<address> or contract:<address> */
  readonly partition: string;
  readonly index: number;
  readonly signedBy: PublicKeyInfo;
  readonly payload: Json;
  readonly gasUsed: number;
  readonly notices: { readonly module: number; readonly kind: number; readonly attributes: Json[] }[];
  readonly touched: string[];
  /** Why it failed, in the node's words; only the status is proven. */
  readonly failure?: { readonly field: string; readonly message: string };
  readonly sizeBytes: number;
  /** The COSE_Sign1 as received. */
  readonly statement: string;
  readonly slices?: number;
  readonly proof?: Proof;
}

export interface BlockSummary {
  readonly height: number;
  readonly hash: string;
  readonly timeMs: number;
  readonly proposer: string;
  readonly statements: number;
  readonly isWorking: boolean;
  readonly isProvable: boolean;
  readonly sizeBytes: number;
}

export interface Block extends BlockSummary {
  readonly header: Json;
  readonly skipped: { readonly position: number; readonly code: string; readonly field: string }[];
  readonly evidence: string[];
  readonly proof?: Proof;
}

/** `height` of these answers is that of the state they were read from. */
export interface Account {
  readonly height: number;
  readonly address: string;
  readonly nonce: number;
  readonly balance: string;
  readonly key: PublicKeyInfo | null;
  readonly isVendor: boolean;
  readonly isDevice: boolean;
  readonly isValidator: boolean;
  readonly proof?: Proof;
}

export interface Vendor {
  readonly height: number;
  readonly vendor: string;
  readonly name: string;
  readonly prefixes: string[];
  readonly standing: "admitted" | "expelled";
  readonly version: number;
  readonly order: number;
  readonly credits: number;
  readonly nextCaptureSeq: number;
  readonly devices: number;
  readonly group: number | null;
  readonly proof?: Proof;
}

export interface Holder {
  readonly identity: string;
  readonly prefix: string;
  readonly vendor: Vendor;
}

/** What one node sees of its own connections; no statement of the chain. */
export interface PresenceList {
  /** How many are connected now. */
  readonly online: number;
  readonly items: readonly {
    readonly device: string;
    readonly isOnline: boolean;
    /** When it came or went, by the node's clock. */
    readonly sinceMs: number;
    readonly via: "mqtt";
  }[];
}

export interface Device {
  readonly height: number;
  readonly device: string;
  readonly vendor: string;
  readonly key: PublicKeyInfo;
  readonly previousKeys: PublicKeyInfo[];
  readonly model: string;
  readonly capabilities: string[];
  readonly registeredAtHeight: number;
  readonly revokedFromHeight: number | null;
  readonly creditsPerDayMax: number | null;
  readonly lastSeen?: { readonly height: number; readonly timeMs: number; readonly statementId: string };
  readonly proof?: Proof;
}

export interface DeviceStream {
  readonly height: number;
  readonly device: string;
  readonly stream: number;
  readonly headSeq: number;
  readonly headId: string;
  readonly gaps: {
    readonly from: number;
    readonly to: number;
    readonly lowerId: string;
    readonly upperId: string;
  }[];
  readonly collections: number;
  readonly readings: number;
  readonly continues: { readonly stream: number; readonly lastId: string } | null;
  readonly proof?: Proof;
}

/** One of number, text, flag and data, or a sum, or both. Numbers are exact, in strings. */
export interface Reading {
  readonly name: string;
  readonly unit?: string;
  readonly timeMs: number;
  readonly number?: string;
  readonly text?: string;
  readonly flag?: boolean;
  readonly data?: string;
  readonly sum?: string;
}

export interface Collection extends Omit<StatementSummary, "payload"> {
  readonly device: string;
  readonly stream: number;
  readonly seq: number;
  readonly prevId: string;
  readonly readings: Reading[];
}

export interface Attestation {
  /** 0 came first. */
  readonly index: number;
  readonly owner: string;
  readonly statementId: string;
  readonly height: number;
  readonly timeMs: number;
  /** As the owner says, like media type and note. */
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly note: string;
  readonly proof?: Proof;
}

/** Who registered a digest. */
export interface Attestations extends Page<Attestation> {
  readonly height: number;
  readonly digest: string;
  readonly total: number;
  /** Of the number: the state record `attestation count`, absent where nobody registered it. */
  readonly proof?: Proof;
}

export interface Command {
  readonly device: string;
  readonly number: number;
  /** Statement that sent it: its receipt is what the device checks. */
  readonly id: string;
  readonly name: string;
  readonly payload: string;
  readonly sentBy: string;
  readonly sentAtHeight: number;
  readonly timeMs: number;
  readonly expiryMs: number;
  /** Absent until the device has answered. */
  readonly acknowledgement?: {
    /** The device's words: `done`, or why not. */
    readonly result: string;
    readonly statementId: string;
    readonly height: number;
    readonly timeMs: number;
  };
}

export interface ValidatorInfo {
  readonly operator: string;
  readonly consensusKey: string;
  readonly address: string;
  readonly power: string;
}

export interface Validators {
  readonly height: number;
  readonly version: number;
  readonly approvalsNeeded: number;
  readonly votesNeeded: number;
  readonly current: { readonly hash: string; readonly validators: ValidatorInfo[] };
  readonly next: { readonly hash: string; readonly validators: ValidatorInfo[] };
}

export interface ParametersInForce {
  readonly height: number;
  readonly version: number;
  /** The JSON form of the protocol's `parameters`. */
  readonly parameters: Record<string, number | string>;
}

export interface Group {
  readonly height: number;
  readonly group: number;
  readonly name: string;
  readonly members: number;
  readonly mergedInto: number | null;
}

export interface ChainInfo {
  readonly chainId: string;
  readonly genesis: Json;
  readonly genesisBytes: string;
  readonly supply: { readonly issued: string; readonly cap: string };
}

export interface HistoryEntry {
  readonly index: number;
  readonly height: number;
  readonly timeMs: number;
  readonly previousAppHash: string;
}

export interface HistoryProof {
  readonly height: number;
  readonly entry: HistoryEntry;
  readonly proof: Proof;
}

export interface PartitionInfo {
  readonly height: number;
  readonly partition: string;
  readonly partitionId: string;
  readonly mapRoot: string;
  readonly size: number;
  readonly outcomesRoot: string;
  readonly statementsRoot: string;
  readonly anchor?: string;
}

export interface Consistency {
  readonly height: number;
  readonly partition: string;
  readonly log: "statements" | "outcomes";
  readonly from: number;
  readonly to: number;
  readonly path: string[];
}

export type EventType =
  | "ObjectEvent"
  | "AggregationEvent"
  | "TransactionEvent"
  | "TransformationEvent"
  | "AssociationEvent";
export type EventAction = "ADD" | "OBSERVE" | "DELETE";

export interface EventItem {
  readonly identity: string;
  readonly role: string;
  readonly isClassLevel: boolean;
  readonly quantity?: { readonly value: string; readonly uom: string };
}

export interface EventSummary {
  /** <statement id of the capture>:<index> */
  readonly id: string;
  readonly height: number;
  /** Block time; eventTimeMs is the captor's claim. */
  readonly timeMs: number;
  readonly vendor: string;
  readonly type: EventType;
  readonly action?: EventAction;
  readonly eventTimeMs: number;
  readonly eventTimeZoneOffset: string;
  readonly eventId?: string;
  readonly hash: string;
  readonly bizStep?: string;
  readonly disposition?: string;
  readonly readPoint?: string;
  readonly bizLocation?: string;
  readonly transformationId?: string;
  readonly items: EventItem[];
  readonly itemsTotal: number;
  readonly flags: string[];
}

export interface Event extends EventSummary {
  readonly isProvable: boolean;
  readonly duplicateOf?: string;
  readonly corrections: string[];
  readonly isRetracted: boolean;
  readonly source?: string;
  readonly proof?: Proof;
}

export type Relation = "aggregation" | "association";

export interface Item {
  readonly height: number;
  readonly identity: string;
  readonly key: string;
  readonly kind: string;
  readonly holder: { readonly vendor: string; readonly prefix: string } | null;
  readonly custodian: string | null;
  readonly pending: { readonly from: string; readonly to: string } | null;
  readonly containers: ItemChild[];
  readonly parents: {
    readonly relation: Relation;
    readonly identity: string;
    readonly key: string;
    readonly event: string;
  }[];
  readonly children: { readonly aggregation: number; readonly association: number };
  readonly commissioned: string | null;
  readonly ended: string | null;
  readonly quantities: { readonly uom: string; readonly balance: string }[];
  readonly custody: { readonly size: number; readonly root: string };
  readonly observations: { readonly size: number; readonly root: string };
  readonly proof?: Proof;
}

export interface ItemChild {
  readonly identity: string;
  readonly key: string;
}

export interface ItemEvent {
  readonly index: number;
  readonly role: string;
  readonly event: EventSummary;
}

export interface Trace {
  readonly height: number;
  readonly identity: string;
  readonly isTruncated: boolean;
  readonly items: { readonly identity: string; readonly depth: number }[];
  readonly steps: {
    readonly event: EventSummary;
    readonly depth: number;
    readonly via: string;
    readonly log: "custody" | "observation" | "transformation";
    readonly role: string;
    readonly isFollowed: boolean;
    readonly isRetracted: boolean;
    readonly corrections: string[];
  }[];
}

/** What a block did; long lists are cut, the totals tell. */
export interface Activity {
  readonly block: BlockSummary;
  readonly statements: StatementSummary[];
  readonly statementsTotal: number;
  readonly events: EventSummary[];
  readonly eventsTotal: number;
}

/** An encoded proof, and the provable height it stands at. */
export interface EncodedProof {
  readonly height: number;
  readonly bytes: Uint8Array;
}

export type StreamMessage =
  | {
      readonly type: "block";
      readonly data: BlockSummary & { readonly statementsTotal: number; readonly eventsTotal: number };
    }
  | { readonly type: "statement"; readonly data: StatementSummary }
  | { readonly type: "event"; readonly data: EventSummary }
  /** Blocks too long ago to be told again. */
  | { readonly type: "gap"; readonly data: { readonly fromHeight: number; readonly toHeight: number } };
