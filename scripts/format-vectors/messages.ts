/** One message of every type, as the vectors' chain sends it. */
import type { CborValue } from "../../packages/protocol/src/core/codec/cbor.ts";
import { UNIT } from "../../packages/protocol/src/core/genesis.ts";
import { hashAction, signApproval } from "../../packages/protocol/src/core/statement/approval.ts";
import type { Message } from "../../packages/protocol/src/ledger.ts";
import {
  type Actor,
  acme,
  agent,
  alice,
  beta,
  bob,
  carolsNewKey,
  consensusKeys,
  crypto,
  meter,
  meterNewKey,
  newConsensusKey,
  operators,
} from "./actors.ts";
import { collections } from "./collections.ts";
import { CHAIN_ID, GENESIS_MS } from "./genesis.ts";

const HOUR_MS = 3_600_000;
const APPROVED_UNTIL_MS = GENESIS_MS + HOUR_MS;

/** An action that the vectors' approvers sign. */
interface ApprovedAction {
  readonly action: string;
  readonly body: CborValue;
}

function approve(signer: Actor, { action, body }: ApprovedAction): Uint8Array {
  return signApproval(signer.signer, {
    chainId: CHAIN_ID,
    actionHash: hashAction(crypto, CHAIN_ID, action, body),
    expiryMs: APPROVED_UNTIL_MS,
  });
}

/** By three of the four validators of genesis: floor(4 / 2) + 1. */
const approvals = (action: ApprovedAction): Uint8Array[] =>
  operators.slice(0, 3).map((operator) => approve(operator, action));

const PREFIXES = ["06141419", "https://id.acme.example/beta/"];
const DEVICE = { model: "T-1000", capabilities: ["temperature", "humidity"], creditsPerDayMax: 1_000 };
const JOINING = {
  operator: operators[4]!.address,
  consensusKey: consensusKeys[4]!.key.publicKey,
  power: 10n,
};

/** Bodies of the actions, by name, as `approval` hashes them. */
export const actions = {
  "validators.change": {
    action: "validators.change",
    body: [[[JOINING.operator, JOINING.consensusKey, JOINING.power]], 0],
  },
  "identity.admit-vendor": {
    action: "identity.admit-vendor",
    body: [beta.address, "Beta", PREFIXES, 0],
  },
  "identity.expel-vendor": { action: "identity.expel-vendor", body: [beta.address, 1] },
  "identity.register-device": {
    action: "identity.register-device",
    body: [
      acme.address,
      meter.key.alg,
      meter.key.publicKey,
      DEVICE.model,
      DEVICE.capabilities,
      DEVICE.creditsPerDayMax,
    ],
  },
  "groups.create": { action: "groups.create", body: ["second", [beta.address], 0] },
  "groups.move": { action: "groups.move", body: [0, [beta.address], 1] },
  "groups.merge": { action: "groups.merge", body: [1, 0, 2] },
  "chain.set-parameter": {
    action: "chain.set-parameter",
    body: ["creditsPerCollection", 12, GENESIS_MS + 3_500, 0],
  },
  "chain.schedule-upgrade": { action: "chain.schedule-upgrade", body: [2, 100, 1] },
} as const satisfies Record<string, ApprovedAction>;

