import { address, digest } from "../account.ts";
import { array, byteView, type Codec, type Infer, record, text, uint } from "../codec/definition.ts";
import type { Hasher } from "../crypto.ts";
import { hashLeaf, logRoot } from "../merkle/log.ts";
import { chainId } from "./transaction.ts";

const SLICES_MAX = 100_002;

/**
 * `[1, chainId, vendor, captureSeq, contentType, slicesRoot, sliceCount, sizeBytes]`; the document travels detached.
 * The count is signed because an inclusion path binds no size: without it a slice could be shown at another place.
 */
export const capture = record(1, {
  chainId,
  vendor: address,
  captureSeq: uint(),
  contentType: text({ min: 1, max: 128 }),
  slicesRoot: digest,
  /** Head, events and tail. */
  sliceCount: uint(SLICES_MAX),
  sizeBytes: uint(),
});
export type Capture = Infer<typeof capture>;

/** Head, one slice per event, tail; their concatenation is the captured document. */
export const slices: Codec<readonly Uint8Array[]> = array(byteView({ max: 16 << 20 }), {
  min: 3,
  max: SLICES_MAX,
});

/** RFC 9162 root over the slices: leaf 0 is the head, leaf i + 1 event i, the last leaf the tail. */
export function computeSlicesRoot(hasher: Pick<Hasher, "sha256">, parts: readonly Uint8Array[]): Uint8Array {
  return logRoot(
    hasher,
    parts.map((part) => hashLeaf(hasher, part)),
  );
}
