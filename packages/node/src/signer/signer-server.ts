/** Serves a guarded key to nodes. Whoever breaks the protocol, is too slow or asks for too much that is refused is cut off. */
import type { Socket } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import type { SignerLog, SignGuard } from "./sign-guard.ts";
import { formatSignerAddress, listenForNodes, parseSignerAddress, type SignerTls } from "./signer-address.ts";
import { createFrameReader, encodeFrame, type Frame } from "./signer-wire.ts";

export interface SignerLimits {
  readonly connectionsMax: number;
  /** A frame that began must end within this time. */
  readonly frameTimeoutMs: number;
  /** Requests of one connection that wait for their answers; more are read later. */
  readonly pendingMax: number;
  /** Answers that a client does not read. */
  readonly unreadBytesMax: number;
  /** Of one connection: each is a line in the log. */
  readonly refusalsMax: number;
}

const SIGNER_LIMITS: SignerLimits = {
  connectionsMax: 8,
  frameTimeoutMs: 5_000,
  pendingMax: 64,
  unreadBytesMax: 64 << 10,
  refusalsMax: 64,
};

export interface SignerServerOptions {
  readonly guard: SignGuard;
  /** `unix:PATH` or `tcp:HOST:PORT`; port 0 lets the system choose. */
  readonly address: string;
  /** Needed for TCP. */
  readonly tls?: SignerTls | undefined;
  /** The group of a Unix socket may connect, too. */
  readonly isOpenToGroup?: boolean;
  readonly limits?: Partial<SignerLimits>;
  readonly log: SignerLog;
}

export interface SignerServer {
  /** Where it listens, in the form of its setting. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Throws `signer.address`, `signer.tls`, `signer.in-use`. */
export async function startSignerServer(options: SignerServerOptions): Promise<SignerServer> {
  const { guard, log } = options;
  const limits = { ...SIGNER_LIMITS, ...options.limits };
  const sockets = new Set<Socket>();
  const { server, address } = await listenForNodes({
    address: parseSignerAddress(options.address),
    tls: options.tls,
    isOpenToGroup: options.isOpenToGroup ?? false,
    onTurnedAway: (reason) =>
      log("warn", { reason }, "somebody without the pinned certificate was turned away"),
    onConnection: (socket) => {
      // An error is followed by "close".
      socket.on("error", () => {});
      if (sockets.size >= limits.connectionsMax) {
        log("warn", {}, "a node was cut off: there are too many connections");
        socket.destroy();
        return;
      }
      sockets.add(socket);
      log("info", { connections: sockets.size }, "a node is connected");
      socket.once("close", () => {
        sockets.delete(socket);
        log("info", { connections: sockets.size }, "a node is gone");
      });
      serve(socket, guard, limits, log);
    },
  });
  return {
    address: formatSignerAddress(address),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(socket: Socket, guard: SignGuard, limits: SignerLimits, log: SignerLog): void {
  const reader = createFrameReader();
  let pending = 0;
  let refusals = 0;
  let frameTimer: NodeJS.Timeout | undefined;

  function cut(reason: string): void {
    if (socket.destroyed) return;
    log("warn", { reason }, "a node was cut off");
    socket.destroy();
  }

  function send(frame: Frame): void {
    if (socket.destroyed) return;
    socket.write(encodeFrame(frame));
    if (socket.writableLength > limits.unreadBytesMax) cut("it does not read its answers");
  }

  async function answer(id: number, message: Uint8Array): Promise<void> {
    try {
      send({ kind: "signature", id, signature: await guard.sign(message) });
    } catch (error) {
      // Without its memory the guard says nothing more; whoever runs it hears of that by `failed`.
      if (!(error instanceof LhgError) || error.code !== "signer.refused") {
        cut("the signer has failed");
        return;
      }
      send({ kind: "refused", id, reason: error.message });
      refusals += 1;
      if (refusals > limits.refusalsMax) cut("it asks for too much that is refused");
    }
  }

  async function take(frame: Frame): Promise<void> {
    if (frame.kind !== "sign") throw new LhgError("signer.frame", "only requests to sign are taken", "frame");
    pending += 1;
    if (pending >= limits.pendingMax) socket.pause();
    await answer(frame.id, frame.message);
    pending -= 1;
    if (pending < limits.pendingMax) socket.resume();
  }

  function watchFrame(): void {
    clearTimeout(frameTimer);
    if (!reader.isUnfinished) return;
    frameTimer = setTimeout(() => cut("its frame did not end in time"), limits.frameTimeoutMs);
  }

  socket.on("data", (chunk: Buffer) => {
    const wasUnfinished = reader.isUnfinished;
    try {
      const frames = reader.push(chunk);
      for (const frame of frames) take(frame).catch((error: Error) => cut(error.message));
      // One byte at a time does not buy more time.
      if (!wasUnfinished || frames.length > 0) watchFrame();
    } catch (error) {
      cut((error as Error).message);
    }
  });
  socket.once("close", () => clearTimeout(frameTimer));
  send({ kind: "hello", publicKey: guard.publicKey });
}
