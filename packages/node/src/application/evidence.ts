/** What a block's evidence proves, in the form of either engine. */
import { evidence, verifyEvidence } from "@lhg/protocol/core/block/evidence";
import { type ValidatorSet, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { ENGINE_COMETBFT, EPOCH } from "@lhg/protocol/core/proof/anchor";
import type { Misbehaviour } from "@lhg/protocol/modules/validators/validators";
import { cometMisbehaviour } from "../blocks/comet-misbehaviour.ts";
import { EVIDENCE_HEIGHTS_MAX } from "../blocks/proposal.ts";

export interface EvidenceContext {
  readonly crypto: Crypto;
  readonly chainId: string;
  readonly engine: number;
  /** Who signed a height; undefined where there is no such height. */
  readonly validatorsAt: (height: number) => ValidatorSet | undefined;
}

/**
 * Reads evidence of a block of this height. dBFT's is verified against the validators of its own height; CometBFT has verified what it
 * hands over, and the block is decided: undefined where that names nobody who was a validator then. Throws `evidence.*`.
 */
export function openEvidence(
  context: EvidenceContext,
  encoded: Uint8Array,
  height: number,
): Misbehaviour | undefined {
  return context.engine === ENGINE_COMETBFT
    ? openComet(context, encoded, height)
    : openDbft(context, encoded, height);
}

function openDbft(context: EvidenceContext, encoded: Uint8Array, height: number): Misbehaviour {
  const opened = decode(evidence, encoded, "evidence");
  const validators = requireValidators(context, opened.height, height);
  if (opened.epoch !== EPOCH) throw new LhgError("evidence.epoch", `must be ${EPOCH}`, "evidence.epoch");
  verifyEvidence(context.crypto, context.chainId, opened, validators);
  const { operator } = validators[opened.validatorIndex]!;
  return { operator, height: opened.height, view: opened.view, type: opened.type };
}

/** An attack on light clients bears the last height that is not disputed, and whom it names may have joined after it. */
function openComet(context: EvidenceContext, encoded: Uint8Array, height: number): Misbehaviour | undefined {
  const opened = decode(cometMisbehaviour, encoded, "evidence");
  const named = requireValidators(context, opened.height, height).find(({ consensusKey }) =>
    equalBytes(validatorAddress(context.crypto, consensusKey), opened.address),
  );
  if (named === undefined) return undefined;
  return { operator: named.operator, height: opened.height, view: 0, type: opened.type };
}

function requireValidators(context: EvidenceContext, at: number, height: number): ValidatorSet {
  if (at > height || at < height - EVIDENCE_HEIGHTS_MAX)
    throw new LhgError(
      "evidence.height",
      `must be of the last ${EVIDENCE_HEIGHTS_MAX} heights`,
      "evidence.height",
    );
  const validators = context.validatorsAt(at);
  if (validators === undefined)
    throw new LhgError("evidence.height", "there is no such height", "evidence.height");
  return validators;
}
