/** Messages of transactions, made from what their senders know. Amounts are smallest units of LHG. */
import type { Address } from "@lhg/protocol/core/account";
import type { Signer } from "@lhg/protocol/core/cose";
import type { PublicKey } from "@lhg/protocol/core/crypto";
import type { Message } from "@lhg/protocol/ledger";
import {
  type Admission,
  type ApprovalTerms,
  approveAction,
  describeRegistration,
  type Registration,
} from "./approvals.ts";

export function makeTransfer(to: Address, amount: bigint): Message {
  return { type: "token.transfer", body: { to, amount } };
}

/** Lets `spender` have up to `limit` of fees paid by the sender until `expiryMs`; a limit of 0 ends it. */
export function makeFeeAllowance(spender: Address, limit: bigint, expiryMs: number): Message {
  return { type: "token.allow-fees", body: { spender, limit, expiryMs } };
}

/** Buys prepaid credit, of which collections and captures of a vendor are paid. */
export function makeCreditPurchase(vendor: Address, credits: number): Message {
  return { type: "token.buy-credit", body: { vendor, credits } };
}

export function makeKeyRotation(key: PublicKey): Message {
  return { type: "identity.rotate-key", body: { key } };
}

/**
 * Admits a vendor, or changes its name and prefixes. `approvals` are of describeAdmission by more than half of the
 * validators' operators, `consents` of the holders of shorter prefixes that these overlap.
 */
export function makeAdmission(
  { vendor, name, prefixes, version }: Admission,
  approvals: readonly Uint8Array[],
  consents: readonly Uint8Array[] = [],
): Message {
  return {
    type: "identity.admit-vendor",
    body: { vendor, name, prefixes, consents, version, approvals },
  };
}

/** Expels a vendor by approvals of describeExpulsion. */
export function makeExpulsion(vendor: Address, version: number, approvals: readonly Uint8Array[]): Message {
  return { type: "identity.expel-vendor", body: { vendor, version, approvals } };
}

export interface RegistrationRequest extends ApprovalTerms {
  /** The vendor that sends the transaction. */
  readonly vendor: Address;
  /** Signs the device's consent; its key becomes the device's. */
  readonly device: Signer;
  readonly model: string;
  readonly capabilities?: readonly string[];
  /** Credits that the device may use a day; by default the chain's parameter. */
  readonly creditsPerDayMax?: number;
}

/** Registers a device with its consent, signed here. */
export function makeDeviceRegistration(request: RegistrationRequest): Message {
  const registration: Registration = {
    key: request.device.publicKey,
    model: request.model,
    capabilities: request.capabilities ?? [],
    creditsPerDayMax: request.creditsPerDayMax ?? null,
  };
  const action = describeRegistration(request.vendor, registration);
  const consent = approveAction(request.device, action, request);
  return { type: "identity.register-device", body: { ...registration, consent } };
}

export function makeDeviceKeyRotation(device: Address, key: PublicKey): Message {
  return { type: "identity.rotate-device-key", body: { device, key } };
}

/** From `fromHeight` on, which must be a later height than the transaction's, the device may only fill gaps. */
export function makeDeviceRevocation(device: Address, fromHeight: number): Message {
  return { type: "identity.revoke-device", body: { device, fromHeight } };
}

/** `null` takes the device back to the chain's parameter. */
export function makeDeviceLimit(device: Address, creditsPerDayMax: number | null): Message {
  return { type: "identity.limit-device", body: { device, creditsPerDayMax } };
}

/** Lets another key sign captures for the sender; no `prefixes`: all of the vendor's. */
export function makeCaptureDelegation(
  key: PublicKey,
  scope: { readonly prefixes?: readonly string[]; readonly expiryMs: number },
): Message {
  const { prefixes = [], expiryMs } = scope;
  return { type: "identity.delegate-capture", body: { key, scope: { prefixes, expiryMs } } };
}

export function makeCaptureRevocation(keyBytes: Uint8Array): Message {
  return { type: "identity.revoke-capture", body: { keyBytes } };
}

/**
 * Opens a stream for a device that lost its memory or key. `lastId` is the last known statement id of
 * `afterStream`, 32 zero bytes where that stream has no collection.
 */
export function makeStreamOpening(
  device: Address,
  stream: number,
  afterStream: number,
  lastId: Uint8Array,
): Message {
  return { type: "collection.open-stream", body: { device, stream, afterStream, lastId } };
}

/** Does nothing itself; the block that holds it runs what is due. */
export function makeTick(): Message {
  return { type: "chain.tick", body: {} };
}

/** Registers the SHA-256 of data that stays where it is; who has registered it already is refused. */
export function makeAttestation(
  digest: Uint8Array,
  about: { readonly sizeBytes: number; readonly mediaType?: string; readonly note?: string },
): Message {
  const { sizeBytes, mediaType = "", note = "" } = about;
  return { type: "attestation.register", body: { digest, sizeBytes, mediaType, note } };
}

export interface CommandRequest {
  readonly device: Address;
  /** The device's commands are numbered from 1: this is the next one. */
  readonly number: number;
  readonly name: string;
  readonly payload?: Uint8Array;
  /** In chain time; later the device refuses it. */
  readonly expiryMs: number;
}

/** Asks a device for something; the sender is its vendor, or a program that the vendor allowed. */
export function makeCommand({ payload = new Uint8Array(0), ...request }: CommandRequest): Message {
  return { type: "command.send", body: { ...request, payload } };
}

/** Lets the account of a program command the sender's devices until a time; a time that is over ends it. */
export function makeCommandDelegation(program: Address, expiryMs: number): Message {
  return { type: "command.delegate", body: { program, expiryMs } };
}
