/** Prepared certificates and the justification of a proposal after a view change. */
import { PREPARE_REQUEST, PREPARE_RESPONSE } from "@lhg/protocol/core/block/certificate";
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { AcceptedRequest, Core, HeldChangeView } from "./core.ts";
import type { ChangeViewVote, Justification, PreparedCertificate } from "./messages.ts";
import { hasMutation, primaryOf, quorum } from "./quorum.ts";
import { isChangeViewSigned, isVoteSigned, votesOf } from "./votes.ts";

/** M prepares of the request, the primary's PrepareRequest among them; undefined while there are fewer. */
export function assemblePrepared(core: Core, request: AcceptedRequest): PreparedCertificate | undefined {
  const { state } = core;
  const { view, blockHash } = request.message;
  const primary = primaryOf(state, view);
  const signatures: { validatorIndex: number; signature: Uint8Array }[] = [];
  for (let i = 0; i < state.validators.length; i++) {
    const vote =
      i === primary
        ? request.message
        : votesOf(state, PREPARE_RESPONSE, i, view).find((held) => equalBytes(held.blockHash, blockHash));
    if (vote !== undefined) signatures.push({ validatorIndex: i, signature: vote.signature });
  }
  while (signatures.length > quorum(core)) {
    const last = signatures.findLastIndex((entry) => entry.validatorIndex !== primary);
    signatures.splice(last, 1);
  }
  return signatures.length < quorum(core) ? undefined : { view, blockHash, signatures };
}

function isPreparedCertificateValid(core: Core, certificate: PreparedCertificate): boolean {
  const { state } = core;
  const { view, blockHash, signatures } = certificate;
  const primary = primaryOf(state, view);
  if (signatures.length < quorum(core)) return false;
  let previous = -1;
  for (const { validatorIndex } of signatures) {
    if (validatorIndex <= previous || validatorIndex >= state.validators.length) return false;
    previous = validatorIndex;
  }
  if (!signatures.some((entry) => entry.validatorIndex === primary)) return false;
  return signatures.every(({ validatorIndex, signature }) =>
    isVoteSigned(core, validatorIndex === primary ? PREPARE_REQUEST : PREPARE_RESPONSE, validatorIndex, {
      view,
      blockHash,
      signature,
    }),
  );
}

/** What a validator claims to have prepared must be what the certificate proves, in an earlier view. */
function matchesPrepared(vote: ChangeViewVote, certificate: PreparedCertificate | null): boolean {
  if (vote.prepared === null || certificate === null) return vote.prepared === null && certificate === null;
  return (
    vote.prepared.view === certificate.view &&
    vote.prepared.view < vote.view &&
    equalBytes(vote.prepared.blockHash, certificate.blockHash)
  );
}

/** Whether the certificate proves what the ChangeView claims. */
export function isProven(core: Core, vote: ChangeViewVote, certificate: PreparedCertificate | null): boolean {
  if (!matchesPrepared(vote, certificate)) return false;
  return certificate === null || isVerified(core, certificate);
}

/** Verifies a certificate, or recognises one that was verified before. Another one of the same (view, hash) proves nothing of this one. */
function isVerified(core: Core, certificate: PreparedCertificate): boolean {
  const { state } = core;
  if (hasMutation(core, "unproven-certificates")) return true;
  const isKnown = (held: PreparedCertificate | null | undefined): boolean =>
    held !== null && held !== undefined && isSameCertificate(held, certificate);
  return (
    isKnown(state.prepared?.certificate) ||
    state.changeViews.some((entries) => entries.some((entry) => isKnown(entry.certificate))) ||
    isPreparedCertificateValid(core, certificate)
  );
}

function isSameCertificate(a: PreparedCertificate, b: PreparedCertificate): boolean {
  if (a === b) return true;
  return (
    a.view === b.view &&
    a.signatures.length === b.signatures.length &&
    equalBytes(a.blockHash, b.blockHash) &&
    a.signatures.every(({ validatorIndex, signature }, i) => {
      const other = b.signatures[i]!;
      return validatorIndex === other.validatorIndex && equalBytes(signature, other.signature);
    })
  );
}

/** The claim of the highest prepared view; undefined if nobody claims one. */
function highestClaim(votes: readonly ChangeViewVote[]): NonNullable<ChangeViewVote["prepared"]> | undefined {
  let highest: NonNullable<ChangeViewVote["prepared"]> | undefined;
  for (const { prepared } of votes)
    if (prepared !== null && (highest === undefined || prepared.view > highest.view)) highest = prepared;
  return highest;
}

/** M of the ChangeViews into this view, those with the highest certificates first. */
export function assembleJustification(
  core: Core,
  changeViews: readonly HeldChangeView[],
): Justification | undefined {
  const preparedView = (entry: HeldChangeView): number => entry.vote.prepared?.view ?? -1;
  const chosen = [...changeViews]
    .sort((a, b) => preparedView(b) - preparedView(a) || a.vote.validatorIndex - b.vote.validatorIndex)
    .slice(0, quorum(core));
  if (chosen.length < quorum(core)) return undefined;
  const certificate = hasMutation(core, "ignore-highest-certificate") ? null : chosen[0]!.certificate;
  return {
    changeViews: chosen.map((entry) => entry.vote).sort((a, b) => a.validatorIndex - b.validatorIndex),
    certificate,
  };
}

/**
 * Rule 5 as backups verify it: M distinct validators left for this view, and the proposal is the block of the highest certificate that
 * any of them claims. Lower claims need no proof: a lie there changes nothing.
 */
export function isJustified(
  core: Core,
  view: number,
  blockHash: Uint8Array,
  justification: Justification | null,
): boolean {
  if (hasMutation(core, "accept-unjustified")) return true;
  if (view === 0 || justification === null) return view === 0 && justification === null;
  const { changeViews, certificate } = justification;
  if (changeViews.length < quorum(core)) return false;
  let previous = -1;
  for (const vote of changeViews) {
    if (vote.view !== view || vote.validatorIndex <= previous) return false;
    if (vote.validatorIndex >= core.state.validators.length) return false;
    previous = vote.validatorIndex;
  }
  if (!changeViews.every((vote) => isChangeViewSigned(core, vote))) return false;
  if (hasMutation(core, "ignore-highest-certificate")) return true;
  const claim = highestClaim(changeViews);
  if (claim === undefined) return certificate === null;
  if (certificate === null || !equalBytes(certificate.blockHash, blockHash)) return false;
  const atHighest = changeViews.filter((vote) => vote.prepared?.view === claim.view);
  if (!atHighest.every((vote) => matchesPrepared(vote, certificate))) return false;
  return isVerified(core, certificate);
}
