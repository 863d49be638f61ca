/**
 * What dBFT validators sign, and the certificate of M commits that makes a block final. It lives in `protocol` because light clients,
 * receipts and the ledger (evidence) check it without a node.
 */
import { encodeCbor } from "../codec/cbor.ts";
import {
  array,
  bytes,
  type Codec,
  decode,
  type Infer,
  nullable,
  record,
  refine,
  text,
  uint,
} from "../codec/definition.ts";
import { ALG_EDDSA, type Verifier } from "../crypto.ts";
import { LhgError } from "../errors.ts";
import { chainId } from "../statement/transaction.ts";
import { VALIDATORS_MAX, type Validator, votesNeeded } from "./validator-set.ts";

const DOMAIN = "LHG-dBFT-v1";

/** Message types as signed and as tags on the wire; never reused. */
export const PREPARE_REQUEST = 1;
export const PREPARE_RESPONSE = 2;
export const COMMIT = 3;
export const CHANGE_VIEW = 4;
export const RECOVERY_REQUEST = 5;
export const RECOVERY_MESSAGE = 6;

/** The types of which a validator signs at most one per (height, view): two that differ are evidence. */
export type VoteType = typeof PREPARE_REQUEST | typeof PREPARE_RESPONSE | typeof COMMIT;

export const MAX_VIEW = 0xffffffff;

/** The chain, the term of the validator set and the height that a signature is bound to. */
export interface SigningScope {
  readonly chainId: string;
  readonly epoch: number;
  readonly height: number;
}

/** The bytes a validator signs for a proposal or a vote: `[domain, chainId, epoch, height, view, type, blockHash]`. */
export function voteSignBytes(
  scope: SigningScope,
  view: number,
  type: VoteType | typeof RECOVERY_REQUEST,
  blockHash: Uint8Array | null,
): Uint8Array {
  return encodeCbor([DOMAIN, scope.chainId, scope.epoch, scope.height, view, type, blockHash]);
}

/**
 * The bytes of a ChangeView into `view`. `preparedHash` stands in the place of the block hash and `preparedView` follows; both are null
 * when the validator holds no prepared certificate. Were they unsigned, a traitor could swap the certificate for an older one.
 */
export function changeViewSignBytes(
  scope: SigningScope,
  view: number,
  prepared: { readonly view: number; readonly blockHash: Uint8Array } | null,
): Uint8Array {
  const hash = prepared === null ? null : prepared.blockHash;
  const preparedView = prepared === null ? null : prepared.view;
  return encodeCbor([
    DOMAIN,
    scope.chainId,
    scope.epoch,
    scope.height,
    view,
    CHANGE_VIEW,
    hash,
    preparedView,
  ]);
}

export function commitSignBytes(
  chainId: string,
  epoch: number,
  height: number,
  view: number,
  blockHash: Uint8Array,
): Uint8Array {
  return voteSignBytes({ chainId, epoch, height }, view, COMMIT, blockHash);
}

export const viewNumber = uint(MAX_VIEW);
export const validatorIndex = uint(VALIDATORS_MAX - 1);

/** What a validator's signature is over: `voteSignBytes` and `changeViewSignBytes`, read back. */
export type SignedContent =
  | {
      readonly type: VoteType;
      readonly scope: SigningScope;
      readonly view: number;
      readonly blockHash: Uint8Array;
    }
  | {
      readonly type: typeof RECOVERY_REQUEST;
      readonly scope: SigningScope;
      readonly view: number;
      readonly blockHash: Uint8Array | null;
    }
  | {
      readonly type: typeof CHANGE_VIEW;
      readonly scope: SigningScope;
      readonly view: number;
      readonly prepared: { readonly view: number; readonly blockHash: Uint8Array } | null;
    };

const domain = refine(text({ max: DOMAIN.length }), (value) =>
  value === DOMAIN ? undefined : { code: "value.domain", message: `must be ${DOMAIN}` },
);

const isOneOf =
  (...types: readonly number[]) =>
  (type: number): { code: string; message: string } | undefined =>
    types.includes(type) ? undefined : { code: "value.range", message: `must be ${types.join(", ")}` };

const signedFields = { domain, chainId, epoch: uint(), height: uint(), view: viewNumber };
const signedVote = record(undefined, {
  ...signedFields,
  type: refine(uint(), isOneOf(PREPARE_REQUEST, PREPARE_RESPONSE, COMMIT, RECOVERY_REQUEST)) as Codec<
    VoteType | typeof RECOVERY_REQUEST
  >,
  blockHash: nullable(bytes(32)),
});
const signedChangeView = record(undefined, {
  ...signedFields,
  type: refine(uint(), isOneOf(CHANGE_VIEW)),
  blockHash: nullable(bytes(32)),
  preparedView: nullable(viewNumber),
});

