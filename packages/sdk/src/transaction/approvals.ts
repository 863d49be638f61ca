/** Actions that others approve before a transaction carries them: what they sign, and how. */
import type { Address } from "@lhg/protocol/core/account";
import type { CborValue } from "@lhg/protocol/core/codec/cbor";
import type { Signer } from "@lhg/protocol/core/cose";
import type { Hasher } from "@lhg/protocol/core/crypto";
import { hashAction, signApproval } from "@lhg/protocol/core/statement/approval";
import {
  admissionAction,
  expulsionAction,
  registrationAction,
} from "@lhg/protocol/modules/identity/identity";
import type { AdmitVendor, RegisterDevice } from "@lhg/protocol/modules/identity/messages";
import { nobleCrypto } from "../crypto/noble.ts";

/** A message of a transaction without its approvals, as approvers hash it. */
export interface Action {
  readonly name: string;
  readonly body: CborValue;
}

export type Admission = Pick<AdmitVendor, "vendor" | "name" | "prefixes" | "version">;
export type Registration = Omit<RegisterDevice, "consent">;

/** `version` is the vendor's as it stands on the chain, 0 for a new one. */
export function describeAdmission(admission: Admission): Action {
  return { name: "identity.admit-vendor", body: admissionAction(admission) };
}

export function describeExpulsion(vendor: Address, version: number): Action {
  return { name: "identity.expel-vendor", body: expulsionAction(vendor, version) };
}

export function describeRegistration(vendor: Address, registration: Registration): Action {
  return { name: "identity.register-device", body: registrationAction(vendor, registration) };
}

export interface ApprovalTerms {
  readonly chainId: string;
  /** Milliseconds since 1970, in chain time: until when the approval may be used. */
  readonly expiryMs: number;
}

/** Signs consent to one action: as a validator's operator, a prefix holder or a device. Returns COSE bytes. */
export function approveAction(
  signer: Signer,
  action: Action,
  { chainId, expiryMs }: ApprovalTerms,
  hasher: Pick<Hasher, "sha256"> = nobleCrypto,
): Uint8Array {
  const actionHash = hashAction(hasher, chainId, action.name, action.body);
  return signApproval(signer, { chainId, actionHash, expiryMs });
}
