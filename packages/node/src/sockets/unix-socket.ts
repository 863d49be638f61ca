/** Unix sockets of servers that trust whoever may connect: mode 0600 from the first moment on. */
import { chmodSync, lstatSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect, type ListenOptions, type Server } from "node:net";
import { isMainThread } from "node:worker_threads";

const SOCKET_MODE = 0o600;

/** Why a path can't be had: another process listens there, or a file stands there that is no socket. */
export type SocketObstacle = "in-use" | "no-socket";

/**
 * Listens at a path, in place of what a killed process left there. Rejects with what `describe` makes of an obstacle, or with what the
 * system says.
 */
export async function listenAtPath(
  server: Server,
  path: string,
  describe: (obstacle: SocketObstacle) => Error,
): Promise<void> {
  const obstacle = await clearPath(path);
  if (obstacle !== undefined) throw describe(obstacle);
  try {
    await listenOn(server, { path });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EADDRINUSE" ? describe("in-use") : error;
  }
  chmodSync(path, SOCKET_MODE);
}

/** Resolves when the server listens. */
export function listenOn(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    if (options.path === undefined) server.listen(options);
    else listenPrivately(server, options);
  });
}

/**
 * The socket appears with its mode: between bind and chmod everybody could connect. A worker thread can't set the mask of its process;
 * there the socket has that one's mode for a moment.
 */
function listenPrivately(server: Server, options: ListenOptions): void {
  const before = isMainThread ? process.umask(0o777 & ~SOCKET_MODE) : undefined;
  try {
    server.listen(options);
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

/** A process that was killed leaves its socket behind; one that runs answers on it. */
async function clearPath(path: string): Promise<SocketObstacle | undefined> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  // Connecting to a plain file is refused, too: it would be taken for a stale socket.
  if (!found.isSocket()) return "no-socket";
  const code = await new Promise<string>((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve("answers");
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
  if (code === "answers") return "in-use";
  if (code === "ECONNREFUSED") await rm(path, { force: true });
  return undefined;
}
