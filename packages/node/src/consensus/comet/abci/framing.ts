/**
 * How ABCI messages follow each other on a socket (CometBFT v0.39 spec/abci/abci++_client_server.md): the length as an unsigned LEB128
 * varint, then the message.
 */
import { LhgError } from "@lhg/protocol/core/errors";
import { createByteQueue } from "../../../p2p/byte-queue.ts";

/** What the engine's own reader takes at most. */
export const FRAME_BYTES_LIMIT = 2 ** 31 - 1;
/** Of the length of a frame of that limit. */
const VARINT_BYTES_MAX = 5;

export interface FrameReader {
  /** Keeps the bytes: nobody writes to them afterwards. */
  push(chunk: Uint8Array): void;
  /** The next message, if it is whole. Throws `abci.frame`; nothing can be read after that. */
  next(): Uint8Array | undefined;
  /** Something was pushed and not given out. */
  readonly isUnfinished: boolean;
}

/** Messages in one chunk are views of it; one that is spread over chunks is copied once. */
export function createFrameReader(frameBytesMax: number): FrameReader {
  const queue = createByteQueue();
  /** Of the message whose length was read. */
  let length: number | undefined;

  /** Undefined while the length is not whole. */
  function readLength(): number | undefined {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (i === queue.length) return undefined;
      const byte = queue.at(i);
      // 35 bits: no shift of 32-bit integers.
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (value > frameBytesMax)
        throw malformed(`a message has at most ${frameBytesMax} bytes, not ${value} or more`);
      if (byte > 0x7f) continue;
      if (byte === 0 && i > 0) throw malformed("the length is not in its shortest form");
      queue.take(i + 1);
      return value;
    }
    throw malformed("the length has too many bytes");
  }

  return {
    get isUnfinished() {
      return length !== undefined || queue.length > 0;
    },
    push: queue.push,
    next() {
      length ??= readLength();
      if (length === undefined || queue.length < length) return undefined;
      const message = queue.take(length);
      length = undefined;
      return message;
    },
  };
}

export function encodeFrame(message: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = message.length;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  length.push(rest);
  const frame = new Uint8Array(length.length + message.length);
  frame.set(length);
  frame.set(message, length.length);
  return frame;
}

function malformed(message: string): LhgError {
  return new LhgError("abci.frame", message, "frame");
}
