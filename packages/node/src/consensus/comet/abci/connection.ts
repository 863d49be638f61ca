/**
 * One connection of the engine. Its answers go out in the order of its requests: each request has a slot in a row, and only the front of the row is
 * written. CheckTx fills its slot whenever it is done, so that many can be under way; every other request is done before the next begins.
 */
import type { Socket } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import type { AppLock } from "./app-lock.ts";
import { createFrameReader } from "./framing.ts";
import {
  type AbciHandler,
  type AppRequest,
  answerRequest,
  decodeRequest,
  encodeResponse,
  type RequestValue,
} from "./handler.ts";

export type AbciLog = (level: "debug" | "info" | "warn" | "error", fields: object, message: string) => void;

export interface ConnectionParts {
  /** Half-open: its other side may have ended. */
  readonly socket: Socket;
  readonly handler: AbciHandler;
  /** Shared by all connections. */
  readonly lock: AppLock;
  readonly frameBytesMax: number;
  readonly log: AbciLog;
  /** Hears of what is no LhgError: the application is not to be trusted any more. */
  readonly onFatal: (error: unknown) => void;
}

export interface Connection {
  /** Begins no more requests, answers those under way, and closes. Resolves when the application is left alone. */
  stop(): Promise<void>;
}

/** Requests under way, or answered and not at the front of the row. Further ones are read later. */
const OPEN_REQUESTS_MAX = 4_096;
const OPEN_BYTES_MAX = 64 << 20;
/** Answers that the engine does not read. */
const UNSENT_BYTES_MAX = 16 << 20;
/** For answers to leave after the end. */
const LINGER_MS = 1_000;
const EXCEPTION_CHARS_MAX = 256;

interface Slot {
  readonly requestBytes: number;
  /** The answer; undefined while the request is under way. */
  frame?: Uint8Array;
  /** Nothing is answered after it. */
  isLast?: boolean;
}

