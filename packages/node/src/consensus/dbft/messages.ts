/**
 * The six messages on the wire. A message does not name its chain and epoch: both are in every signed byte string, so a message of
 * another chain or term fails its signature.
 */
import {
  CHANGE_VIEW,
  COMMIT,
  indexedSignatures,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_MESSAGE,
  RECOVERY_REQUEST,
  validatorIndex,
  viewNumber,
} from "@lhg/protocol/core/block/certificate";
import { VALIDATORS_MAX } from "@lhg/protocol/core/block/validator-set";
import {
  array,
  bytes,
  decode,
  encode,
  type Infer,
  nullable,
  record,
  uint,
  union,
} from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";

/** A header and up to about 30,000 statement ids. */
export const MAX_PROPOSAL_BYTES = 1 << 20;
/** Distinct prepared certificates of one RecoveryMessage; each costs M signature checks. */
export const MAX_CERTIFICATES = 8;
const MAX_RECOVERY_VOTES = 8 * VALIDATORS_MAX;
/** Two proposals (the view's and a wanted one) and every list at its maximum. */
export const MAX_MESSAGE_BYTES = 2 * MAX_PROPOSAL_BYTES + (1 << 20);

const height = uint();
const blockHash = bytes(32);
const signature = bytes(64);
const proposalBytes = bytes({ min: 1, max: MAX_PROPOSAL_BYTES });

export const preparedCertificate = record(undefined, {
  view: viewNumber,
  blockHash,
  signatures: indexedSignatures,
});
/** M validators prepared this block in this view: the primary by its PrepareRequest, the others by PrepareResponse. */
export type PreparedCertificate = Infer<typeof preparedCertificate>;

export const changeViewVote = record(undefined, {
  validatorIndex,
  view: viewNumber,
  prepared: nullable(record(undefined, { view: viewNumber, blockHash })),
  signature,
});
/** A ChangeView without the certificate that proves its prepared fields. */
export type ChangeViewVote = Infer<typeof changeViewVote>;

/** M ChangeViews into one view, and the certificate of the highest prepared view any of them claims. */
export const justification = record(undefined, {
  changeViews: array(changeViewVote, { min: 1, max: VALIDATORS_MAX }),
  certificate: nullable(preparedCertificate),
});
export type Justification = Infer<typeof justification>;

export const prepareRequest = record(undefined, {
  height,
  view: viewNumber,
  validatorIndex,
  blockHash,
  signature,
  proposal: proposalBytes,
  justification: nullable(justification),
});
export type PrepareRequest = Infer<typeof prepareRequest>;

const vote = record(undefined, { height, view: viewNumber, validatorIndex, blockHash, signature });
export type VoteMessage = Infer<typeof vote>;

const changeView = record(undefined, {
  height,
  vote: changeViewVote,
  certificate: nullable(preparedCertificate),
});

const recoveryRequest = record(undefined, {
  height,
  view: viewNumber,
  validatorIndex,
  /** A certified block whose proposal the sender lacks. */
  wantedHash: nullable(blockHash),
  signature,
});
export type RecoveryRequest = Infer<typeof recoveryRequest>;

const recoveryVote = record(undefined, { validatorIndex, view: viewNumber, blockHash, signature });

/** What the sender knows of the height. It is unsigned: every part carries its own signature or hash. */
const recoveryMessage = record(undefined, {
  height,
  request: nullable(prepareRequest),
  responses: array(recoveryVote, { max: MAX_RECOVERY_VOTES }),
  commits: array(recoveryVote, { max: MAX_RECOVERY_VOTES }),
  changeViews: array(changeViewVote, { max: VALIDATORS_MAX }),
  certificates: array(preparedCertificate, { max: MAX_CERTIFICATES }),
  wantedProposal: nullable(proposalBytes),
});
export type RecoveryMessage = Infer<typeof recoveryMessage>;

const message = record(1, {
  message: union({
    "prepare-request": { tag: [PREPARE_REQUEST], codec: prepareRequest },
    "prepare-response": { tag: [PREPARE_RESPONSE], codec: vote },
    commit: { tag: [COMMIT], codec: vote },
    "change-view": { tag: [CHANGE_VIEW], codec: changeView },
    "recovery-request": { tag: [RECOVERY_REQUEST], codec: recoveryRequest },
    "recovery-message": { tag: [RECOVERY_MESSAGE], codec: recoveryMessage },
  }),
});
export type Message = Infer<typeof message>["message"];

export function encodeMessage(value: Message): Uint8Array {
  return encode(message, { message: value }, "dbft");
}

/** Decodes one message of at most `MAX_MESSAGE_BYTES`; throws an `LhgError` naming the field. */
export function decodeMessage(encoded: Uint8Array): Message {
  if (encoded.length > MAX_MESSAGE_BYTES)
    throw new LhgError("value.length", `must be at most ${MAX_MESSAGE_BYTES} bytes`, "dbft");
  return decode(message, encoded, "dbft").message;
}
