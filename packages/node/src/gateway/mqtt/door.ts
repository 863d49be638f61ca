/**
 * Lets connections in: a socket costs a few bytes of memory until it has sent a whole CONNECT packet, and only then the broker
 * hears of it. Beyond the cap the longest idle stranger of the address with most strangers is cut, so that connections of one
 * address cost each other their place and nobody else theirs.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LhgError } from "@lhg/protocol/core/errors";
import { bothOf, createAllowance } from "./allowance.ts";
import { type GuardedStream, guardStream } from "./guarded-stream.ts";
import type { MqttLimits } from "./limits.ts";
import { CONNECT, createPacketMeter } from "./packet-meter.ts";
import { createRemotes, type Remote } from "./remotes.ts";

/** A connection that has sent CONNECT. */
export interface Visitor {
  readonly stream: Duplex;
  readonly socket: Socket;
  /** Whether it waits for more answers than it may. */
  isFull: boolean;
  /** CONNECT was accepted: what follows on it is let through. A known one is never cut to make room. */
  admit(isKnown: boolean): void;
  /** `isFull` may have changed. */
  wake(): void;
}

export interface Door {
  /** Takes a connected socket; over TLS, one whose handshake is done. Cuts it if it is not admitted in time. */
  enter(socket: Socket): void;
}

export interface DoorParts {
  readonly limits: MqttLimits;
  /** Hears how many are open whenever that changes. */
  readonly onConnections: (open: number) => void;
  readonly onVisitor: (visitor: Visitor) => void;
  /** Why somebody was cut: for the log. */
  readonly onCut: (error: LhgError, remote: string) => void;
}

export function createDoor({ limits, onConnections, onVisitor, onCut }: DoorParts): Door {
  const timers = new Map<Socket, NodeJS.Timeout | undefined>();
  const remotes = createRemotes(limits);
  const unfinished = new Map<Duplex, number>();
  let unfinishedBytes = 0;

  function cut(socket: Socket, error: LhgError): void {
    onCut(error, socket.remoteAddress ?? "");
    socket.destroy();
  }

  function watch(socket: Socket): Remote {
    const remote = remotes.join(socket);
    const timer = setTimeout(
      () => cut(socket, new LhgError("mqtt.connect-timeout", "did not connect in time")),
      limits.connectTimeoutMs,
    );
    timers.set(socket, timer);
    socket.once("close", () => {
      clearTimeout(timers.get(socket));
      timers.delete(socket);
      remotes.leave(socket, remote);
      onConnections(timers.size);
    });
    onConnections(timers.size);
    // The newcomer stands last: it goes itself only where everybody else is known.
    if (remote.sockets.size > limits.remoteConnectionsMax) makeRoom(remotes.takeStranger(remote));
    else if (timers.size > limits.connectionsMax) makeRoom(remotes.takeStranger());
    return remote;
  }

  function makeRoom(stranger: Socket | undefined): void {
    if (stranger !== undefined) cut(stranger, new LhgError("mqtt.full", "made room for another connection"));
  }

  function noteActivity(socket: Socket, { strangers }: Remote): void {
    if (strangers.delete(socket)) strangers.add(socket);
  }

  /** Packets that never end may fill some memory together, not more: the largest goes. */
  function noteUnfinished(stream: Duplex, bytes: number): void {
    unfinishedBytes += bytes - (unfinished.get(stream) ?? 0);
    if (bytes === 0) unfinished.delete(stream);
    else unfinished.set(stream, bytes);
    if (unfinishedBytes <= limits.unfinishedBytesMax) return;
    const [largest] = [...unfinished].sort(([, a], [, b]) => b - a)[0]!;
    largest.destroy(new LhgError("mqtt.packet-unfinished", "made room for other packets"));
  }

  function enter(socket: Socket): void {
    const remote = watch(socket);
    const meter = createPacketMeter(limits.connectBytesMax);
    const parts: Uint8Array[] = [];
    const leave = (): void => void socket.off("data", onData);
    const onData = (chunk: Buffer): void => {
      try {
        const end = meter.advance(chunk, 0);
        if (meter.type !== CONNECT)
          throw new LhgError("mqtt.packet-malformed", "is the first packet and no CONNECT", "type");
        parts.push(chunk.subarray(0, end));
        noteActivity(socket, remote);
        if (meter.unfinishedBytes > 0) return;
        leave();
        socket.pause();
        meter.setBytesMax(limits.packetBytesMax);
        handOver(Buffer.concat(parts), chunk.subarray(end));
      } catch (error) {
        leave();
        cut(socket, error as LhgError);
      }
    };
    const handOver = (first: Uint8Array, rest: Uint8Array): void => {
      const guarded: GuardedStream = guardStream({
        socket,
        meter,
        first,
        rest,
        allowance: bothOf(createAllowance(limits.messages, limits.bytes), remote.allowance),
        packetTimeoutMs: limits.packetTimeoutMs,
        isFull: () => visitor.isFull,
        onUnfinished: (bytes) => noteUnfinished(guarded.stream, bytes),
        onActivity: () => noteActivity(socket, remote),
      });
      const visitor: Visitor = {
        stream: guarded.stream,
        socket,
        isFull: false,
        admit(isKnown) {
          clearTimeout(timers.get(socket));
          if (timers.has(socket)) timers.set(socket, undefined);
          if (isKnown) remote.strangers.delete(socket);
          guarded.open();
        },
        wake: guarded.wake,
      };
      onVisitor(visitor);
    };
    socket.on("data", onData);
    // An error is followed by "close".
    socket.on("error", () => {});
  }

  return {
    enter,
  };
}
