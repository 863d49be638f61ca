/** What goes between a page and the worker that checks proofs: plain values that can be posted. */
import type { AskedTrace } from "@lhg/protocol/modules/trace/verify-trace";
import type { Refused } from "@lhg/sdk/verify/verdict";
import type { TraceVerdict } from "@lhg/sdk/verify/verify-trace";

export interface TraceJob {
  readonly kind: "trace";
  readonly bundle: Uint8Array;
  readonly asked: AskedTrace;
  /** Encoded genesis of the chain that this browser knows. */
  readonly genesis: Uint8Array;
  /** Whether the answer repeats the bytes of every event. */
  readonly wantsSources: boolean;
}

export interface VendorJob {
  readonly kind: "vendor";
  /** Hex of the address. */
  readonly vendor: string;
  readonly proof: Uint8Array;
  readonly genesis: Uint8Array;
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
}

export interface TraceRefusal {
  readonly isProven: false;
  readonly refused: Refused;
  /** The event in whose part of the answer the fault lies, as far as its bytes can still be read. */
  readonly step?: {
    readonly type: string;
    readonly bizStep: string | null;
    readonly eventTime: string;
    readonly readPoint: string | null;
    readonly captor: string;
  };
  readonly tookMs: number;
}

export type TraceCheck = TraceProof | TraceRefusal;

export type VendorCheck =
  | { readonly isProven: true; readonly name: string; readonly prefixes: readonly string[] }
  | { readonly isProven: false; readonly refused: Refused };

export interface ChainCheck {
  readonly chainId: string;
}

export type Job = TraceJob | VendorJob | ChainJob;

export type AnswerTo<J extends Job> = J extends TraceJob
  ? TraceCheck
  : J extends VendorJob
    ? VendorCheck
    : ChainCheck;

export interface Request {
  readonly number: number;
  readonly job: Job;
}

export type Reply =
  | { readonly number: number; readonly answer: TraceCheck | VendorCheck | ChainCheck }
  | {
      readonly number: number;
      readonly problem: { readonly code: string; readonly message: string; readonly field: string };
    };