export function serveConnection(parts: ConnectionParts): Connection {
  const { socket, handler, lock, log, onFatal } = parts;
  const reader = createFrameReader(parts.frameBytesMax);
  /** Those before `front` were answered. */
  let row: Slot[] = [];
  let front = 0;
  let openBytes = 0;
  /** Answers that wait for the front. */
  let answeredBytes = 0;
  let outbox: Uint8Array[] = [];
  let outboxBytes = 0;
  let flushing: NodeJS.Immediate | undefined;
  /** A request other than CheckTx is under way, or a CheckTx waits for its turn. */
  let isBusy = false;
  let isEnding = false;
  /** The engine has sent all it will. */
  let hasEnded = false;
  let underWay = 0;
  const whenIdle: (() => void)[] = [];

  const openRequests = (): number => row.length - front;

  function hasRoom(): boolean {
    return (
      openRequests() < OPEN_REQUESTS_MAX &&
      openBytes < OPEN_BYTES_MAX &&
      answeredBytes + outboxBytes + socket.writableLength < UNSENT_BYTES_MAX
    );
  }

  function pump(): void {
    try {
      while (!isBusy && !isEnding && hasRoom()) {
        const message = reader.next();
        if (message === undefined) break;
        take(decodeRequest(message), openSlot(message.length));
      }
    } catch (error) {
      cut(error as Error);
    }
    if (socket.destroyed) return;
    const isHeld = isEnding || isBusy || !hasRoom();
    if (isHeld && reader.isUnfinished) socket.pause();
    else if (socket.isPaused()) socket.resume();
    if (hasEnded && !isHeld && openRequests() === 0) end();
  }

  function openSlot(requestBytes: number): Slot {
    const slot: Slot = { requestBytes };
    row.push(slot);
    openBytes += requestBytes;
    return slot;
  }

  function take(request: RequestValue, slot: Slot): void {
    if (request.case === "echo")
      fill(slot, encodeResponse({ case: "echo", value: { message: request.value.message } }));
    else if (request.case === "flush") fill(slot, encodeResponse({ case: "flush", value: {} }));
    else if (request.case !== "checkTx") void answerAlone(request, slot);
    else if (lock.beginCheck()) void answerCheck(request, slot);
    else void waitToCheck(request, slot);
  }

  async function answerCheck(request: AppRequest, slot: Slot): Promise<void> {
    await answerInto(slot, () => answerRequest(handler, request));
    lock.endCheck();
    pump();
  }

  async function waitToCheck(request: AppRequest, slot: Slot): Promise<void> {
    isBusy = true;
    while (!lock.beginCheck()) await lock.waitForTurn();
    isBusy = false;
    if (isGone()) lock.endCheck();
    else void answerCheck(request, slot);
    pump();
  }

  async function answerAlone(request: AppRequest, slot: Slot): Promise<void> {
    isBusy = true;
    const answer = () => answerInto(slot, () => answerRequest(handler, request));
    const answerUnlessGone = async () => {
      if (!isGone()) await answer();
    };
    if (request.case === "query") await answer();
    else if (request.case === "commit")
      await lock.run(() =>
        lock.withoutChecks(async () => {
          await answerUnlessGone();
          // Before any CheckTx is answered.
          flush();
        }),
      );
    else await lock.run(answerUnlessGone);
    isBusy = false;
    pump();
  }

  /** What has not begun need not begin any more. */
  function isGone(): boolean {
    return isEnding || socket.destroyed;
  }

  async function answerInto(slot: Slot, answer: () => Promise<Uint8Array>): Promise<void> {
    underWay++;
    try {
      fill(slot, await answer());
    } catch (error) {
      refuse(slot, error);
    }
    underWay--;
    if (underWay > 0) return;
    for (const resolve of whenIdle.splice(0)) resolve();
  }

  function refuse(slot: Slot, error: unknown): void {
    const isExpected = error instanceof LhgError;
    const text = isExpected ? `${error.code}: ${error.message}` : `the application has failed: ${error}`;
    log("error", { err: error }, "an ABCI request was answered with an exception");
    isEnding = true;
    slot.isLast = true;
    fill(
      slot,
      encodeResponse({
        case: "exception",
        value: { error: text.split("\n")[0]!.slice(0, EXCEPTION_CHARS_MAX) },
      }),
    );
    if (!isExpected) onFatal(error);
  }

  function fill(slot: Slot, frame: Uint8Array): void {
    slot.frame = frame;
    answeredBytes += frame.length;
    if (slot !== row[front]) return;
    for (let next = row[front]; next?.frame !== undefined; next = row[front]) {
      front++;
      openBytes -= next.requestBytes;
      answeredBytes -= next.frame.length;
      outbox.push(next.frame);
      outboxBytes += next.frame.length;
      if (next.isLast !== true) continue;
      flush();
      end();
      return;
    }
    if (front === row.length || front >= OPEN_REQUESTS_MAX) {
      row = row.slice(front);
      front = 0;
    }
    // Whatever else is answered in this turn leaves in the same write.
    flushing ??= setImmediate(flush);
  }

  function flush(): void {
    clearImmediate(flushing);
    flushing = undefined;
    if (outbox.length === 0 || socket.destroyed || socket.writableEnded) return;
    socket.cork();
    for (const frame of outbox) socket.write(frame);
    socket.uncork();
    outbox = [];
    outboxBytes = 0;
    if (!isEnding) pump();
  }

  /** Closes once what was written has left. */
  function end(): void {
    isEnding = true;
    if (socket.destroyed || socket.writableEnded) return;
    flush();
    if (hasEnded && reader.isUnfinished) log("warn", {}, "an ABCI connection ended within a message");
    // One that does not read its last answers is not waited for.
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.end(() => socket.destroy());
  }

  function cut(error: Error): void {
    isEnding = true;
    log("warn", { err: error }, "an ABCI connection was cut off");
    socket.destroy();
  }

  socket.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    pump();
  });
  socket.on("end", () => {
    hasEnded = true;
    pump();
  });
  socket.on("drain", pump);
  // It is followed by "close".
  socket.on("error", (error) => log("debug", { err: error }, "an ABCI connection broke"));
  socket.once("close", () => {
    clearImmediate(flushing);
    outbox = [];
  });

  return {
    async stop() {
      isEnding = true;
      socket.pause();
      if (underWay > 0) await new Promise<void>((resolve) => whenIdle.push(resolve));
      end();
    },
  };
}
