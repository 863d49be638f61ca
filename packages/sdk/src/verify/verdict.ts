/** Verdicts: what a proof shows, said so that a person can act on it and a program can store it. Plain JSON values. */

import { toHex } from "@lhg/protocol/core/bytes";
import { decodeCbor } from "@lhg/protocol/core/codec/cbor";
import { LhgError } from "@lhg/protocol/core/errors";
import type { VerifiedAnchor } from "@lhg/protocol/core/proof/anchor";

/** One thing that the proof says. */
export interface Finding {
  /** Machine-readable name, `area.what`. */
  readonly what: string;
  /** A sentence for people. */
  readonly text: string;
  /** Hex of the address or key whose word it is; absent where the validators vouch for it. */
  readonly by?: string;
}

/** What every proof that holds tells of the chain. */
export interface Proven {
  readonly ok: true;
  readonly chainId: string;
  /** Height of the certified header that the proof hangs on. */
  readonly height: number;
  /** Header time in milliseconds since 1970: what is proven was on the chain then, at the latest. */
  readonly provenByMs: number;
  /** Whose state it is: `base`, `items`, or a vendor's with its address in hex. */
  readonly partition: { readonly kind: string; readonly owner?: string };
  /** False: the time for which the pinned validators are trusted is over, so confirm it by a history proof. */
  readonly isWithinTrust: boolean;
  readonly proven: readonly Finding[];
  /** What somebody says and nobody else vouches for. */
  readonly claimed: readonly Finding[];
  /** What a reader should know before relying on it. */
  readonly problems: readonly Finding[];
}

/** A proof that does not hold, or that is no proof. */
export interface Refused {
  readonly ok: false;
  readonly code: string;
  /** Path of the value that is wrong. */
  readonly field: string;
  readonly message: string;
}

/** Turns whatever a check throws into a refusal: input of strangers never throws out of this folder. */
export function judge<T>(check: () => T): T | Refused {
  try {
    return check();
  } catch (error) {
    if (error instanceof LhgError) {
      const { code, field, message } = error;
      return { ok: false, code, field, message };
    }
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, code: "verify.internal", field: "", message: `the verifier failed: ${message}` };
  }
}

const DATE_MS_MAX = 8.64e15;

/** ISO 8601 in UTC; a number of milliseconds that no calendar holds stays a number. */
export function formatTime(timeMs: number): string {
  return Math.abs(timeMs) <= DATE_MS_MAX ? new Date(timeMs).toISOString() : `${timeMs} ms`;
}

/** What a verified anchor says, whichever proof hangs on it. */
export interface AnchorFacts {
  readonly chainId: string;
  readonly height: number;
  readonly timeMs: number;
  readonly isWithinTrust: boolean;
  readonly partitionId: Uint8Array;
}

export function readAnchor({ header, isWithinTrust, partitionId }: VerifiedAnchor): AnchorFacts {
  const { chainId, height, timeMs } = header;
  return { chainId, height, timeMs, isWithinTrust, partitionId };
}

export function describeAnchor(anchor: AnchorFacts): Omit<Proven, "proven" | "claimed"> {
  const { chainId, height, timeMs, isWithinTrust } = anchor;
  const unconfirmed = {
    what: "trust.unconfirmed",
    text: "Valid for the pinned validators, unconfirmed since: the time for which they are trusted is over.",
  };
  return {
    ok: true,
    chainId,
    height,
    provenByMs: timeMs,
    partition: describePartition(anchor.partitionId),
    isWithinTrust,
    problems: isWithinTrust ? [] : [unconfirmed],
  };
}

function describePartition(id: Uint8Array): Proven["partition"] {
  const parts = decodeCbor(id);
  if (!Array.isArray(parts) || typeof parts[0] !== "string")
    throw new LhgError("anchor.partition", "is no partition id", "anchor.partitionId");
  const [kind, owner] = parts;
  return owner instanceof Uint8Array ? { kind, owner: toHex(owner) } : { kind };
}
