/** Writes frames to a question stream: small ones first, answers in chunks by turns, nothing while the peer does not take it. */
import type { Stream } from "@libp2p/interface";
import { CHUNK_BYTES, CONTROL_FRAMES_MAX } from "./bounds.ts";
import { encodeServerFrame } from "./question-frames.ts";

export interface FrameWriter {
  /** False where too many wait already: the peer does not read what it asks for. */
  send(frame: Uint8Array): boolean;
  sendAnswer(id: number, answer: Uint8Array): void;
  cancelAnswer(id: number): void;
  /** Of answers that wait. */
  answerBytes(): number;
  /** How often in a row nothing had been taken although something waited. */
  tick(): number;
}

interface Answer {
  readonly id: number;
  readonly bytes: Uint8Array;
  offset: number;
}

export function createFrameWriter(stream: Stream): FrameWriter {
  const frames: Uint8Array[] = [];
  let answers: Answer[] = [];
  let answerBytes = 0;
  let hasMoved = true;
  let stalledTicks = 0;

  function next(): Uint8Array | undefined {
    const frame = frames.shift();
    if (frame !== undefined) return frame;
    const answer = answers.shift();
    if (answer === undefined) return undefined;
    const bytes = answer.bytes.subarray(answer.offset, answer.offset + CHUNK_BYTES);
    answer.offset += bytes.length;
    answerBytes -= bytes.length;
    const isLast = answer.offset === answer.bytes.length;
    if (!isLast) answers.push(answer);
    return encodeServerFrame({ type: isLast ? "last" : "chunk", id: answer.id, bytes });
  }

  function pump(): void {
    while (stream.writeStatus === "writable" && !stream.writableNeedsDrain) {
      const frame = next();
      if (frame === undefined) return;
      hasMoved = true;
      try {
        stream.send(frame);
      } catch (error) {
        // The connection closed under it. Whoever waits hears of that by the event.
        stream.abort(error as Error);
        return;
      }
    }
  }

  stream.addEventListener("drain", () => {
    hasMoved = true;
    pump();
  });

  return {
    send(frame) {
      if (frames.length >= CONTROL_FRAMES_MAX) return false;
      frames.push(frame);
      pump();
      return true;
    },
    sendAnswer(id, bytes) {
      answers.push({ id, bytes, offset: 0 });
      answerBytes += bytes.length;
      pump();
    },
    cancelAnswer(id) {
      for (const answer of answers) if (answer.id === id) answerBytes -= answer.bytes.length - answer.offset;
      answers = answers.filter((answer) => answer.id !== id);
    },
    answerBytes: () => answerBytes,
    tick() {
      const waits = frames.length > 0 || answers.length > 0 || stream.writeBufferLength > 0;
      stalledTicks = waits && !hasMoved ? stalledTicks + 1 : 0;
      hasMoved = false;
      return stalledTicks;
    },
  };
}
