import { address } from "../account.ts";
import { array, type Codec, record, text, uint, uint64 } from "../codec/definition.ts";

export const CHAIN_ID_MAX = 50;
export const chainId: Codec<string> = text({ min: 1, max: CHAIN_ID_MAX, pattern: /^[a-z][a-z0-9-]*$/ });

export const MESSAGES_MAX = 64;

/** `[1, chainId, sender, payer, nonce, gasLimit, gasPrice, expiryMs, messages]`; messages are atomic together. */
export function defineTransaction<M>(message: Codec<M>) {
  return record(1, {
    chainId,
    sender: address,
    payer: address,
    nonce: uint(),
    gasLimit: uint(),
    gasPrice: uint64,
    expiryMs: uint(),
    messages: array(message, { min: 1, max: MESSAGES_MAX }),
  });
}
