/** Our end of the stream that we opened to a peer: questions out, answers in. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Stream } from "@libp2p/interface";
import { CANCELLED_BYTES_MAX, QUESTION_BYTES_MAX, QUESTIONS_OPEN_MAX } from "./bounds.ts";
import { createFrameWriter } from "./frame-writer.ts";
import type { AskLimits } from "./network.ts";
import {
  createServerFrameDecoder,
  encodeAskerFrame,
  isQuestionName,
  type ServerFrame,
} from "./question-frames.ts";

/** What a stream tells of its peer. */
export interface StreamHooks {
  /** Bytes came: the peer lives. */
  readonly heard: () => void;
  /** Frames came; false where they are too many, and the stream is at its end. */
  readonly mayTake: (frames: number) => boolean;
  /** The peer did what no honest one does: it is scored, and the connection closed. */
  readonly fault: (reason: string, detail: string) => void;
  /** Scored, and nothing else. */
  readonly penalise: (reason: string) => void;
}

export interface Asker {
  ask(question: string, body: Uint8Array, limits: AskLimits): Promise<Uint8Array>;
  /** Sends a ping. */
  ping(): void;
  /** How often in a row a frame was not whole yet, or ours were not taken. */
  tick(): number;
  /** Every open question ends with `peer.gone`. */
  close(): void;
}

interface OpenQuestion {
  readonly chunks: Uint8Array[];
  readonly answerBytesMax: number;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: LhgError) => void;
  readonly timer: NodeJS.Timeout;
  answerBytes: number;
}

const REMEMBERED_MAX = 64;

export function createAsker(stream: Stream, hooks: StreamHooks): Asker {
  const open = new Map<number, OpenQuestion>();
  /** Called off by us, and may not have ended yet; with the bytes that came since. */
  const cancelled = new Map<number, number>();
  const decoder = createServerFrameDecoder();
  const writer = createFrameWriter(stream);
  let lastId = 0;
  let isClosed = false;
  let insideTicks = 0;
  let hasEnded = true;

  function settle(id: number): OpenQuestion | undefined {
    const question = open.get(id);
    open.delete(id);
    clearTimeout(question?.timer);
    return question;
  }

  function cancel(id: number, error: LhgError): void {
    settle(id)?.reject(error);
    cancelled.set(id, 0);
    if (cancelled.size > REMEMBERED_MAX) cancelled.delete(cancelled.keys().next().value!);
    if (!isClosed) writer.send(encodeAskerFrame({ type: "cancel", id }));
  }

  function takeBytes(frame: Extract<ServerFrame, { bytes: Uint8Array }>): void {
    const question = open.get(frame.id);
    if (question === undefined) {
      takeLate(frame.id, frame.bytes.length, frame.type === "last");
      return;
    }
    question.answerBytes += frame.bytes.length;
    if (question.answerBytes > question.answerBytesMax) {
      const error = new LhgError(
        "peer.answer-too-large",
        `is over ${question.answerBytesMax} bytes`,
        "answer",
      );
      cancel(frame.id, error);
      if (frame.type === "last") cancelled.delete(frame.id);
      hooks.penalise("peer.answer-too-large");
      return;
    }
    question.chunks.push(frame.bytes);
    if (frame.type === "last") settle(frame.id)?.resolve(joinChunks(question.chunks, question.answerBytes));
  }

  function takeLate(id: number, bytes: number, isEnd: boolean): void {
    const before = cancelled.get(id);
    if (before === undefined) hooks.fault("peer.malformed", "answers what nobody asked");
    else if (before + bytes > CANCELLED_BYTES_MAX) hooks.fault("peer.excessive", "goes on after a cancel");
    else if (isEnd) cancelled.delete(id);
    else cancelled.set(id, before + bytes);
  }

  function take(frame: ServerFrame): void {
    if (frame.type === "pong") return;
    if (frame.type !== "refusal") {
      takeBytes(frame);
      return;
    }
    if (!open.has(frame.id)) {
      takeLate(frame.id, 0, true);
      return;
    }
    const code = frame.kind === "busy" ? "peer.busy" : "peer.refused";
    settle(frame.id)?.reject(new LhgError(code, frame.reason, "peer"));
  }

  stream.addEventListener("message", (event) => {
    hooks.heard();
    try {
      for (const frame of decoder.push(event.data.subarray())) {
        hasEnded = true;
        take(frame);
        if (isClosed) return;
      }
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      hooks.fault(error.code, error.message);
    }
  });

  return {
    ask(question, body, { timeoutMs, answerBytesMax }) {
      if (isClosed) return Promise.reject(new LhgError("peer.gone", "is not connected", "peer"));
      if (!isQuestionName(question) || body.length > QUESTION_BYTES_MAX)
        return Promise.reject(new LhgError("peer.refused", "is no question that can be asked", "question"));
      if (open.size >= QUESTIONS_OPEN_MAX)
        return Promise.reject(new LhgError("peer.busy", `has ${open.size} of our questions open`, "peer"));
      lastId = (lastId % 0xffff_ffff) + 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          cancel(id, new LhgError("peer.timeout", `did not answer within ${timeoutMs} ms`, "peer"));
        }, timeoutMs);
        open.set(id, { chunks: [], answerBytes: 0, answerBytesMax, resolve, reject, timer });
        const frame = encodeAskerFrame({ type: "question", id, name: question, body });
        if (!writer.send(frame))
          settle(id)?.reject(new LhgError("peer.busy", "does not take our questions", "peer"));
      });
    },
    ping: () => void writer.send(encodeAskerFrame({ type: "ping", id: 0 })),
    tick() {
      insideTicks = decoder.isInside() && !hasEnded ? insideTicks + 1 : 0;
      hasEnded = false;
      return Math.max(insideTicks, writer.tick());
    },
    close() {
      isClosed = true;
      for (const id of [...open.keys()])
        settle(id)?.reject(new LhgError("peer.gone", "has gone before it answered", "peer"));
    },
  };
}

function joinChunks(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
