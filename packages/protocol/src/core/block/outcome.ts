import { digest } from "../account.ts";
import { compareBytes } from "../bytes.ts";
import { encode, type Infer, record, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";
import { type Notice, notice } from "../notice.ts";

/** What became of an admitted statement: a leaf of its partition's outcomes log. */
export const outcome = record(undefined, {
  id: digest,
  statementLeafHash: digest,
  status: uint(0xffff),
  gasUsed: uint(),
  noticesRoot: digest,
  touchedRoot: digest,
});
export type Outcome = Infer<typeof outcome>;

export function computeNoticesRoot(hasher: Pick<Hasher, "sha256">, notices: readonly Notice[]): Uint8Array {
  return logRoot(
    hasher,
    notices.map((entry) => hashLeaf(hasher, encode(notice, entry))),
  );
}

/** RFC 9162 root over the touched item keys, sorted and each once. */
export function computeTouchedRoot(hasher: Pick<Hasher, "sha256">, keys: readonly Uint8Array[]): Uint8Array {
  return logRoot(
    hasher,
    sortTouched(keys).map((key) => hashLeaf(hasher, key)),
  );
}

export function sortTouched(keys: readonly Uint8Array[]): Uint8Array[] {
  const sorted = [...keys].sort(compareBytes);
  return sorted.filter((key, i) => i === 0 || compareBytes(sorted[i - 1]!, key) !== 0);
}
