/** The streams as gossipsub sees them: what comes in is bounded and waits for verdicts, what goes out has a bounded backlog. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Stream } from "@libp2p/interface";
import { createGossipFrameDecoder, type GossipFrame } from "./gossip-frames.ts";

export interface InboundGuardOptions {
  readonly bytesMax: number;
  readonly pendingMessagesMax: number;
  readonly pendingBytesMax: number;
  readonly mayTake: (bytes: number, messages: number) => boolean;
  readonly fault: (reason: string, detail: string) => void;
}

export interface InboundGuard {
  readonly stream: Stream;
  /** A message of it waits for a verdict until what is returned is called. */
  hold(bytes: number): () => void;
  /** How often in a row a frame was not whole yet. */
  tick(): number;
}

/** Whole frames that wait for gossipsub; over this the peer is told to wait. */
const QUEUED_BYTES_MAX = 1 << 20;
/**
 * So much of a batch may be on its way to us, and so in front of a vote, in whatever buffers stand between. Over a line of
 * 100 Mbit/s with 8 MiB of statements waiting, a vote took 68 ms so, 172 ms with 1 MiB, and 1.4 s on the same stream.
 */
const WINDOW_BYTES = 256 << 10;

export function guardInbound(stream: Stream, options: InboundGuardOptions): InboundGuard {
  const { bytesMax, pendingMessagesMax, pendingBytesMax, mayTake, fault } = options;
  const decoder = createGossipFrameDecoder(bytesMax);
  const frames: GossipFrame[] = [];
  let queuedBytes = 0;
  let pendingMessages = 0;
  let pendingBytes = 0;
  let isOver = false;
  let wake = (): void => {};
  let hasEnded = true;
  let insideTicks = 0;

  function end(): void {
    isOver = true;
    wake();
  }

  // A field of the stream of yamux, which its interface does not name: the window does not grow with the round trip.
  Object.assign(stream, { maxStreamWindowSize: WINDOW_BYTES });
  stream.addEventListener("message", (event) => {
    if (isOver) return;
    try {
      const bytes = event.data.subarray();
      const came = decoder.push(bytes);
      if (came.length > 0) hasEnded = true;
      const messages = came.reduce((sum, frame) => sum + Math.max(1, frame.messages), 0);
      if (!mayTake(bytes.length, messages)) return end();
      for (const frame of came) {
        frames.push(frame);
        queuedBytes += frame.bytes.length;
      }
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      end();
      fault(error.code, error.message);
      return;
    }
    if (queuedBytes > QUEUED_BYTES_MAX) stream.pause();
    wake();
  });
  stream.addEventListener("close", end);
  stream.addEventListener("remoteCloseWrite", end);
  if (stream.readStatus === "paused") stream.resume();

  const isFull = (): boolean => pendingMessages >= pendingMessagesMax || pendingBytes >= pendingBytesMax;
  const sleep = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (!isOver && (frames.length === 0 || isFull())) await sleep();
      const frame = frames.shift();
      if (frame === undefined) return;
      queuedBytes -= frame.bytes.length;
      if (queuedBytes <= QUEUED_BYTES_MAX && stream.readStatus === "paused") stream.resume();
      yield frame.bytes;
    }
  }

  const guarded = {
    [Symbol.asyncIterator]: read,
    close: () => stream.close(),
    abort: (error: Error) => stream.abort(error),
  };
  return {
    stream: guarded as unknown as Stream,
    hold(bytes) {
      pendingMessages++;
      pendingBytes += bytes;
      return () => {
        pendingMessages--;
        pendingBytes -= bytes;
        wake();
      };
    },
    tick() {
      insideTicks = decoder.isInside() && !hasEnded && stream.readStatus === "readable" ? insideTicks + 1 : 0;
      hasEnded = false;
      return insideTicks;
    },
  };
}

/** Throws for a message that would make the backlog too long: gossipsub leaves this peer out then. */
export function guardOutbound(
  stream: Stream,
  protocol: string,
  backlogBytesMax: number,
  onDropped: () => void,
): Stream {
  const guarded = {
    protocol,
    addEventListener: stream.addEventListener.bind(stream),
    send(data: Parameters<Stream["send"]>[0]) {
      if (stream.writeBufferLength + data.byteLength > backlogBytesMax) {
        onDropped();
        throw new Error("the peer does not take what waits for it");
      }
      return stream.send(data);
    },
    close: (...args: Parameters<Stream["close"]>) => stream.close(...args),
    abort: (error: Error) => stream.abort(error),
  };
  return guarded as unknown as Stream;
}
