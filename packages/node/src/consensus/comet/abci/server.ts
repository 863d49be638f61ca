/** LHG as the application of a CometBFT engine: the server of ABCI 2.0 on a Unix or TCP socket. */
import type { Socket } from "node:net";
import type { AbciAddress } from "./address.ts";
import { createAppLock } from "./app-lock.ts";
import { type AbciLog, type Connection, serveConnection } from "./connection.ts";
import { FRAME_BYTES_LIMIT } from "./framing.ts";
import type { AbciHandler } from "./handler.ts";
import { listenForEngine } from "./listen.ts";

/** An engine has four; one that was killed may leave its own behind for a moment. */
const CONNECTIONS_MAX = 16;

export interface AbciServerParts {
  /** Port 0 lets the system choose. */
  readonly address: AbciAddress;
  readonly handler: AbciHandler;
  /** Of one request: more than the largest block and the engine's `app_state`. */
  readonly frameBytesMax: number;
  readonly log: AbciLog;
  /** The handler threw what is no LhgError: stop. */
  readonly onFatal: (error: unknown) => void;
  /** Hears how many are connected. */
  readonly onConnections?: (count: number) => void;
}

export interface AbciServer {
  /** With the port that the system chose. */
  readonly address: AbciAddress;
  /** Answers what is under way and nothing more. Resolves when the handler is not at work and all connections are closed. */
  stop(): Promise<void>;
}

/** Throws `abci.address-in-use` where somebody listens already, `abci.address` where a file stands in the way, or what the system says. */
export async function startAbciServer(parts: AbciServerParts): Promise<AbciServer> {
  const { handler, log, onFatal, onConnections = () => {} } = parts;
  const frameBytesMax = Math.min(parts.frameBytesMax, FRAME_BYTES_LIMIT);
  const lock = createAppLock();
  const connections = new Set<Connection>();

  function accept(socket: Socket): void {
    // Answers are gathered here; waiting for more would only delay them.
    socket.setNoDelay(true);
    const connection = serveConnection({ socket, handler, lock, frameBytesMax, log, onFatal });
    connections.add(connection);
    onConnections(connections.size);
    log("info", { connections: connections.size }, "the engine has opened a connection");
    socket.once("close", () => {
      connections.delete(connection);
      onConnections(connections.size);
      log("info", { connections: connections.size }, "a connection of the engine is closed");
    });
  }

  const { server, address } = await listenForEngine(parts.address, accept);
  server.maxConnections = CONNECTIONS_MAX;
  server.on("drop", () => log("warn", {}, "an ABCI connection was turned away: there are too many"));
  // Such as no more file descriptors: the connections that are there live on.
  server.on("error", (error) => log("error", { err: error }, "an ABCI connection could not be accepted"));
  if ("host" in address && !isLoopback(address.host))
    log(
      "warn",
      { host: address.host },
      "whoever reaches this address can drive the application: ABCI knows no keys",
    );

  return {
    address,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...connections].map((connection) => connection.stop()));
      await closed;
    },
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.[0-9.]+$/.test(host);
}
