/**
 * Stands between a socket and the broker's parser: every byte is measured before the broker sees it, and a client that sends
 * faster than it may is read more slowly. Nothing is dropped: the sender's own TCP makes it wait.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Allowance } from "./allowance.ts";
import type { PacketMeter } from "./packet-meter.ts";

export interface StreamParts {
  readonly socket: Socket;
  /** At the end of the packet that `first` is. */
  readonly meter: PacketMeter;
  /** The complete CONNECT packet. */
  readonly first: Uint8Array;
  /** What came after it. */
  readonly rest: Uint8Array;
  readonly allowance: Allowance;
  readonly packetTimeoutMs: number;
  /** Whether as much waits for the node as may. */
  readonly isFull: () => boolean;
  readonly onUnfinished: (bytes: number) => void;
  readonly onActivity: () => void;
}

export interface GuardedStream {
  /** What the broker reads from and writes to. Destroyed with an LhgError where the client breaks the rules. */
  readonly stream: Duplex;
  /** Lets through what follows on CONNECT. */
  open(): void;
  /** Goes on reading where `isFull` had stopped it. */
  wake(): void;
}

/** Acknowledgements of what the node sends cost little. */
const ACKNOWLEDGEMENT_COST = 1 / 16;
const ACKNOWLEDGEMENTS: ReadonlySet<number> = new Set([4, 5, 6, 7]);
const READ_BUFFER_BYTES = 16 << 10;
/** For the last packet to leave, the refusal of a CONNECT above all. */
const LINGER_MS = 1_000;

export function guardStream(parts: StreamParts): GuardedStream {
  const { socket, meter, allowance, isFull } = parts;
  let held: Uint8Array | null = parts.rest.length > 0 ? parts.rest : null;
  let isOpen = false;
  let wantsMore = true;
  let pauseTimer: NodeJS.Timeout | undefined;
  let packetTimer: NodeJS.Timeout | undefined;

  const stream = new Duplex({
    readableHighWaterMark: READ_BUFFER_BYTES,
    allowHalfOpen: false,
    read() {
      wantsMore = true;
      pump();
    },
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    writev: (chunks, done) => void socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done),
    final(done) {
      socket.end(done);
    },
    destroy(error, done) {
      clearTimeout(pauseTimer);
      clearTimeout(packetTimer);
      parts.onUnfinished(0);
      endSocket(socket);
      done(error);
    },
  });

  function pump(): void {
    while (isOpen && wantsMore && pauseTimer === undefined && !isFull() && !stream.destroyed) {
      const chunk = held ?? (socket.read() as Uint8Array | null);
      held = null;
      if (chunk === null) return;
      parts.onActivity();
      try {
        const waitMs = allowance.spend(measure(chunk), chunk.length, performance.now());
        pauseFor(waitMs);
      } catch (error) {
        stream.destroy(error as Error);
        return;
      }
      wantsMore = stream.push(chunk);
    }
  }

  function pauseFor(waitMs: number): void {
    if (waitMs > 0) pauseTimer = setTimeout(resume, waitMs);
  }

  function resume(): void {
    pauseTimer = undefined;
    pump();
  }

  /** What the packets that begin in this chunk cost. Throws `mqtt.packet-*`. */
  function measure(chunk: Uint8Array): number {
    let cost = 0;
    let hasEnded = false;
    for (let at = 0; at < chunk.length; ) {
      at = meter.advance(chunk, at);
      if (meter.unfinishedBytes > 0) continue;
      hasEnded = true;
      cost += ACKNOWLEDGEMENTS.has(meter.type) ? ACKNOWLEDGEMENT_COST : 1;
    }
    watchUnfinished(hasEnded);
    return cost;
  }

  function watchUnfinished(hasEnded: boolean): void {
    parts.onUnfinished(meter.unfinishedBytes);
    if (hasEnded || meter.unfinishedBytes === 0) {
      clearTimeout(packetTimer);
      packetTimer = undefined;
    }
    if (meter.unfinishedBytes === 0) return;
    packetTimer ??= setTimeout(
      () => stream.destroy(new LhgError("mqtt.packet-unfinished", "did not end in time")),
      parts.packetTimeoutMs,
    );
  }

  socket.on("readable", pump);
  socket.on("end", () => stream.push(null));
  socket.on("error", (error) => stream.destroy(error));
  socket.on("close", () => stream.destroy());
  stream.push(parts.first);
  return {
    stream,
    open() {
      isOpen = true;
      // Connecting anew leaves no debt behind.
      if (!stream.destroyed) pauseFor(allowance.spend(0, 0, performance.now()));
      pump();
    },
    wake: pump,
  };
}

function endSocket(socket: Socket): void {
  if (socket.destroyed) return;
  socket.destroySoon();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
