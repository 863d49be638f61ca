/** For tests: statements of every kind, signed as a client would. */
import { deriveAddress } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import type { CborValue } from "@lhg/protocol/core/codec/cbor";
import { encode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1, signStatement } from "@lhg/protocol/core/cose";
import { hashAction, signApproval } from "@lhg/protocol/core/statement/approval";
import { capture, computeSlicesRoot } from "@lhg/protocol/core/statement/capture";
import type { Submission } from "@lhg/protocol/core/statement/submission";
import { splitDocument } from "@lhg/protocol/epcis/document";
import { encodeTransaction, type Message, type Transaction } from "@lhg/protocol/ledger";
import { type Collection, collection } from "@lhg/protocol/modules/collection/messages";
import { registrationAction } from "@lhg/protocol/modules/identity/identity";
import type { SenmlRecord } from "@lhg/protocol/senml/record";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { createNativeSigner, sodiumCrypto } from "../src/crypto/sodium.ts";

export interface SignedSubmission extends Submission {
  /** Hex. */
  readonly id: string;
  readonly idBytes: Uint8Array;
}

export function addressOf(key: SecretKey): Uint8Array {
  return deriveAddress(sodiumCrypto, { alg: key.alg, bytes: key.publicKey });
}

function finish(statement: Uint8Array, body: readonly Uint8Array[] | null = null): SignedSubmission {
  const idBytes = computeStatementId(sodiumCrypto, decodeSign1(statement));
  return { statement, body, id: toHex(idBytes), idBytes };
}

export function signTransaction(
  key: SecretKey,
  fields: Pick<Transaction, "chainId" | "nonce" | "expiryMs" | "messages"> & Partial<Transaction>,
): SignedSubmission {
  const sender = fields.sender ?? addressOf(key);
  const payload = encodeTransaction({ sender, payer: sender, gasLimit: 1_000_000, gasPrice: 1n, ...fields });
  return finish(signStatement(createNativeSigner(key), "transaction", payload));
}

export function signCollection(
  key: SecretKey,
  fields: Pick<Collection, "chainId" | "seq" | "prevId"> & Partial<Collection>,
): SignedSubmission {
  const payload = encode(
    collection,
    { device: addressOf(key), stream: 0, readings: makeReadings(1), ...fields },
    "collection",
  );
  return finish(signStatement(createNativeSigner(key), "collection", payload));
}

export function makeReadings(count: number): SenmlRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    n: "urn:dev:ow:10e2073a0108006:t",
    t: { mantissa: BigInt(1_700_000_001 + 10 * i), exponent: 0 },
    v: { mantissa: BigInt(i + 1), exponent: 0 },
  }));
}

export function signCapture(
  key: SecretKey,
  fields: {
    readonly chainId: string;
    readonly captureSeq: number;
    readonly document: Uint8Array;
    readonly vendor?: Uint8Array;
  },
): SignedSubmission {
  const { chainId, captureSeq, document, vendor = addressOf(key) } = fields;
  const { head, slices, tail } = splitDocument(document);
  const parts = [head, ...slices, tail];
  const payload = encode(capture, {
    chainId,
    vendor,
    captureSeq,
    contentType: "application/ld+json",
    slicesRoot: computeSlicesRoot(sodiumCrypto, parts),
    sliceCount: parts.length,
    sizeBytes: document.length,
  });
  return finish(signStatement(createNativeSigner(key), "capture", payload), parts);
}

/** Approvals of one action by these operators. */
export function approve(
  operators: readonly SecretKey[],
  action: {
    readonly chainId: string;
    readonly name: string;
    readonly body: CborValue;
    readonly expiryMs: number;
  },
): Uint8Array[] {
  const { chainId, name, body, expiryMs } = action;
  const actionHash = hashAction(sodiumCrypto, chainId, name, body);
  return operators.map((key) => signApproval(createNativeSigner(key), { chainId, actionHash, expiryMs }));
}

/** Registers a device for `vendor`, with the device's consent. */
export function makeRegistration(
  chainId: string,
  vendor: Uint8Array,
  device: SecretKey,
  expiryMs: number,
): Message {
  const key = { alg: device.alg, bytes: device.publicKey };
  const registration = { key, model: "thermometer", capabilities: [], creditsPerDayMax: null };
  const [consent] = approve([device], {
    chainId,
    name: "identity.register-device",
    body: registrationAction(vendor, registration),
    expiryMs,
  });
  return { type: "identity.register-device", body: { ...registration, consent: consent! } };
}
