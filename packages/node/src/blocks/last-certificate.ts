/** The certificate that a block carries of the block before it: any quorum's will do, but it must be one. */
import { type Certificate, certificate, verifyCertificate } from "@lhg/protocol/core/block/certificate";
import type { ValidatorSet } from "@lhg/protocol/core/block/validator-set";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Verifier } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { EPOCH } from "@lhg/protocol/core/proof/anchor";
import type { ChainTip } from "../application/port.ts";

export interface Parent {
  readonly chainId: string;
  /** 0 for the first block's, which has no certificate. */
  readonly height: number;
  readonly blockHash: Uint8Array;
  readonly validators: ValidatorSet;
}

/** The head of a chain as the parent of what comes. */
export function parentOf({ base, head, headValidators }: ChainTip): Parent {
  const { height, blockHash } = head;
  return { chainId: base.chainId, height, blockHash, validators: headValidators };
}

/** Throws `block.certificate`. */
export function openCertificate(encoded: Uint8Array, field: string): Certificate {
  try {
    return decode(certificate, encoded, field);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    throw new LhgError("block.certificate", `is no certificate: ${error.message}`, field);
  }
}

/** Throws `block.certificate`, `block.last-certificate`, or `certificate.*` where it does not finalise the parent. */
export function checkLastCertificate(
  verifier: Pick<Verifier, "verifyBatch">,
  { chainId, height, blockHash, validators }: Parent,
  lastCertificate: Uint8Array | null,
): void {
  if ((height === 0) !== (lastCertificate === null))
    throw new LhgError(
      "block.last-certificate",
      "must be there from the second block on, and not in the first",
      "block.lastCertificate",
    );
  if (lastCertificate === null) return;
  const opened = openCertificate(lastCertificate, "block.lastCertificate");
  verifyCertificate(verifier, { chainId, epoch: EPOCH, height }, blockHash, opened, validators);
}
