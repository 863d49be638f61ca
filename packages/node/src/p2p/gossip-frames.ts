/**
 * Frames of gossipsub, looked at before gossipsub sees them: it tells nobody which peer sent garbage, and decodes whatever comes.
 * A frame is a varint of its length and a protobuf `RPC { repeated SubOpts subscriptions = 1; repeated Message publish = 2;
 * ControlMessage control = 3 }` with `Message { bytes data = 2; string topic = 4 }` (libp2p specifications, pubsub).
 */
import { LhgError } from "@lhg/protocol/core/errors";
import { createByteQueue } from "./byte-queue.ts";

export interface GossipFrame {
  /** With the length before it. */
  readonly bytes: Uint8Array;
  readonly messages: number;
}

export interface GossipFrameDecoder {
  /** The frames that end in these bytes. Throws `peer.malformed` or `peer.oversize`; the stream means nothing from then on. */
  push(bytes: Uint8Array): GossipFrame[];
  isInside(): boolean;
}

/** What stands around the data of a message: tags, lengths, topic; and what gossipsub adds of its own (grafts, ids of 20 bytes). */
const OVERHEAD_BYTES = 16 << 10;
/** An honest peer sends one at a time. */
const MESSAGES_MAX = 16;
const VARINT_BYTES_MAX = 4;
const LENGTH_DELIMITED = 2;

export function createGossipFrameDecoder(messageBytesMax: number): GossipFrameDecoder {
  const frameBytesMax = messageBytesMax + OVERHEAD_BYTES;
  const queue = createByteQueue();

  function readLength(): { readonly value: number; readonly bytes: number } | undefined {
    let value = 0;
    for (let i = 0; i < queue.length; i++) {
      if (i === VARINT_BYTES_MAX) throw new LhgError("peer.malformed", "has no length", "gossip");
      const byte = queue.at(i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return { value, bytes: i + 1 };
    }
    return undefined;
  }

  return {
    push(bytes) {
      const frames: GossipFrame[] = [];
      queue.push(bytes);
      for (;;) {
        const length = readLength();
        if (length === undefined) break;
        if (length.value > frameBytesMax)
          throw new LhgError("peer.oversize", `has ${length.value} bytes`, "gossip");
        if (queue.length < length.bytes + length.value) break;
        const frame = queue.take(length.bytes + length.value);
        frames.push({ bytes: frame, messages: countMessages(frame.subarray(length.bytes), messageBytesMax) });
      }
      return frames;
    },
    isInside: () => queue.length > 0,
  };
}

/** Throws where a frame is no RPC, or has a message that is too long or signed: ours carry their signatures in the data. */
function countMessages(rpc: Uint8Array, messageBytesMax: number): number {
  let messages = 0;
  let otherBytes = 0;
  for (const field of readFields(rpc)) {
    if (field.number < 1 || field.number > 3)
      throw new LhgError("peer.malformed", "has a field that no RPC has", "gossip");
    if (field.number !== 2) {
      otherBytes += field.bytes.length;
      if (otherBytes > OVERHEAD_BYTES) throw new LhgError("peer.oversize", "has too much control", "gossip");
      continue;
    }
    if (++messages > MESSAGES_MAX)
      throw new LhgError("peer.malformed", "has too many messages at once", "gossip");
    for (const part of readFields(field.bytes)) {
      if (part.number !== 2 && part.number !== 4)
        throw new LhgError("peer.malformed", "has a message with fields of a signed one", "gossip");
      if (part.number === 2 && part.bytes.length > messageBytesMax)
        throw new LhgError("peer.oversize", `has a message of ${part.bytes.length} bytes`, "gossip");
    }
  }
  return messages;
}

function* readFields(bytes: Uint8Array): Generator<{ readonly number: number; readonly bytes: Uint8Array }> {
  let offset = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = bytes[offset++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new LhgError("peer.malformed", "has no end", "gossip");
  };
  while (offset < bytes.length) {
    const tag = readVarint();
    if ((tag & 7) !== LENGTH_DELIMITED)
      throw new LhgError("peer.malformed", "has a field that no RPC has", "gossip");
    const length = readVarint();
    if (offset + length > bytes.length) throw new LhgError("peer.malformed", "has no end", "gossip");
    yield { number: tag >> 3, bytes: bytes.subarray(offset, offset + length) };
    offset += length;
  }
}