/** A CBOR array of eight elements: of the signed bytes only a ChangeView has so many. */
const ARRAY_OF_EIGHT = 0x88;

/**
 * Reads back the bytes that a validator signs, and refuses all others with `cbor.*` or `value.*` naming the field: another domain or type,
 * a vote without a block hash, a prepared view without its hash. What is read encodes to the same bytes again.
 */
export function decodeSignBytes(signBytes: Uint8Array): SignedContent {
  if (signBytes[0] === ARRAY_OF_EIGHT) return decodeChangeView(signBytes);
  const { chainId, epoch, height, view, type, blockHash } = decode(signedVote, signBytes, SIGN_BYTES);
  const scope = { chainId, epoch, height };
  if (type === RECOVERY_REQUEST) return { type, scope, view, blockHash };
  if (blockHash === null)
    throw new LhgError("value.missing", "must be the hash of a block", `${SIGN_BYTES}.blockHash`);
  return { type, scope, view, blockHash };
}

const SIGN_BYTES = "signBytes";

function decodeChangeView(signBytes: Uint8Array): SignedContent {
  const { chainId, epoch, height, view, blockHash, preparedView } = decode(
    signedChangeView,
    signBytes,
    SIGN_BYTES,
  );
  if ((blockHash === null) !== (preparedView === null))
    throw new LhgError(
      "value.missing",
      "stands with its block hash or not at all",
      `${SIGN_BYTES}.preparedView`,
    );
  const prepared = blockHash === null || preparedView === null ? null : { view: preparedView, blockHash };
  return { type: CHANGE_VIEW, scope: { chainId, epoch, height }, view, prepared };
}

/** Signatures by position in the validator set of the height, ascending. */
export const indexedSignatures = array(record(undefined, { validatorIndex, signature: bytes(64) }), {
  min: 1,
  max: VALIDATORS_MAX,
});

/** The commits of one (view, block hash). The view is signed, so it is stored; the block hash covers neither. */
export const certificate = record(1, { view: viewNumber, signatures: indexedSignatures });
export type Certificate = Infer<typeof certificate>;

export type CertificateValidator = Pick<Validator, "consensusKey" | "power">;

/** Whether these validators decide: at least M of N by count, and more than two thirds of the power. */
export function isCommitQuorum(
  validators: readonly CertificateValidator[],
  signers: readonly number[],
): boolean {
  let signed = 0n;
  let total = 0n;
  for (const { power } of validators) total += power;
  for (const signer of signers) signed += validators[signer]!.power;
  return signers.length >= votesNeeded(validators.length) && 3n * signed > 2n * total;
}

/**
 * Checks that a certificate finalises the block: known validators, ascending and so distinct, a quorum by count and by power, and
 * every signature valid. Throws `certificate.order`, `certificate.unknown-validator`, `certificate.quorum` or `certificate.signature`.
 */
export function verifyCertificate(
  verifier: Pick<Verifier, "verifyBatch">,
  scope: SigningScope,
  blockHash: Uint8Array,
  subject: Certificate,
  validators: readonly CertificateValidator[],
): void {
  let previous = -1;
  for (const [i, { validatorIndex: index }] of subject.signatures.entries()) {
    const field = `certificate.signatures[${i}].validatorIndex`;
    if (index <= previous) throw new LhgError("certificate.order", "must be ascending", field);
    if (index >= validators.length)
      throw new LhgError("certificate.unknown-validator", "is outside of the validator set", field);
    previous = index;
  }
  const signers = subject.signatures.map((entry) => entry.validatorIndex);
  if (!isCommitQuorum(validators, signers))
    throw new LhgError(
      "certificate.quorum",
      "must hold M of N commits and over 2/3 of the power",
      "certificate",
    );
  const message = voteSignBytes(scope, subject.view, COMMIT, blockHash);
  const valid = verifier.verifyBatch(
    subject.signatures.map(({ validatorIndex: index, signature }) => ({
      alg: ALG_EDDSA,
      publicKey: validators[index]!.consensusKey,
      message,
      signature,
    })),
  );
  const bad = valid.indexOf(false);
  if (bad !== -1)
    throw new LhgError(
      "certificate.signature",
      "is not the validator's",
      `certificate.signatures[${bad}].signature`,
    );
}
