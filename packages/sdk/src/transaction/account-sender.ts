/** Sends transactions of one account in order, counting nonces here and asking the chain only where it must. */
import type { Address } from "@lhg/protocol/core/account";
import type { Signer } from "@lhg/protocol/core/cose";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Parameters } from "@lhg/protocol/core/parameters";
import type { Message } from "@lhg/protocol/ledger";
import { buildTransaction, type SignedTransaction } from "./build.ts";

export interface AccountSenderOptions {
  readonly chainId: string;
  readonly signer: Signer;
  readonly sender?: Address;
  readonly payer?: Address;
  readonly parameters: Parameters;
  readonly gasPrice?: bigint;
  /** How long a transaction may wait; at most the chain's `transactionLifetimeMsMax`. Default 10 minutes. */
  readonly lifetimeMs?: number;
  /** Chain time, or a clock near to it, in milliseconds. */
  readonly nowMs: () => number;
  /** The next nonce that the chain expects of the account, what is pending included. */
  readonly fetchNonce: () => Promise<number>;
  /** Resolves when the statement is durable at a node; rejects with the code of the refusal. */
  readonly submit: (signed: SignedTransaction) => Promise<unknown>;
  readonly crypto?: Crypto;
}

export interface AccountSender {
  /** Signs and submits. Calls may overlap: they leave in the order in which they came. */
  send(messages: readonly Message[]): Promise<SignedTransaction>;
}

const DEFAULT_LIFETIME_MS = 600_000;
const ATTEMPTS_MAX = 3;

export function createAccountSender(options: AccountSenderOptions): AccountSender {
  let nextNonce: number | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  async function sendNow(messages: readonly Message[]): Promise<SignedTransaction> {
    for (let attempt = 1; ; attempt++) {
      const nonce = nextNonce ?? (await options.fetchNonce());
      const signed = buildTransaction({
        ...options,
        nonce,
        messages,
        expiryMs: options.nowMs() + (options.lifetimeMs ?? DEFAULT_LIFETIME_MS),
      });
      // Whether a rejected statement took its nonce is the chain's to say, so the count is dropped until it is.
      nextNonce = undefined;
      try {
        await options.submit(signed);
        nextNonce = nonce + 1;
        return signed;
      } catch (error) {
        if (!isNonceError(error) || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  return {
    send: (messages) => {
      const sent = queue.then(() => sendNow(messages));
      // A rejection belongs to its caller and must not stop those who wait behind.
      queue = sent.catch(() => {});
      return sent;
    },
  };
}

function isNonceError(error: unknown): boolean {
  return error instanceof LhgError && error.code.startsWith("transaction.nonce-");
}
