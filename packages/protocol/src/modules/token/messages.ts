import { address } from "../../core/account.ts";
import { record, uint, uint64 } from "../../core/codec/definition.ts";

export const TOKEN_MODULE = 1;
export const tokenMessages = {
  "token.transfer": { tag: [TOKEN_MODULE, 1], codec: record(undefined, { to: address, amount: uint64 }) },
  /** Lets `spender` have its fees paid by the sender: at most `limit` in all, until `expiryMs`. 0 ends it. */
  "token.allow-fees": {
    tag: [TOKEN_MODULE, 2],
    codec: record(undefined, { spender: address, limit: uint64, expiryMs: uint() }),
  },
  /** Buys prepaid credit for a vendor's devices and captures. */
  "token.buy-credit": {
    tag: [TOKEN_MODULE, 3],
    codec: record(undefined, { vendor: address, credits: uint() }),
  },
} as const;
