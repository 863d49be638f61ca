import { address, publicKey } from "../../core/account.ts";
import { array, bytes, type Infer, nullable, record, text, uint } from "../../core/codec/definition.ts";
import { displayName, identifierPrefix } from "../../core/genesis.ts";
import { signedApproval, signedApprovals } from "../../core/statement/approval.ts";

export const IDENTITY_MODULE = 3;

const admitVendor = record(undefined, {
  vendor: address,
  name: displayName,
  /** Company-prefix digits or URI prefixes under which this vendor alone commissions. */
  prefixes: array(identifierPrefix, { max: 256 }),
  /** Consent of the holders of shorter prefixes that these overlap: approvals by their accounts. */
  consents: signedApprovals,
  version: uint(),
  approvals: signedApprovals,
});
export type AdmitVendor = Infer<typeof admitVendor>;

const expelVendor = record(undefined, { vendor: address, version: uint(), approvals: signedApprovals });
export type ExpelVendor = Infer<typeof expelVendor>;

const registerDevice = record(undefined, {
  key: publicKey,
  model: text({ min: 1, max: 128 }),
  capabilities: array(text({ min: 1, max: 64 }), { max: 32 }),
  creditsPerDayMax: nullable(uint()),
  /** The device's consent: an approval of this registration, signed by its key. */
  consent: signedApproval,
});
export type RegisterDevice = Infer<typeof registerDevice>;

export const captureScope = record(undefined, {
  /** Empty: every prefix of the vendor; else only items under these. */
  prefixes: array(identifierPrefix, { max: 64 }),
  expiryMs: uint(),
});

export const identityMessages = {
  "identity.rotate-key": { tag: [IDENTITY_MODULE, 1], codec: record(undefined, { key: publicKey }) },
  "identity.admit-vendor": {
    tag: [IDENTITY_MODULE, 2],
    codec: admitVendor,
    approvalsOf: (body: AdmitVendor) => body.approvals.length + body.consents.length,
  },
  "identity.expel-vendor": {
    tag: [IDENTITY_MODULE, 3],
    codec: expelVendor,
    approvalsOf: (body: ExpelVendor) => body.approvals.length,
  },
  "identity.register-device": { tag: [IDENTITY_MODULE, 4], codec: registerDevice, approvalsOf: () => 1 },
  "identity.rotate-device-key": {
    tag: [IDENTITY_MODULE, 5],
    codec: record(undefined, { device: address, key: publicKey }),
  },
  /** From this height on the device's key may only fill gaps; 0: from the next block on. */
  "identity.revoke-device": {
    tag: [IDENTITY_MODULE, 6],
    codec: record(undefined, { device: address, fromHeight: uint() }),
  },
  "identity.limit-device": {
    tag: [IDENTITY_MODULE, 7],
    codec: record(undefined, { device: address, creditsPerDayMax: nullable(uint()) }),
  },
  /** Lets another key sign captures for the sender, within a scope and until a time. */
  "identity.delegate-capture": {
    tag: [IDENTITY_MODULE, 8],
    codec: record(undefined, { key: publicKey, scope: captureScope }),
  },
  "identity.revoke-capture": {
    tag: [IDENTITY_MODULE, 9],
    codec: record(undefined, { keyBytes: bytes({ min: 32, max: 33 }) }),
  },
} as const;
