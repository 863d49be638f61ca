/** Our end of the stream that a peer opened to us: questions in, answers out. */
import { InvariantError, LhgError } from "@lhg/protocol/core/errors";
import type { Stream } from "@libp2p/interface";
import type { StreamHooks } from "./asker.ts";
import { ANSWERS_BYTES_MAX, ANSWERS_BYTES_MAX_ALL, QUESTIONS_OPEN_MAX } from "./bounds.ts";
import { createFrameWriter } from "./frame-writer.ts";
import type { PeerId, ServeLimits } from "./network.ts";
import {
  type AskerFrame,
  createAskerFrameDecoder,
  encodeServerFrame,
  type SkippedQuestion,
} from "./question-frames.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";

export interface Served {
  readonly limits: ServeLimits;
  readonly answer: (body: Uint8Array, from: PeerId) => Promise<Uint8Array>;
}

export interface Answerer {
  tick(): number;
  /** Of answers that the peer has not taken yet. */
  pendingBytes(): number;
  close(): void;
}

export interface AnswererOptions {
  readonly peer: PeerId;
  readonly served: ReadonlyMap<string, Served>;
  /** By question; kept where the peer is, so that a new connection brings no new allowance. */
  readonly allowances: Map<string, TokenBucket>;
  readonly hooks: StreamHooks;
  /** Of answers that wait for any peer. */
  readonly pendingBytesOfAll: () => number;
  /** A handler failed by a fault of ours. */
  readonly onFailure: (question: string, error: unknown) => void;
}

export function createAnswerer(stream: Stream, options: AnswererOptions): Answerer {
  const { peer, served, allowances, hooks, pendingBytesOfAll, onFailure } = options;
  const decoder = createAskerFrameDecoder((name) => served.get(name)?.limits.requestBytesMax);
  const writer = createFrameWriter(stream);
  /** Handlers at work; false where the peer does not want to know any more. */
  const atWork = new Map<number, { wanted: boolean }>();
  let insideTicks = 0;
  let hasEnded = true;
  let isClosed = false;

  function send(frame: Uint8Array): void {
    if (isClosed || writer.send(frame)) return;
    hooks.fault("peer.stalled", "does not read our answers");
  }

  function refuse(id: number, kind: "refused" | "busy", reason: string): void {
    send(encodeServerFrame({ type: "refusal", id, kind, reason }));
  }

  function mayAsk(name: string, { perSecond }: ServeLimits): boolean {
    const allowance = allowances.get(name) ?? createTokenBucket(perSecond, Math.max(1, perSecond));
    allowances.set(name, allowance);
    return allowance.take(1);
  }

  async function answer(id: number, name: string, body: Uint8Array): Promise<void> {
    const { limits, answer: handle } = served.get(name)!;
    if (atWork.has(id)) {
      hooks.fault("peer.malformed", "asks twice under one number");
      return;
    }
    if (atWork.size >= QUESTIONS_OPEN_MAX) return refuse(id, "busy", "too many questions at once");
    if (!mayAsk(name, limits)) return refuse(id, "busy", `more than ${limits.perSecond} a second`);
    const work = { wanted: true };
    atWork.set(id, work);
    try {
      const bytes = await handle(body, peer);
      if (!work.wanted || isClosed) return;
      const isMuch = writer.answerBytes() + bytes.length > ANSWERS_BYTES_MAX;
      if (isMuch || pendingBytesOfAll() + bytes.length > ANSWERS_BYTES_MAX_ALL)
        refuse(id, "busy", "earlier answers are not taken yet");
      else writer.sendAnswer(id, bytes);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      if (!(error instanceof LhgError)) onFailure(name, error);
      if (work.wanted) refuse(id, "refused", error instanceof LhgError ? error.message : "internal fault");
    } finally {
      atWork.delete(id);
    }
  }

  function take(frame: AskerFrame | SkippedQuestion): void {
    if (frame.type === "ping") send(encodeServerFrame({ type: "pong", id: frame.id }));
    else if (frame.type === "skipped")
      refuse(
        frame.id,
        "refused",
        served.has(frame.name) ? "the question is too long" : "answers no such question",
      );
    else if (frame.type === "question") void answer(frame.id, frame.name, frame.body);
    else {
      const work = atWork.get(frame.id);
      if (work !== undefined) work.wanted = false;
      writer.cancelAnswer(frame.id);
    }
  }

  stream.addEventListener("message", (event) => {
    hooks.heard();
    try {
      const frames = decoder.push(event.data.subarray());
      if (frames.length > 0) hasEnded = true;
      if (!hooks.mayTake(frames.length)) return;
      for (const frame of frames) {
        take(frame);
        if (isClosed) return;
      }
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      hooks.fault(error.code, error.message);
    }
  });

  return {
    tick() {
      insideTicks = decoder.isInside() && !hasEnded ? insideTicks + 1 : 0;
      hasEnded = false;
      return Math.max(insideTicks, writer.tick());
    },
    pendingBytes: () => (isClosed ? 0 : writer.answerBytes()),
    close() {
      isClosed = true;
    },
  };
}
