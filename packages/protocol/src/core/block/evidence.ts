/** Equivocation: two signed dBFT messages of one validator that differ at one (height, view, type). */
import { equalBytes } from "../bytes.ts";
import { bytes, type Infer, nullable, record, uint } from "../codec/definition.ts";
import { ALG_EDDSA, type Verifier } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import {
  type CertificateValidator,
  CHANGE_VIEW,
  changeViewSignBytes,
  type SigningScope,
  type VoteType,
  validatorIndex,
  viewNumber,
  voteSignBytes,
} from "./certificate.ts";

/** For a ChangeView, `blockHash` and `preparedView` are its prepared fields, null together; for a vote only `preparedView` is null. */
const evidenceVote = record(undefined, {
  blockHash: nullable(bytes(32)),
  preparedView: nullable(viewNumber),
  signature: bytes(64),
});
export type EvidenceVote = Infer<typeof evidenceVote>;

export const evidence = record(1, {
  epoch: uint(),
  height: uint(),
  view: viewNumber,
  /** PrepareRequest, PrepareResponse, Commit or ChangeView. */
  type: uint(CHANGE_VIEW),
  /** Position in the validator set of the height. */
  validatorIndex,
  first: evidenceVote,
  second: evidenceVote,
});
export type Evidence = Infer<typeof evidence>;

/**
 * Checks evidence against the validator set of its height; throws `evidence.form`, `evidence.unknown-validator`, `evidence.same` or
 * `evidence.signature`. Votes of different views never conflict: a validator may vote for another block after a view change.
 */
export function verifyEvidence(
  verifier: Pick<Verifier, "verifyBatch">,
  chainId: string,
  subject: Evidence,
  validators: readonly CertificateValidator[],
): void {
  const { epoch, height, first, second } = subject;
  const accused = validators[subject.validatorIndex];
  if (accused === undefined)
    throw new LhgError(
      "evidence.unknown-validator",
      "is outside of the validator set",
      "evidence.validatorIndex",
    );
  if (isSameVote(first, second))
    throw new LhgError("evidence.same", "must differ from the first", "evidence.second");
  const scope = { chainId, epoch, height };
  const valid = verifier.verifyBatch(
    [first, second].map((vote) => ({
      alg: ALG_EDDSA,
      publicKey: accused.consensusKey,
      message: evidenceSignBytes(scope, subject, vote),
      signature: vote.signature,
    })),
  );
  if (valid.includes(false))
    throw new LhgError("evidence.signature", "both votes must be signed by the accused", "evidence");
}

function isSameVote(a: EvidenceVote, b: EvidenceVote): boolean {
  if (a.preparedView !== b.preparedView) return false;
  if (a.blockHash === null || b.blockHash === null) return a.blockHash === b.blockHash;
  return equalBytes(a.blockHash, b.blockHash);
}

function evidenceSignBytes(
  scope: SigningScope,
  { view, type }: Evidence,
  { blockHash, preparedView }: EvidenceVote,
): Uint8Array {
  const isChangeView = type === CHANGE_VIEW;
  const isFormed = isChangeView
    ? (blockHash === null) === (preparedView === null)
    : type > 0 && blockHash !== null && preparedView === null;
  if (!isFormed)
    throw new LhgError("evidence.form", "does not have the fields of a message of its type", "evidence.type");
  if (!isChangeView) return voteSignBytes(scope, view, type as VoteType, blockHash);
  const prepared = blockHash === null || preparedView === null ? null : { view: preparedView, blockHash };
  return changeViewSignBytes(scope, view, prepared);
}
