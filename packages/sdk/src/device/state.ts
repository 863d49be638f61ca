/** What a device must not forget: its place in its stream, and the collections that are not yet safe elsewhere. */
import { address, digest } from "@lhg/protocol/core/account";
import { ZERO32 } from "@lhg/protocol/core/bytes";
import {
  array,
  bytes,
  decode,
  encode,
  type Infer,
  nullable,
  record,
  text,
  uint,
} from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { chainId } from "@lhg/protocol/core/statement/transaction";

const UINT32_MAX = 0xffffffff;
const SUBMISSION_BYTES_MAX = (1 << 20) + 64;

/** A signed collection as it was or will be sent. */
const kept = record(undefined, {
  seq: uint(UINT32_MAX),
  id: digest,
  bytes: bytes({ min: 1, max: SUBMISSION_BYTES_MAX }),
});
export type KeptCollection = Infer<typeof kept>;

export const deviceState = record(1, {
  chainId,
  device: address,
  stream: uint(UINT32_MAX),
  /** The last signed collection; 0 and zeros before the first. */
  headSeq: uint(UINT32_MAX),
  headId: digest,
  /** Up to here collections may have reached a node. */
  attemptedSeq: uint(UINT32_MAX),
  /** Up to here a node has confirmed that they are durable. */
  acknowledgedSeq: uint(UINT32_MAX),
  /** Code for which the chain refused the stream for good. */
  blocked: nullable(text({ min: 1, max: 64 })),
  /** Ascending by seq: all that is not acknowledged, and of the rest the latest, to fill gaps with. */
  kept: array(kept, { max: 65_536 }),
});
export type DeviceState = Infer<typeof deviceState>;

/** Where the state lives. What `save` was given must survive a power cut once it resolves, in whole or not at all. */
export interface DeviceStore {
  /** What was saved last; undefined on a device that never saved. */
  load(): Promise<Uint8Array | undefined>;
  save(state: Uint8Array): Promise<void>;
}

export type StreamPlace = Pick<DeviceState, "chainId" | "device" | "stream">;

export function emptyState(place: StreamPlace): DeviceState {
  return {
    ...place,
    headSeq: 0,
    headId: ZERO32,
    attemptedSeq: 0,
    acknowledgedSeq: 0,
    blocked: null,
    kept: [],
  };
}

export function encodeState(state: DeviceState): Uint8Array {
  return encode(deviceState, state, "state");
}

/** Throws `cbor.*` or `value.*` for damaged bytes: going on with a guess could sign a sequence twice. */
export function decodeState(stored: Uint8Array): DeviceState {
  const state = decode(deviceState, stored, "state");
  const { headSeq, attemptedSeq, acknowledgedSeq } = state;
  let above = headSeq + 1;
  for (const { seq } of state.kept.toReversed()) {
    if (seq !== above - 1) throw damaged("state.kept");
    above = seq;
  }
  if (acknowledgedSeq > attemptedSeq || attemptedSeq > headSeq) throw damaged("state.attemptedSeq");
  if (acknowledgedSeq < headSeq && (state.kept[0]?.seq ?? Infinity) > acknowledgedSeq + 1)
    throw damaged("state.kept");
  return state;
}

function damaged(field: string): LhgError {
  return new LhgError("device.state-damaged", "contradicts the rest of the state", field);
}
