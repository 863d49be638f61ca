/**
 * Where a signer is: a Unix socket that its mode protects, or TCP under TLS 1.3 with both certificates pinned. There is no TCP without
 * TLS, not on loopback either: whoever may ask for signatures can stop a validator, and loopback is open to every user of a machine.
 */
import { X509Certificate } from "node:crypto";
import { chmod } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import { type AddressInfo, connect as connectPlain, createServer as createPlainServer } from "node:net";
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
} from "node:tls";
import { LhgError } from "@lhg/protocol/core/errors";
import { listenAtPath, listenOn } from "../sockets/unix-socket.ts";

/** PEM. The peer's certificate is its own authority: no other is believed. */
export interface SignerTls {
  readonly certificate: string;
  readonly key: string;
  readonly peerCertificate: string;
}

export type SignerAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** sun_path of unix(7) with its closing zero. */
const UNIX_PATH_BYTES_MAX = 107;
const HANDSHAKE_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
/** Over TCP anybody may begin a handshake. */
const STRANGERS_MAX = 64;

/** Reads `unix:PATH` or `tcp:HOST:PORT` (`tcp:[::1]:7100`). Throws `signer.address`. */
export function parseSignerAddress(text: string): SignerAddress {
  const path = /^unix:(.+)$/.exec(text)?.[1];
  if (path !== undefined) {
    if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX)
      throw new LhgError(
        "signer.address",
        `must name at most ${UNIX_PATH_BYTES_MAX} bytes of path`,
        "address",
      );
    return { kind: "unix", path };
  }
  const [, inBrackets, bare, port] =
    /^tcp:(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  if (host === undefined || Number(port) > 65_535)
    throw new LhgError("signer.address", "must be unix:PATH or tcp:HOST:PORT", "address");
  return { kind: "tcp", host, port: Number(port) };
}

export function formatSignerAddress(address: SignerAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const { host, port } = address;
  return `tcp:${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What TLS needs of both sides. Throws `signer.tls`. */
function readTls(tls: SignerTls | undefined) {
  if (tls === undefined)
    throw new LhgError(
      "signer.tls",
      "TCP needs a certificate, its key and the other side's certificate",
      "tls",
    );
  const { certificate, key, peerCertificate } = tls;
  const options = { cert: certificate, key, ca: peerCertificate, minVersion: "TLSv1.3" as const };
  let pinned: Buffer;
  try {
    pinned = new X509Certificate(peerCertificate).raw;
    createSecureContext(options);
  } catch (error) {
    // OpenSSL's words for what is no PEM, or no pair; they quote nothing of the key.
    throw new LhgError("signer.tls", `can't be used: ${(error as Error).message}`, "tls");
  }
  return {
    isPinned: (socket: TLSSocket): boolean =>
      socket.authorized && pinned.equals(socket.getPeerCertificate().raw),
    options,
  };
}

export interface Link {
  readonly socket: Socket;
  /** The event after which it may be used. */
  readonly readyEvent: "connect" | "secureConnect";
  /** Whether the other side is the one that was pinned; asked once it is ready. */
  isTrusted(): boolean;
}

/** A socket on its way to the signer. Throws `signer.tls`. */
export function dialSigner(address: SignerAddress, tls: SignerTls | undefined): Link {
  if (address.kind === "unix")
    return { socket: connectPlain(address.path), readyEvent: "connect", isTrusted: () => true };
  const { isPinned, options } = readTls(tls);
  const { host, port } = address;
  // The certificate itself is pinned: which name it bears says nothing more.
  const socket = connectTls({ ...options, host, port, checkServerIdentity: () => undefined });
  keepAwake(socket);
  return { socket, readyEvent: "secureConnect", isTrusted: () => isPinned(socket) };
}

function keepAwake(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

export interface ListenOptions {
  readonly address: SignerAddress;
  readonly tls: SignerTls | undefined;
  /** The group of a Unix socket may connect, too (mode 0660 instead of 0600). */
  readonly isOpenToGroup: boolean;
  readonly onConnection: (socket: Socket) => void;
  /** Somebody without the pinned certificate. */
  readonly onTurnedAway: (reason: string) => void;
}

export interface Listener {
  readonly server: Server;
  /** With the port that the system chose. */
  readonly address: SignerAddress;
}

/** Throws `signer.tls`, `signer.in-use` where another process answers on the socket, `signer.address` where a file stands there, or what the system says. */
export async function listenForNodes(options: ListenOptions): Promise<Listener> {
  const { address, tls, isOpenToGroup, onConnection, onTurnedAway } = options;
  if (address.kind === "unix") {
    const server = createPlainServer(onConnection);
    const { path } = address;
    await listenAtPath(server, path, (obstacle) =>
      obstacle === "in-use"
        ? new LhgError("signer.in-use", "another process listens here", path)
        : new LhgError("signer.address", "is a file, and no socket", path),
    );
    if (isOpenToGroup) await chmod(address.path, 0o660);
    return { server, address };
  }
  const { isPinned, options: tlsOptions } = readTls(tls);
  const server = createTlsServer(
    // Judged below, so that the log says why.
    { ...tlsOptions, requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    (socket) => {
      keepAwake(socket);
      if (isPinned(socket)) {
        onConnection(socket);
        return;
      }
      onTurnedAway(String(socket.authorizationError ?? "another certificate than the one pinned"));
      socket.destroy();
    },
  );
  server.maxConnections = STRANGERS_MAX;
  server.on("tlsClientError", (error) => onTurnedAway(error.message));
  await listenOn(server, { port: address.port, host: address.host });
  return { server, address: { ...address, port: (server.address() as AddressInfo).port } };
}