export const messages = {
  "token.transfer": { type: "token.transfer", body: { to: bob.address, amount: 3n * UNIT } },
  "token.allow-fees": {
    type: "token.allow-fees",
    body: { spender: bob.address, limit: 1_000_000n, expiryMs: GENESIS_MS + HOUR_MS },
  },
  "token.buy-credit": { type: "token.buy-credit", body: { vendor: acme.address, credits: 100_000 } },
  "validators.change": {
    type: "validators.change",
    body: { changes: [JOINING], version: 0, approvals: approvals(actions["validators.change"]) },
  },
  "validators.rotate-key": {
    type: "validators.rotate-key",
    body: { consensusKey: newConsensusKey.key.publicKey },
  },
  "identity.rotate-key": { type: "identity.rotate-key", body: { key: carolsNewKey.signer.publicKey } },
  "identity.admit-vendor": {
    type: "identity.admit-vendor",
    body: {
      vendor: beta.address,
      name: "Beta",
      prefixes: PREFIXES,
      consents: [approve(acme, actions["identity.admit-vendor"])],
      version: 0,
      approvals: approvals(actions["identity.admit-vendor"]),
    },
  },
  "identity.expel-vendor": {
    type: "identity.expel-vendor",
    body: { vendor: beta.address, version: 1, approvals: approvals(actions["identity.expel-vendor"]) },
  },
  "identity.register-device": {
    type: "identity.register-device",
    body: {
      ...DEVICE,
      key: meter.signer.publicKey,
      consent: approve(meter, actions["identity.register-device"]),
    },
  },
  "identity.rotate-device-key": {
    type: "identity.rotate-device-key",
    body: { device: meter.address, key: meterNewKey.signer.publicKey },
  },
  "identity.revoke-device": {
    type: "identity.revoke-device",
    body: { device: meter.address, fromHeight: 6 },
  },
  "identity.limit-device": {
    type: "identity.limit-device",
    body: { device: meter.address, creditsPerDayMax: null },
  },
  "identity.delegate-capture": {
    type: "identity.delegate-capture",
    body: {
      key: agent.signer.publicKey,
      scope: { prefixes: ["0614141"], expiryMs: GENESIS_MS + HOUR_MS },
    },
  },
  "identity.revoke-capture": { type: "identity.revoke-capture", body: { keyBytes: agent.key.publicKey } },
  "groups.create": {
    type: "groups.create",
    body: {
      name: "second",
      vendors: [beta.address],
      version: 0,
      approvals: approvals(actions["groups.create"]),
    },
  },
  "groups.move": {
    type: "groups.move",
    body: { to: 0, vendors: [beta.address], version: 1, approvals: approvals(actions["groups.move"]) },
  },
  "groups.merge": {
    type: "groups.merge",
    body: { from: 1, to: 0, version: 2, approvals: approvals(actions["groups.merge"]) },
  },
  "collection.open-stream": {
    type: "collection.open-stream",
    body: { device: meter.address, stream: 1, afterStream: 0, lastId: collections.third.id },
  },
  "chain.tick": { type: "chain.tick", body: {} },
  "chain.set-parameter": {
    type: "chain.set-parameter",
    body: {
      name: "creditsPerCollection",
      value: 12n,
      activateAtMs: GENESIS_MS + 3_500,
      version: 0,
      approvals: approvals(actions["chain.set-parameter"]),
    },
  },
  "chain.schedule-upgrade": {
    type: "chain.schedule-upgrade",
    body: {
      protocolVersion: 2,
      fromHeight: 100,
      version: 1,
      approvals: approvals(actions["chain.schedule-upgrade"]),
    },
  },
  "attestation.register": {
    type: "attestation.register",
    body: {
      digest: crypto.sha256(Uint8Array.of(1, 2, 3)),
      sizeBytes: 3,
      mediaType: "application/octet-stream",
      note: "three bytes",
    },
  },
  "command.send": {
    type: "command.send",
    body: {
      device: meter.address,
      number: 1,
      name: "configure",
      payload: Uint8Array.of(0xa1, 0x61, 0x69, 0x05),
      expiryMs: GENESIS_MS + HOUR_MS,
    },
  },
  "command.delegate": {
    type: "command.delegate",
    body: { program: agent.address, expiryMs: GENESIS_MS + HOUR_MS },
  },
} as const satisfies { readonly [T in Message["type"]]: Extract<Message, { type: T }> };

/** Sender of a plain transfer that the chain can't pay. */
export const overdraft: Message = {
  type: "token.transfer",
  body: { to: alice.address, amount: 1_000_000n * UNIT },
};
