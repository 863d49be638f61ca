/** What goes between a page and the worker that checks proofs: plain values that can be posted. */
import type { AskedTrace } from "@lhg/protocol/modules/trace/verify-trace";
import type { Refused } from "@lhg/sdk/verify/verdict";
import type { TraceVerdict } from "@lhg/sdk/verify/verify-trace";

/** A set of validators, and when it was in force, as a verified header says. */
export interface Vouched {
  /** Hex. */
  readonly validatorsHash: string;
  readonly timeMs: number;
}

/** The chain that this browser knows. */
export interface Pinned {
  /** Encoded. */
  readonly genesis: Uint8Array;
  /** Of the newest header that was verified here while its chain was trusted. */
  readonly newest: Vouched | undefined;
  /** By the clock of this device, when it is judged. */
  readonly nowMs: number;
}

export interface TraceJob {
  readonly kind: "trace";
  readonly bundle: Uint8Array;
  readonly asked: AskedTrace;
  readonly pinned: Pinned;
  /** Whether the answer repeats the bytes of every event. */
  readonly wantsSources: boolean;
}

export interface VendorJob {
  readonly kind: "vendor";
  /** Hex of the address. */
  readonly vendor: string;
  readonly proof: Uint8Array;
  readonly pinned: Pinned;
}

export interface AttestationsJob {
  readonly kind: "attestations";
  readonly digest: Uint8Array;
  /** Proof of how many owners registered it; undefined where the node gives none. */
  readonly count: Uint8Array | undefined;
  /** Proofs of the first records, in their order. */
  readonly entries: readonly (Uint8Array | undefined)[];
  /** So many were asked for. */
  readonly entriesMax: number;
  readonly pinned: Pinned;
}

export interface ChainJob {
  readonly kind: "chain";
  readonly genesis: Uint8Array;
}

/** What the chain's state holds of an item, as the bundle proves it. Addresses and statement ids are hex. */
export interface ItemState {
  readonly identity: string;
  /** False: proven that nobody ever recorded it. */
  readonly isKnown: boolean;
  /** Null: whoever holds the identifier's prefix, or the outermost container's custodian. */
  readonly custodian: string | null;
  readonly pending: { readonly from: string; readonly to: string } | null;
  /** By aggregation first; identity null: a container that the answer does not hold. */
  readonly parents: readonly { readonly isAggregation: boolean; readonly identity: string | null }[];
  readonly children: number;
  readonly parts: number;
  readonly isEnded: boolean;
  readonly quantities: readonly string[];
  readonly observations: number;
}

export interface TraceProof {
  readonly isProven: true;
  readonly verdict: TraceVerdict;
  /** One for each event of the verdict, or none at all. */
  readonly sources: readonly string[];
  readonly states: readonly ItemState[];
  readonly tookMs: number;
  readonly vouched: Vouched | undefined;
}

/** Bent: its bytes are not those that were recorded. Missing: the log names it and the answer does not hold it. */
export type FaultyStep =
  | {
      readonly kind: "bent";
      /** Hex. */
      readonly captor: string;
      readonly claimed: Pick<
        TraceVerdict["events"][number]["event"],
        "type" | "action" | "bizStep" | "readPoint" | "eventTime"
      >;
    }
  | { readonly kind: "missing"; readonly captor: string; readonly recordedAt: string };

export interface TraceRefusal {
  readonly isProven: false;
  readonly refused: Refused;
  readonly step?: FaultyStep;
  readonly tookMs: number;
}

export type TraceCheck = TraceProof | TraceRefusal;

export type VendorCheck =
  | {
      readonly isProven: true;
      readonly name: string;
      readonly prefixes: readonly string[];
      readonly vouched: Vouched | undefined;
    }
  | { readonly isProven: false; readonly refused: Refused };

/** Size, media type and note are the owner's word, that it said so is proven. */
export type AttestationCheck =
  | {
      readonly isProven: true;
      /** Hex, like the statement's id. */
      readonly owner: string;
      readonly statementId: string;
      readonly height: number;
      readonly timeMs: number;
      readonly sizeBytes: number;
      readonly mediaType: string;
      readonly note: string;
    }
  | { readonly isProven: false; readonly refused: Refused };

export type AttestationsCheck =
  | {
      readonly isProven: true;
      /** 0: proven that nobody did. */
      readonly total: number;
      /** Of the header that all hang on, and its time. */
      readonly height: number;
      readonly provenByMs: number;
      readonly isWithinTrust: boolean;
      /** By their place in the list. */
      readonly entries: readonly AttestationCheck[];
      readonly vouched: Vouched | undefined;
    }
  | { readonly isProven: false; readonly refused: Refused };

export interface ChainCheck {
  readonly chainId: string;
}

export type Job = TraceJob | VendorJob | AttestationsJob | ChainJob;

export type AnswerTo<J extends Job> = J extends TraceJob
  ? TraceCheck
  : J extends VendorJob
    ? VendorCheck
    : J extends AttestationsJob
      ? AttestationsCheck
      : ChainCheck;

export type Answer = TraceCheck | VendorCheck | AttestationsCheck | ChainCheck;

export interface Request {
  readonly number: number;
  readonly job: Job;
}

export type Reply =
  | { readonly number: number; readonly answer: Answer }
  | {
      readonly number: number;
      readonly problem: { readonly code: string; readonly message: string; readonly field: string };
    };
