/** Opens the socket that the engine connects to. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import { listenAtPath, listenOn } from "../../../sockets/unix-socket.ts";
import { type AbciAddress, formatAbciAddress } from "./address.ts";

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
    await listenAtPath(server, address.path, (obstacle) =>
      obstacle === "in-use"
        ? inUse(address)
        : new LhgError("abci.address", "is a file, and no socket", formatAbciAddress(address)),
    );
    return { server, address };
  }
  await listenOn(server, address).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "EADDRINUSE" ? inUse(address) : error;
  });
  return { server, address: { ...address, port: (server.address() as AddressInfo).port } };
}

function inUse(address: AbciAddress): LhgError {
  return new LhgError(
    "abci.address-in-use",
    "another process listens here already",
    formatAbciAddress(address),
  );
}
