/** Opens the socket that the engine connects to. */
import { chmodSync, lstatSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { isMainThread } from "node:worker_threads";
import { LhgError } from "@lhg/protocol/core/errors";
import { type AbciAddress, formatAbciAddress } from "./address.ts";

const SOCKET_MODE = 0o600;

export interface Listener {
  readonly server: Server;
  /** With the port that the system chose. */
  readonly address: AbciAddress;
}

/** Throws `abci.address-in-use` where another process listens, `abci.address` where a file that is no socket stands, or what the system says. */
export async function listenForEngine(
  address: AbciAddress,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  // Who has sent all of its requests still gets their answers.
  const server = createServer({ allowHalfOpen: true }, onConnection);
  if ("path" in address) {
    await removeStaleSocket(address);
    await listen(server, address, () => listenPrivately(server, address.path));
    chmodSync(address.path, SOCKET_MODE);
    return { server, address };
  }
  await listen(server, address, () => server.listen(address.port, address.host));
  return { server, address: { ...address, port: (server.address() as AddressInfo).port } };
}

/**
 * The socket appears with its mode: between bind and chmod everybody could connect. A worker thread can't set the mask of its process;
 * there the socket has that one's mode for a moment.
 */
function listenPrivately(server: Server, path: string): void {
  const before = isMainThread ? process.umask(0o777 & ~SOCKET_MODE) : undefined;
  try {
    server.listen(path);
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

function listen(server: Server, address: AbciAddress, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? inUse(address) : error),
    );
    server.once("listening", () => {
      server.removeAllListeners("error");
      resolve();
    });
    start();
  });
}

/** A process that was killed leaves its socket behind; one that runs answers on it. */
async function removeStaleSocket(address: { readonly path: string }): Promise<void> {
  const found = lstatSync(address.path, { throwIfNoEntry: false });
  if (found === undefined) return;
  // Connecting to a plain file is refused, too: it would be taken for a stale socket.
  if (!found.isSocket())
    throw new LhgError("abci.address", "is a file, and no socket", formatAbciAddress(address));
  const code = await new Promise<string>((resolve) => {
    const probe = connect(address.path);
    probe.once("connect", () => {
      probe.destroy();
      resolve("answers");
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
  if (code === "answers") throw inUse(address);
  if (code === "ECONNREFUSED") await rm(address.path, { force: true });
}

function inUse(address: AbciAddress): LhgError {
  return new LhgError(
    "abci.address-in-use",
    "another process listens here already",
    formatAbciAddress(address),
  );
}
