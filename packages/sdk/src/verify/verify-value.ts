/** Proofs of what a key of the state holds, or that it holds nothing, checked offline. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Crypto } from "@lhg/protocol/core/crypto";
import type { Trust } from "@lhg/protocol/core/proof/anchor";
import { verifyValue as verifyValueProof } from "@lhg/protocol/core/proof/receipt";
import { nobleCrypto } from "../crypto/noble.ts";
import { describeAnchor, judge, type Proven, type Refused, readAnchor } from "./verdict.ts";

export interface ValueVerdict extends Proven {
  /** Hex of the state key: CBOR of `[module, kind, ...]`. */
  readonly key: string;
  /** Hex of the encoded record; null: the key is proven to hold nothing. */
  readonly value: string | null;
}

/** Never throws: what is wrong stands in the verdict, with code and field. */
export function verifyValue(
  proof: Uint8Array,
  trust: Trust,
  crypto: Crypto = nobleCrypto,
): ValueVerdict | Refused {
  return judge(() => {
    const { subject, anchor } = verifyValueProof(crypto, trust, proof);
    const base = describeAnchor(readAnchor(anchor));
    const value = subject.value === null ? null : toHex(subject.value);
    const text =
      value === null
        ? `At header ${base.height} the state holds nothing under this key.`
        : `At header ${base.height} the state holds exactly this under this key.`;
    return {
      ...base,
      key: toHex(subject.key),
      value,
      proven: [{ what: value === null ? "value.absent" : "value.present", text }],
      claimed: [],
    };
  });
}
