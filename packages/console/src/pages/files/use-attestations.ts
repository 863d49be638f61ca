/** Who registered a hash: the node's word from its newest block, and what is proven of it in the worker. */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Attestation, Attestations } from "@lhg/sdk/client/types";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { client } from "../../node/client.ts";
import type { AttestationsCheck } from "../../verify/messages.ts";
import {
  keepVerifiedHeight,
  keepVouched,
  type PinState,
  readPin,
  readVerifiedHeight,
  toPinned,
} from "../../verify/pin.ts";
import { check } from "../../verify/verifier.ts";

/** As many as the node proves in one answer. */
const ENTRIES_MAX = 20;

export type AttestationsProof =
  | AttestationsCheck
  /** The node says that nothing is provable yet. */
  | { readonly isProven: false; readonly refused: undefined };

export interface AttestationsAnswer {
  /** In the newest block, by the node's word alone. */
  readonly claimed: Attestations;
  readonly proof: AttestationsProof;
  /** Of `claimed`, those that come after all that is proven. */
  readonly waiting: readonly Attestation[];
}

export function attestationsKey(digest: Uint8Array): readonly string[] {
  return ["attestations", toHex(digest)];
}

/** What waits for its proof is asked for again: a block becomes provable with the next one. */
export function useAttestations(digest: Uint8Array): UseQueryResult<AttestationsAnswer> {
  return useQuery({
    queryKey: attestationsKey(digest),
    queryFn: () => askAttestations(digest),
    refetchInterval: ({ state: { data } }) =>
      data !== undefined && (data.waiting.length > 0 || isTooEarly(data.proof)) ? 500 : false,
  });
}

function isTooEarly(proof: AttestationsProof): boolean {
  return !proof.isProven && proof.refused === undefined;
}

async function askAttestations(digest: Uint8Array): Promise<AttestationsAnswer> {
  const [pin, claimed] = await Promise.all([readPin(), client.getAttestations(toHex(digest))]);
  const first = await prove(digest, pin);
  // Behind a balancer another machine may be a block behind: one that lies does so twice.
  const proof = !first.isProven && first.refused?.code === "proof.old" ? await prove(digest, pin) : first;
  const waiting =
    proof.isProven || isTooEarly(proof)
      ? claimed.items.slice(proof.isProven ? Math.min(proof.total, claimed.items.length) : 0)
      : [];
  return { claimed, proof, waiting };
}

async function prove(digest: Uint8Array, { pin, isSame }: PinState): Promise<AttestationsProof> {
  if (!isSame) return refuse("header.chain", "the node shows another chain than this browser knows");
  const knownHeight = readVerifiedHeight(pin.chainId);
  let shown: Attestations;
  try {
    shown = await client.getAttestations(toHex(digest), { proof: true, limit: ENTRIES_MAX });
  } catch (error) {
    if (!(error instanceof LhgError) || error.code !== "proof.not-yet") throw error;
    // Below what was proven here before, it is no longer early.
    return knownHeight === 0
      ? { isProven: false, refused: undefined }
      : refuse("proof.old", "the node says that nothing is provable, and something was before");
  }
  const found = await check({
    kind: "attestations",
    digest,
    count: readProof(shown),
    entries: shown.items.map(readProof),
    entriesMax: ENTRIES_MAX,
    pinned: toPinned(pin),
  });
  if (!found.isProven) return found;
  if (found.height < knownHeight)
    return refuse("proof.old", `it is of block ${found.height}, and block ${knownHeight} was proven before`);
  keepVerifiedHeight(pin.chainId, found.height);
  keepVouched(pin.chainId, found.vouched);
  return found;
}

function readProof({ proof }: Pick<Attestations, "proof">): Uint8Array | undefined {
  return proof === undefined ? undefined : fromHex(proof.bytes, "proof");
}

function refuse(code: string, message: string): AttestationsProof {
  return { isProven: false, refused: { ok: false, code, field: "proof", message } };
}
