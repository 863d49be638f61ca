import { address, digest } from "../../core/account.ts";
import { type Infer, record, uint } from "../../core/codec/definition.ts";
import { chainId } from "../../core/statement/transaction.ts";
import { senmlPack } from "../../senml/record.ts";

export const COLLECTION_MODULE = 5;
const UINT32_MAX = 0xffffffff;

/** `[1, chainId, device, stream, seq, prevId, readings]`: a signed batch of readings of one device. */
export const collection = record(1, {
  chainId,
  device: address,
  stream: uint(UINT32_MAX),
  /** From 1 in every stream. */
  seq: uint(UINT32_MAX),
  /** Statement id of the predecessor in the stream; 32 zero bytes at its start. */
  prevId: digest,
  readings: senmlPack,
});
export type Collection = Infer<typeof collection>;

export const collectionMessages = {
  /** Opens a stream after the loss of a device's memory or key; names where the old one ended as far as known. */
  "collection.open-stream": {
    tag: [COLLECTION_MODULE, 1],
    codec: record(undefined, {
      device: address,
      stream: uint(UINT32_MAX),
      afterStream: uint(UINT32_MAX),
      lastId: digest,
    }),
  },
} as const;
