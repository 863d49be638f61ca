/** What the connections of one remote address share: one client with many made-up ids is still one. */
import type { Server, Socket } from "node:net";
import { type Allowance, createAllowance } from "./allowance.ts";
import type { MqttLimits } from "./limits.ts";

export interface Remote {
  readonly allowance: Allowance;
  readonly sockets: Set<Socket>;
  /** Those of them that are not known, the longest idle first. */
  readonly strangers: Set<Socket>;
}

export interface Remotes {
  /** Counts the socket to its address until `leave`. */
  join(socket: Socket): Remote;
  leave(socket: Socket, remote: Remote): void;
  /** Takes out the longest idle stranger of this address, else of the one with most strangers; undefined where there are none. */
  takeStranger(remote?: Remote): Socket | undefined;
}

/** Addresses without connections are remembered, as who connects anew is still the same. */
const AWAY_MAX = 10_000;

export function createRemotes(limits: Pick<MqttLimits, "remoteMessages" | "remoteBytes">): Remotes {
  const present = new Map<string, Remote>();
  /** Those that left first come first. */
  const away = new Map<string, Remote>();
  const keys = new WeakMap<Remote, string>();

  function findLargest(): Remote | undefined {
    let largest: Remote | undefined;
    for (const remote of present.values())
      if (remote.strangers.size > (largest?.strangers.size ?? 0)) largest = remote;
    return largest;
  }

  return {
    join(socket) {
      const key = networkOf(socket.remoteAddress ?? "");
      const remote = present.get(key) ??
        away.get(key) ?? {
          allowance: createAllowance(limits.remoteMessages, limits.remoteBytes),
          sockets: new Set(),
          strangers: new Set(),
        };
      keys.set(remote, key);
      away.delete(key);
      present.set(key, remote);
      remote.sockets.add(socket);
      remote.strangers.add(socket);
      return remote;
    },
    leave(socket, remote) {
      remote.strangers.delete(socket);
      if (!remote.sockets.delete(socket) || remote.sockets.size > 0) return;
      const key = keys.get(remote)!;
      present.delete(key);
      away.set(key, remote);
      if (away.size > AWAY_MAX) away.delete(away.keys().next().value!);
    },
    takeStranger(remote) {
      const { strangers } = remote ?? findLargest() ?? {};
      const stranger = strangers?.values().next().value;
      if (stranger !== undefined) strangers?.delete(stranger);
      return stranger;
    },
  };
}

/** Cuts what arrives from a remote address beyond its `max`: over TLS nobody else sees a socket before its handshake is done. */
export function boundRemotes(server: Server, max: number): void {
  const counts = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const key = networkOf(socket.remoteAddress ?? "");
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    socket.once("close", () => {
      const left = counts.get(key)! - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    });
    if (count > max) socket.destroy();
  });
}

const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** An IPv4 address, also where it comes mapped to IPv6; of other IPv6 addresses the /64, which one site has to itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]!.toLowerCase().split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, GROUPS - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  return `${groups.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}
