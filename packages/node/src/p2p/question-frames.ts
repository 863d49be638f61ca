/** Frames of the question stream. The wire stands in README.md. */
import { decodeUtf8, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { CHUNK_BYTES, QUESTION_BYTES_MAX, QUESTION_NAME_BYTES_MAX, REASON_BYTES_MAX } from "./bounds.ts";
import { createByteQueue } from "./byte-queue.ts";

const QUESTION = 1;
const CANCEL = 2;
const PING = 3;
const CHUNK = 4;
const LAST = 5;
const REFUSAL = 6;
const PONG = 7;

const LENGTH_BYTES = 4;
/** Type and id. */
const HEAD_BYTES = 5;
const NAME = /^[a-z][a-z0-9.-]*$/;

export type AskerFrame =
  | { readonly type: "question"; readonly id: number; readonly name: string; readonly body: Uint8Array }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "ping"; readonly id: number };

export type ServerFrame =
  | { readonly type: "chunk" | "last"; readonly id: number; readonly bytes: Uint8Array }
  | {
      readonly type: "refusal";
      readonly id: number;
      readonly kind: "refused" | "busy";
      readonly reason: string;
    }
  | { readonly type: "pong"; readonly id: number };

/** A question whose body was longer than allowed: it was skipped, not kept. */
export interface SkippedQuestion {
  readonly type: "skipped";
  readonly id: number;
  readonly name: string;
}

export interface FrameDecoder<Frame> {
  /** The frames that end in these bytes. Throws `peer.malformed`; the stream means nothing from then on. */
  push(bytes: Uint8Array): Frame[];
  /** Whether a frame has begun and is not whole. */
  isInside(): boolean;
}

function malformed(message: string): LhgError {
  return new LhgError("peer.malformed", message, "frame");
}

function encodeFrame(type: number, id: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, HEAD_BYTES);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt8(type, LENGTH_BYTES);
  frame.writeUInt32BE(id, LENGTH_BYTES + 1);
  let offset = LENGTH_BYTES + HEAD_BYTES;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.length;
  }
  return frame;
}

export function encodeAskerFrame(frame: AskerFrame): Uint8Array {
  if (frame.type === "cancel") return encodeFrame(CANCEL, frame.id);
  if (frame.type === "ping") return encodeFrame(PING, frame.id);
  const name = encodeUtf8(frame.name);
  return encodeFrame(QUESTION, frame.id, Uint8Array.of(name.length), name, frame.body);
}

export function encodeServerFrame(frame: ServerFrame): Uint8Array {
  if (frame.type === "pong") return encodeFrame(PONG, frame.id);
  if (frame.type === "refusal") {
    const kind = Uint8Array.of(frame.kind === "busy" ? 1 : 0);
    return encodeFrame(REFUSAL, frame.id, kind, encodeReason(frame.reason));
  }
  return encodeFrame(frame.type === "last" ? LAST : CHUNK, frame.id, frame.bytes);
}

