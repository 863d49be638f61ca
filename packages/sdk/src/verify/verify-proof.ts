/** Any proof of a chain, by what its bytes say it is. */
import type { Crypto } from "@lhg/protocol/core/crypto";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { nobleCrypto } from "../crypto/noble.ts";
import type { Refused } from "./verdict.ts";
import { type ReceiptVerdict, verifyReceipt } from "./verify-receipt.ts";
import { type TraceVerdict, verifyTrace } from "./verify-trace.ts";
import { type ValueVerdict, verifyValue } from "./verify-value.ts";

export type ProofVerdict =
  | { readonly proof: "receipt"; readonly verdict: ReceiptVerdict | Refused }
  | { readonly proof: "trace"; readonly verdict: TraceVerdict | Refused }
  | { readonly proof: "value"; readonly verdict: ValueVerdict | Refused }
  | { readonly proof: "unknown"; readonly verdict: Refused };

/** First byte: a CBOR array of as many elements as the record has, its version included. */
const RECEIPT_START = 0x87;
const TRACE_START = 0x88;
const VALUE_START = 0x85;

/** Never throws. */
export function verifyProof(bytes: Uint8Array, trust: Trust, crypto: Crypto = nobleCrypto): ProofVerdict {
  switch (bytes[0]) {
    case RECEIPT_START:
      return { proof: "receipt", verdict: verifyReceipt(bytes, trust, crypto) };
    case TRACE_START:
      return { proof: "trace", verdict: verifyTrace(bytes, trust, { crypto }) };
    case VALUE_START:
      return { proof: "value", verdict: verifyValue(bytes, trust, crypto) };
    default: {
      const message = "is neither a receipt, a trace nor a proof of a value";
      return { proof: "unknown", verdict: { ok: false, code: "proof.kind", field: "", message } };
    }
  }
}
