/** Transactions from messages: gas computed by the chain's own rule, signed, ready to submit. */
import { type Address, deriveAddress } from "@lhg/protocol/core/account";
import { type Signer, signStatement } from "@lhg/protocol/core/cose";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { assertInvariant } from "@lhg/protocol/core/errors";
import type { Parameters } from "@lhg/protocol/core/parameters";
import { encodeTransaction, type Message, type Transaction } from "@lhg/protocol/ledger";
import { computeFeeLimit, computeGas, prepareStatement } from "@lhg/protocol/statements";
import { nobleCrypto } from "../crypto/noble.ts";
import { type SignedStatement, signSubmission } from "./signed-statement.ts";

export interface TransactionRequest {
  readonly chainId: string;
  readonly signer: Signer;
  /** The account that acts; by default the address of the signer's key. */
  readonly sender?: Address;
  /** Who pays the fee; by default the sender. Another account must allow it (`token.allow-fees`). */
  readonly payer?: Address;
  readonly nonce: number;
  readonly messages: readonly Message[];
  /** Rules in force on the chain, of which gas is computed. */
  readonly parameters: Parameters;
  /** Smallest units of LHG per unit of gas; by default the least that the chain takes. */
  readonly gasPrice?: bigint;
  /** Milliseconds since 1970, in chain time. */
  readonly expiryMs: number;
  readonly crypto?: Crypto;
}

export interface SignedTransaction extends SignedStatement {
  readonly transaction: Transaction;
  /** Most that it can cost, in smallest units. */
  readonly feeLimit: bigint;
}

/**
 * Builds and signs a transaction. Throws `value.*` naming the field where a message does not fit its definition,
 * and what the signer throws.
 */
export function buildTransaction(request: TransactionRequest): SignedTransaction {
  const { signer, parameters, crypto = nobleCrypto } = request;
  const sender = request.sender ?? deriveAddress(crypto, signer.publicKey);
  const draft: Transaction = {
    chainId: request.chainId,
    sender,
    payer: request.payer ?? sender,
    nonce: request.nonce,
    gasLimit: 0,
    gasPrice: request.gasPrice ?? parameters.gasPriceMin,
    expiryMs: request.expiryMs,
    messages: request.messages,
  };
  const transaction = { ...draft, gasLimit: computeGasLimit(crypto, signer, parameters, draft) };
  const signed = signSubmission(crypto, signer, "transaction", encodeTransaction(transaction));
  return { ...signed, transaction, feeLimit: computeFeeLimit(transaction) };
}

const NO_SIGNATURE = new Uint8Array(64);
const GAS_ROUNDS_MAX = 8;

/**
 * The least gas limit that covers the transaction. The limit stands in the bytes that are paid for, so it is computed
 * again until it covers its own length; an integer grows by at most 8 bytes, so a few rounds do.
 */
function computeGasLimit(crypto: Crypto, signer: Signer, parameters: Parameters, draft: Transaction): number {
  const unsigned: Signer = { publicKey: signer.publicKey, sign: () => NO_SIGNATURE };
  let gasLimit = 0;
  for (let round = 0; round < GAS_ROUNDS_MAX; round++) {
    const payload = encodeTransaction({ ...draft, gasLimit });
    const statement = signStatement(unsigned, "transaction", payload);
    const prepared = prepareStatement(crypto, { statement, body: null });
    assertInvariant(prepared.kind === "transaction", "a transaction was encoded");
    const needed = computeGas(parameters, prepared);
    if (needed <= gasLimit) return gasLimit;
    gasLimit = needed;
  }
  return gasLimit;
}
