/** What a key of the chain's own state holds, proven by the value proof of that very key. */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { type Codec, decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { valueProof } from "@lhg/protocol/core/proof/receipt";
import { judge, type Refused } from "@lhg/sdk/verify/verdict";
import { type ValueVerdict, verifyValue } from "@lhg/sdk/verify/verify-value";
import type { Vouched } from "./messages.ts";
import { readVouched } from "./read-trust.ts";

export interface ProvenRecord<T> {
  readonly ok: true;
  readonly verdict: ValueVerdict;
  /** Null: proven that the key holds nothing. */
  readonly record: T | null;
  readonly vouched: Vouched | undefined;
}

/** Never throws: `proof.missing` without a proof, `proof.key` for one of something else. */
export function proveRecord<T>(
  proof: Uint8Array | undefined,
  trust: Trust,
  key: Uint8Array,
  codec: Codec<T>,
): ProvenRecord<T> | Refused {
  return judge(() => {
    if (proof === undefined) throw new LhgError("proof.missing", "the node leaves it out", "proof");
    const verdict = verifyValue(proof, trust);
    if (!verdict.ok) return verdict;
    if (verdict.key !== toHex(key) || verdict.partition.kind !== "base")
      throw new LhgError("proof.key", "proves the value of another key", "proof");
    const record = verdict.value === null ? null : decode(codec, fromHex(verdict.value), "proof");
    const vouched = readVouched(verdict, decode(valueProof, proof, "proof").anchor);
    return { ok: true, verdict, record, vouched } as const;
  });
}
