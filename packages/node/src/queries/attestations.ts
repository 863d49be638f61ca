import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { BASE } from "@lhg/protocol/core/state/partition";
import {
  attestationCountKey,
  attestationKey,
  countAttestations,
  getAttestation,
} from "@lhg/protocol/modules/attestation/attestation";
import { openState, type ProofArgs, proveIfAsked } from "./accounts.ts";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex } from "./paging.ts";
import type { AttestationsView } from "./views.ts";

/** Each proof brings its own anchor: 2 kB with four validators, more with every change of them. */
const PROVEN_LIMIT_MAX = 20;

/**
 * Who registered a digest, in the order in which they did; nobody is an answer, too. Of their number, and of each, the
 * proof if asked: at most 20 then. Throws `limit.range`.
 */
export function listAttestations(
  context: QueryContext,
  args: ProofArgs & PageArgs & { readonly digest: string },
): AttestationsView {
  const { proof = false, limit } = args;
  if (proof && limit !== undefined && limit > PROVEN_LIMIT_MAX)
    throw new LhgError("limit.range", `must be at most ${PROVEN_LIMIT_MAX} with proofs`, "limit");
  const bounded = proof ? { ...args, limit: limit ?? PROVEN_LIMIT_MAX } : args;
  const paging = openPage(context, "listAttestations", bounded, NUMBER_BYTES);
  const hash = readHex(args.digest, 32, "digest");
  const { state, height: stateHeight } = openState(context, args);
  const total = countAttestations(state, hash);
  const page = pageNumbers(paging, { first: 0, last: total - 1, step: 1 }, (index) => {
    const { owner, statementId, height, timeMs, sizeBytes, mediaType, note } = getAttestation(
      state,
      hash,
      index,
    )!;
    return {
      index,
      owner: toHex(owner),
      statementId: toHex(statementId),
      height,
      timeMs,
      sizeBytes,
      mediaType,
      note,
      ...proveIfAsked(context, args, BASE, attestationKey(hash, index)),
    };
  });
  return {
    height: stateHeight,
    digest: args.digest,
    total,
    ...page,
    ...proveIfAsked(context, args, BASE, attestationCountKey(hash)),
  };
}