/** Cut to its bound, between characters. */
function encodeReason(reason: string): Uint8Array {
  const bytes = encodeUtf8(reason);
  if (bytes.length <= REASON_BYTES_MAX) return bytes;
  let end = REASON_BYTES_MAX;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

export function isQuestionName(name: string): boolean {
  return name.length <= QUESTION_NAME_BYTES_MAX && NAME.test(name);
}

/** `bodyBytesMax` is asked as soon as the name of a question is there; undefined where nobody answers it. */
export function createAskerFrameDecoder(
  bodyBytesMax: (name: string) => number | undefined,
): FrameDecoder<AskerFrame | SkippedQuestion> {
  type Next = Step<AskerFrame | SkippedQuestion>;
  const lengthMax = HEAD_BYTES + 1 + QUESTION_NAME_BYTES_MAX + QUESTION_BYTES_MAX;

  function readQuestion(id: number, name: string, bodyLength: number): Next {
    if (!isQuestionName(name)) throw malformed("has a name with characters of no name");
    const max = bodyBytesMax(name);
    if (max === undefined || bodyLength > max) return end({ type: "skipped", id, name }, bodyLength);
    return read(bodyLength, (body) => end({ type: "question", id, name, body }));
  }

  return createDecoder(lengthMax, (type, id, payloadLength): Next => {
    if (type === CANCEL || type === PING) {
      if (payloadLength !== 0) throw malformed("carries what it must not");
      return end({ type: type === CANCEL ? "cancel" : "ping", id });
    }
    if (type !== QUESTION) throw malformed("is of no type that an asker sends");
    if (payloadLength < 2) throw malformed("is too short for a question");
    return read(1, ([nameLength = 0]) => {
      if (nameLength === 0 || nameLength > QUESTION_NAME_BYTES_MAX || nameLength >= payloadLength)
        throw malformed("has a name of no length that there is");
      return read(nameLength, (name) =>
        readQuestion(id, Buffer.from(name).toString("latin1"), payloadLength - 1 - nameLength),
      );
    });
  });
}

export function createServerFrameDecoder(): FrameDecoder<ServerFrame> {
  return createDecoder(HEAD_BYTES + CHUNK_BYTES, (type, id, payloadLength): Step<ServerFrame> => {
    if (type === PONG) {
      if (payloadLength !== 0) throw malformed("carries what it must not");
      return end({ type: "pong", id });
    }
    if (type === CHUNK || type === LAST) {
      if (type === CHUNK && payloadLength === 0) throw malformed("is an empty chunk");
      return read(payloadLength, (bytes) => end({ type: type === LAST ? "last" : "chunk", id, bytes }));
    }
    if (type !== REFUSAL) throw malformed("is of no type that a server sends");
    if (payloadLength < 1 || payloadLength > 1 + REASON_BYTES_MAX)
      throw malformed("has a reason of no length that there is");
    return read(payloadLength, (payload) => {
      const kind = payload[0];
      if (kind !== 0 && kind !== 1) throw malformed("is a refusal of no kind");
      const reason = decodeReason(payload.subarray(1));
      return end({ type: "refusal", id, kind: kind === 1 ? "busy" : "refused", reason });
    });
  });
}

function decodeReason(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw malformed("has a reason that is no UTF-8");
  }
}

/** What comes next of a frame: so many bytes that are read, or its end, with so many behind it that nobody keeps. */
type Step<Frame> =
  | { readonly isEnd: false; readonly bytes: number; readonly next: (bytes: Uint8Array) => Step<Frame> }
  | { readonly isEnd: true; readonly frame: Frame; readonly skip: number };

function read<Frame>(bytes: number, next: (bytes: Uint8Array) => Step<Frame>): Step<Frame> {
  return { isEnd: false, bytes, next };
}

function end<Frame>(frame: Frame, skip = 0): Step<Frame> {
  return { isEnd: true, frame, skip };
}

function createDecoder<Frame>(
  lengthMax: number,
  open: (type: number, id: number, payloadLength: number) => Step<Frame>,
): FrameDecoder<Frame> {
  const start = read<Frame>(LENGTH_BYTES, (lengthBytes) => {
    const length = readUint32(lengthBytes, 0);
    if (length < HEAD_BYTES || length > lengthMax) throw malformed("has a length of no frame");
    return read(HEAD_BYTES, (head) => open(head[0]!, readUint32(head, 1), length - HEAD_BYTES));
  });
  const queue = createByteQueue();
  let step = start;
  let skip = 0;

  function drop(): void {
    const count = Math.min(skip, queue.length);
    queue.take(count);
    skip -= count;
  }

  return {
    push(bytes) {
      const frames: Frame[] = [];
      queue.push(bytes);
      drop();
      while (skip === 0) {
        if (step.isEnd) {
          frames.push(step.frame);
          skip = step.skip;
          step = start;
          drop();
        } else if (queue.length >= step.bytes) step = step.next(queue.take(step.bytes));
        else break;
      }
      return frames;
    },
    isInside: () => skip > 0 || step !== start || queue.length > 0,
  };
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
}
