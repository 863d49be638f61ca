/** Checks a receipt in the browser: loaded when somebody asks for it, for it brings the cryptography. */
import { decode } from "@lhg/protocol/core/codec/definition";
import { receipt } from "@lhg/protocol/core/proof/receipt";
import type { Refused } from "@lhg/sdk/verify/verdict";
import { type ReceiptVerdict, verifyReceipt } from "@lhg/sdk/verify/verify-receipt";
import { client } from "../../node/client.ts";
import { keepVouched, readPin, toPinned } from "../../verify/pin.ts";
import { readTrust, readVouched } from "../../verify/read-trust.ts";

export interface ReceiptAnswer {
  readonly verdict: ReceiptVerdict | Refused;
  /** False: the node serves another chain than this browser knows. */
  readonly isKnownChain: boolean;
}

/** Rejects with what the client throws; a proof that does not hold is an answer. */
export async function checkReceipt(id: string): Promise<ReceiptAnswer> {
  const [{ pin, isSame }, { bytes }] = await Promise.all([readPin(), client.getReceipt(id)]);
  const verdict = verifyReceipt(bytes, readTrust(toPinned(pin)));
  // A receipt that holds, of another statement, proves nothing of this one.
  if (verdict.ok && verdict.statementId !== id)
    return {
      verdict: { ok: false, code: "receipt.other", field: "id", message: "it is of another statement" },
      isKnownChain: isSame,
    };
  if (verdict.ok) keepVouched(pin.chainId, readVouched(verdict, decode(receipt, bytes, "receipt").anchor));
  return { verdict, isKnownChain: isSame };
}
