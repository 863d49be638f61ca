/**
 * Bounds open sockets without refusing anyone: beyond the bound the longest idle socket is cut. Thousands of
 * silent connections then cost each other their place, and not the one who asks something.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface ConnectionGuard {
  /** Cuts every socket without a running request: node's own server waits for those that never asked anything. */
  closeIdle(): void;
}

export function guardConnections(server: Server, connectionsMax: number): ConnectionGuard {
  /** Idle sockets, the longest idle first. */
  const idle = new Set<Socket>();
  const open = new Map<Socket, number>();
  server.maxConnections = connectionsMax + 64;
  /** Of TLS: the socket below each of a request, found by the other end's address. */
  const below = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const name = nameOf(socket);
    below.set(name, socket);
    open.set(socket, 0);
    idle.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      idle.delete(socket);
      if (below.get(name) === socket) below.delete(name);
    });
    if (open.size <= connectionsMax) return;
    const victim = idle.values().next().value;
    // The newcomer stands last: it goes itself only where every other socket is being served.
    (victim ?? socket).destroy();
  });
  server.on("request", ({ socket: asked }: IncomingMessage, response: ServerResponse) => {
    const socket = below.get(nameOf(asked)) ?? asked;
    const requests = open.get(socket);
    if (requests === undefined) return;
    open.set(socket, requests + 1);
    idle.delete(socket);
    response.once("close", () => {
      const left = (open.get(socket) ?? 1) - 1;
      if (!open.has(socket)) return;
      open.set(socket, left);
      if (left === 0) idle.add(socket);
    });
  });
  return {
    closeIdle: () => {
      for (const socket of idle) socket.destroy();
    },
  };
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
