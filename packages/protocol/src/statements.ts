/** Statements before execution: decoding, what a statement is about, and whether it may enter. */
import type { Address } from "./core/account.ts";
import { getAccount, isKeyOf } from "./core/accounts.ts";
import { equalBytes } from "./core/bytes.ts";
import { decode } from "./core/codec/definition.ts";
import { computeStatementId, decodeSign1, type Sign1 } from "./core/cose.ts";
import type { Hasher } from "./core/crypto.ts";
import { LhgError } from "./core/errors.ts";
import { hashLeaf } from "./core/merkle/log.ts";
import { type AdmissionContext, postpone, refuse } from "./core/module.ts";
import type { Parameters } from "./core/parameters.ts";
import { BASE, type Partition, vendorPartition } from "./core/state/partition.ts";
import { type Capture, capture } from "./core/statement/capture.ts";
import type { Submission } from "./core/statement/submission.ts";
import { countApprovals, type Transaction, transaction } from "./ledger.ts";
import { admitCollection } from "./modules/collection/collection.ts";
import { type Collection, collection } from "./modules/collection/messages.ts";
import { getDevice } from "./modules/identity/devices.ts";
import { getFeeAllowance } from "./modules/token/token.ts";
import { admitCapture, checkCaptureBody } from "./modules/trace/capture.ts";

interface PreparedBase {
  readonly submission: Submission;
  readonly sign1: Sign1;
  /** SHA-256 of the to-be-signed bytes. */
  readonly id: Uint8Array;
  /** RFC 9162 leaf hash of the COSE bytes. */
  readonly leafHash: Uint8Array;
  /** Statement and slices, in bytes. */
  readonly sizeBytes: number;
}

/** A statement decoded once, as everything after needs it. */
export type PreparedStatement = PreparedBase &
  (
    | { readonly kind: "transaction"; readonly payload: Transaction }
    | { readonly kind: "collection"; readonly payload: Collection }
    | { readonly kind: "capture"; readonly payload: Capture }
  );

/** Decodes a submission. Throws `cbor.*`, `cose.*`, `value.*` or `statement.*` naming the field. */
export function prepareStatement(hasher: Pick<Hasher, "sha256">, submission: Submission): PreparedStatement {
  const sign1 = decodeSign1(submission.statement);
  let sizeBytes = sign1.bytes.length;
  for (const slice of submission.body ?? []) sizeBytes += slice.length;
  const base = {
    submission,
    sign1,
    id: computeStatementId(hasher, sign1),
    leafHash: hashLeaf(hasher, sign1.bytes),
    sizeBytes,
  };
  if (sign1.kind !== "capture" && submission.body !== null)
    throw new LhgError("statement.body", "only captures have a body", "body");
  switch (sign1.kind) {
    case "transaction":
      return { ...base, kind: "transaction", payload: decode(transaction, sign1.payload, "transaction") };
    case "collection":
      return { ...base, kind: "collection", payload: decode(collection, sign1.payload, "collection") };
    case "capture": {
      const payload = decode(capture, sign1.payload, "capture");
      checkCaptureBody(hasher, payload, submission.body);
      return { ...base, kind: "capture", payload };
    }
    default:
      throw new LhgError("statement.kind", `${sign1.kind} is no statement of its own`, "statement");
  }
}

/** The partition whose logs a statement joins: its vendor's for collections and captures, else base. */
export function homeOf(
  context: Pick<AdmissionContext, "state">,
  statement: PreparedStatement,
): Partition | undefined {
  if (statement.kind === "transaction") return BASE;
  const vendor =
    statement.kind === "capture"
      ? statement.payload.vendor
      : getDevice(context.state, statement.payload.device)?.vendor;
  return vendor === undefined ? undefined : vendorPartition(vendor);
}

export function computeGas(
  parameters: Parameters,
  statement: PreparedStatement & { kind: "transaction" },
): number {
  const { messages } = statement.payload;
  const approvals = messages.reduce((sum, entry) => sum + countApprovals(entry), 0);
  return (
    parameters.gasPerTransaction +
    parameters.gasPerByte * statement.sizeBytes +
    parameters.gasPerMessage * messages.length +
    parameters.gasPerApproval * approvals
  );
}

