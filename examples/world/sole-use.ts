/** One world per data folder: two would send different collections under one number, and fork their devices' streams. */
import { createHash } from "node:crypto";
import { realpath, unlink } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";

/** Until this process ends, however it ends. Throws `world.running` where another one has the folder. */
export async function claimFolder(folder: string): Promise<void> {
  const name = await nameOf(folder);
  try {
    await listen(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    if (!name.startsWith("/") || (await isAnswered(name)))
      throw new LhgError("world.running", "has a sample world that runs already", folder);
    // What a world that was killed has left.
    await unlink(name);
    await listen(name);
  }
}

/** A name that ends with its process where the system has such: abstract sockets of Linux, pipes of Windows. */
async function nameOf(folder: string): Promise<string> {
  const digest = createHash("sha256")
    .update(await realpath(folder))
    .digest("hex");
  const name = `lhg-world-${digest.slice(0, 32)}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(path, () => resolve(server.unref()));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
