/** The state of one validator's core, its configuration, inputs and effects. Protocol rules stand in the files beside. */
import type { Certificate, CertificateValidator, VoteType } from "@lhg/protocol/core/block/certificate";
import type { Evidence } from "@lhg/protocol/core/block/evidence";
import type {
  ChangeViewVote,
  Justification,
  Message,
  PreparedCertificate,
  PrepareRequest,
} from "./messages.ts";

/** A vote is worth one whatever its power; the power weighs at the decision only, as in the certificate. */
export type Validator = CertificateValidator;

/** What the core must know of a proposal; the rest is opaque to it. */
export interface ProposalFacts {
  readonly blockHash: Uint8Array;
  readonly height: number;
  readonly timeMs: number;
  readonly parentHash: Uint8Array;
}

/** Both functions are deterministic (RFC 8032 signatures), so a replay gives the same effects. */
export interface SigningPort {
  sign(message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Broken on purpose, for the tests that show each rule is needed; a node never sets one. */
export type Mutation =
  | "quorum-minus-one"
  | "ignore-highest-certificate"
  | "no-persistence"
  | "commits-across-views"
  | "unsigned-prepared-fields"
  | "vote-below-view"
  | "accept-unjustified"
  | "unproven-certificates";

export interface CoreConfig {
  readonly chainId: string;
  /** The own consensus key; undefined makes an observer, which decides but never sends. */
  readonly consensusKey: Uint8Array | undefined;
  readonly signing: SigningPort;
  /**
   * Reads a proposal, checking that its bytes are exactly those its block hash commits to (header and statement ids); undefined if not.
   * Pure: a relay that tampers with an honest primary's proposal must not make it count as a bad one.
   */
  readonly openProposal: (proposal: Uint8Array) => ProposalFacts | undefined;
  /** T: the view timer is `T << (view + 1)`, resending happens every T. */
  readonly baseTimeoutMs: number;
  /** Cap of the view timer. */
  readonly maxTimeoutMs: number;
  /** Without work a block is proposed after this time. */
  readonly heartbeatMs: number;
  readonly maxDriftMs: number;
  readonly mutations?: ReadonlySet<Mutation>;
}

/** A signed vote as kept; validator, type and height are given by its place. */
export interface Vote {
  readonly view: number;
  readonly blockHash: Uint8Array;
  readonly signature: Uint8Array;
}

export interface HeldChangeView {
  readonly vote: ChangeViewVote;
  /** Proves `vote.prepared`; null for a conflicting second vote, which serves as evidence only. */
  readonly certificate: PreparedCertificate | null;
}

export interface AcceptedRequest {
  readonly message: PrepareRequest;
  /** A re-proposal under a prepared certificate: time and validity were judged by M validators before. */
  readonly certified: boolean;
  check: "pending" | "valid" | "rejected";
}

export interface Prepared {
  readonly certificate: PreparedCertificate;
  readonly proposal: Uint8Array;
}

export interface Decision {
  readonly view: number;
  readonly blockHash: Uint8Array;
  readonly certificate: Certificate;
  /** Undefined when this validator never saw the proposal: the driver gets the block from its peers. */
  readonly proposal: Uint8Array | undefined;
}

/** Plain data: `structuredClone` copies it, and equal states give equal effects. */
export interface CoreState {
  /** 0 before the first `start-height`. */
  height: number;
  epoch: number;
  validators: readonly Validator[];
  /** -1 for an observer. */
  ownIndex: number;
  parentHash: Uint8Array;
  parentTimeMs: number;
  view: number;
  hasWork: boolean;
  /** Ascending by view. */
  requests: AcceptedRequest[];
  /** By type, then validator; see votes.ts for the bounds. */
  votes: Record<VoteType, Vote[][]>;
  /** By validator: the ChangeView into the highest view, and one that conflicts with it. */
  changeViews: HeldChangeView[][];
  prepared: Prepared | undefined;
  building: { readonly view: number; readonly justification: Justification | null } | undefined;
  wantedHash: Uint8Array | undefined;
  fetched: { readonly blockHash: Uint8Array; readonly proposal: Uint8Array } | undefined;
  decision: Decision | undefined;
  viewDeadlineMs: number | undefined;
  resendAtMs: number | undefined;
  heartbeatAtMs: number | undefined;
  timerAtMs: number | undefined;
  /** The last view whose timer was extended for missing statements. */
  extendedView: number;
  /** When each validator was last answered, and when it was last answered a request that wants a block. */
  repliedAtMs: (number | undefined)[];
  suppliedAtMs: (number | undefined)[];
  /** The highest view in which each validator asked for recovery. */
  askedInView: number[];
  /** When the decision was last told to those who still try to reach it. */
  toldAtMs: number | undefined;
  /** Where the next RecoveryRequest's ring of targets begins. */
  recoveryOffset: number;
  /** Consensus keys of validators that missed their last turn as primary and were not heard since; kept across heights (rule 7'). */
  absent: readonly Uint8Array[];
  /** The durable record, while it is of a later height than this one: the validator sits out until then. */
  later: Durable | undefined;
}

/** What must survive a crash: without it a restarted validator could vote twice. See durable.ts for its encoding. */
export interface Durable {
  readonly height: number;
  readonly view: number;
  readonly votes: readonly (Vote & { readonly type: VoteType })[];
  readonly changeView: HeldChangeView | null;
  readonly request: PrepareRequest | null;
  readonly prepared: Prepared | null;
}

/** `nowMs` is a monotonic clock of any origin, used for timers; `clockMs` the wall clock, used for the time rule of proposals only. */
export type Input =
  | {
      readonly kind: "start-height";
      readonly nowMs: number;
      readonly height: number;
      readonly epoch: number;
      readonly validators: readonly Validator[];
      readonly parentHash: Uint8Array;
      readonly parentTimeMs: number;
      /** Statements wait, or the parent changed the app hash. */
      readonly hasWork: boolean;
      /**
       * The process started just now: take up the durable record and ask the peers. One of an earlier height is ignored; before one of a
       * later height the validator only observes, as it no longer knows what it voted for.
       */
      readonly restart?: { readonly durable: Durable | undefined };
      /** The record of its votes is lost: it may have voted at this height, and only observes. */
      readonly sitsOut?: true;
    }
  | { readonly kind: "work"; readonly nowMs: number }
  | {
      readonly kind: "message";
      readonly nowMs: number;
      readonly clockMs: number;
      readonly message: Message;
    }
  | { readonly kind: "timer"; readonly nowMs: number }
  | {
      readonly kind: "proposal-built";
      readonly nowMs: number;
      readonly height: number;
      readonly view: number;
      readonly proposal: Uint8Array;
    }
  | {
      readonly kind: "proposal-checked";
      readonly nowMs: number;
      readonly height: number;
      readonly blockHash: Uint8Array;
      /** `missing`: statements are being fetched, another `proposal-checked` follows. */
      readonly verdict: "valid" | "bad" | "missing";
    };

/**
 * The driver carries effects out in order, those of one step before those of the next, and never overtakes a `persist` that is still
 * being written. Several waiting `persist` may become one write of the last record.
 */
export type Effect =
  | { readonly kind: "persist"; readonly durable: Durable }
  | { readonly kind: "send"; readonly to: "all" | readonly number[]; readonly message: Message }
  /** Wake the core with `timer` at this time of `nowMs`'s clock; replaces the one before, undefined cancels. */
  | { readonly kind: "set-timer"; readonly atMs: number | undefined }
  | {
      readonly kind: "build-proposal";
      readonly height: number;
      readonly view: number;
      /** Every primary had a turn in vain: take parent + 1, which no clock refuses, instead of max(parent + 1, clock). */
      readonly usesParentTime: boolean;
    }
  | {
      readonly kind: "check-proposal";
      readonly height: number;
      readonly view: number;
      readonly blockHash: Uint8Array;
      readonly proposal: Uint8Array;
      /** M validators found it valid before: only missing statements may hold it up. */
      readonly certified: boolean;
    }
  /** Ask these validators, who prepared the block, for the statements this node lacks. */
  | { readonly kind: "fetch-statements"; readonly blockHash: Uint8Array; readonly from: readonly number[] }
  | ({ readonly kind: "decide"; readonly height: number } & Decision)
  | { readonly kind: "evidence"; readonly evidence: Evidence }
  /** The sender of the message just given is at an earlier height: answer it with decided blocks, rate-limited by connection. */
  | { readonly kind: "peer-behind"; readonly height: number }
  /** The message is of a later height: keep a few, and look whether this node must catch up. */
  | { readonly kind: "ahead"; readonly height: number }
  /** The message just given breaks the protocol: score the connection it came by. */
  | { readonly kind: "invalid"; readonly reason: string };

/**
 * What became of a message, for whoever passes messages on. `recorded`: something in it is new and every part of it was found valid, so no
 * honest validator of this height will call it `invalid`. `held`: all of it was known. `dropped`: not judged in full. `invalid`: breaks the
 * protocol. `ahead`, `behind`: of another height, or of this one after its decision; not judged.
 */
export type Received = Recorded | "ahead" | "behind";

/** A part of a message: see `Received`. */
export type Recorded = "recorded" | "held" | "dropped" | "invalid";

/** One step in progress: the state it changes and the effects it gathers. */
export interface Core {
  readonly config: CoreConfig;
  readonly state: CoreState;
  readonly nowMs: number;
  /** Known while a message is handled. */
  readonly clockMs: number | undefined;
  readonly effects: Effect[];
  /** Own votes, view or certificate changed: `persist` goes before every other effect of this step. */
  durableChanged: boolean;
  /** Commits recorded in this step, whose (view, hash) may now have a quorum. */
  readonly freshCommits: Vote[];
  /** Known once a message was handled. */
  received: Received | undefined;
}