/** Most a transaction can cost: what must be covered before it enters. */
export function computeFeeLimit({ gasLimit, gasPrice }: Pick<Transaction, "gasLimit" | "gasPrice">): bigint {
  return BigInt(gasLimit) * gasPrice;
}

/**
 * Judges a statement against the state just before it, all but its signature. Throws Inadmissible; a
 * refused statement has no outcome, no log entry and no fee.
 */
export function admitStatement(context: AdmissionContext, statement: PreparedStatement): void {
  const { sign1, id, submission } = statement;
  if (statement.kind === "transaction") admitTransaction(context, statement);
  else if (statement.kind === "collection") admitCollection(context, sign1, statement.payload, id);
  else admitCapture(context, sign1, statement.payload, submission.body!);
}

function admitTransaction(
  context: AdmissionContext,
  statement: PreparedStatement & { kind: "transaction" },
): void {
  const { payload, sign1, sizeBytes } = statement;
  const { state, parameters, timeMs } = context;
  if (payload.chainId !== context.chainId)
    refuse("statement.chain", "is for another chain", "transaction.chainId");
  if (sizeBytes > parameters.transactionSizeBytesMax)
    refuse("statement.oversize", `must be at most ${parameters.transactionSizeBytesMax} bytes`, "statement");
  if (payload.expiryMs <= timeMs)
    refuse("statement.expired", `expired; chain time is ${timeMs}`, "transaction.expiryMs");
  if (payload.expiryMs > timeMs + parameters.transactionLifetimeMsMax)
    refuse(
      "statement.lifetime",
      `may live at most ${parameters.transactionLifetimeMsMax} ms`,
      "transaction.expiryMs",
    );
  if (payload.gasPrice < parameters.gasPriceMin)
    refuse("transaction.gas-price", `must be at least ${parameters.gasPriceMin}`, "transaction.gasPrice");
  // Gas is known before execution: what does not pay for itself must not take room, order or storage.
  const gas = computeGas(parameters, statement);
  if (payload.gasLimit < gas)
    refuse("transaction.gas-limit", `must be at least ${gas}, which it costs`, "transaction.gasLimit");
  const sender = getAccount(state, payload.sender);
  if (!isKeyOf(context.hasher, payload.sender, sender, sign1.key))
    refuse("statement.key", "is not the sender's key", "statement.protected.kid");
  if (payload.nonce < sender.nonce)
    refuse("transaction.nonce-used", `is used; the next is ${sender.nonce}`, "transaction.nonce");
  if (payload.nonce > sender.nonce)
    postpone("transaction.nonce-gap", `the next is ${sender.nonce}`, "transaction.nonce");
  admitFee(context, payload);
}

function admitFee({ state, timeMs }: AdmissionContext, payload: Transaction): void {
  const fee = computeFeeLimit(payload);
  if (getAccount(state, payload.payer).balance < fee)
    postpone("transaction.fee-uncovered", `the payer's balance does not cover ${fee}`, "transaction.payer");
  if (equalBytes(payload.payer, payload.sender)) return;
  const allowance = getFeeAllowance(state, payload.payer, payload.sender);
  if (allowance === undefined || allowance.expiryMs <= timeMs)
    refuse("transaction.payer", "the payer allows the sender no fees", "transaction.payer");
  if (allowance.limit < fee)
    postpone("transaction.payer", `the payer allows ${allowance.limit} more`, "transaction.payer");
}

/** Whose order a statement stands in and which place it has there: what a mempool sorts by. */
export interface Lane {
  readonly account: Address;
  /** Streams of a device are lanes of their own; else 0. */
  readonly stream: number;
  readonly sequence: number;
}

export function laneOf(statement: PreparedStatement): Lane {
  switch (statement.kind) {
    case "transaction":
      return { account: statement.payload.sender, stream: 0, sequence: statement.payload.nonce };
    case "collection":
      return {
        account: statement.payload.device,
        stream: statement.payload.stream + 1,
        sequence: statement.payload.seq,
      };
    case "capture":
      return {
        account: statement.payload.vendor,
        stream: 0x100000001,
        sequence: statement.payload.captureSeq,
      };
  }
}
