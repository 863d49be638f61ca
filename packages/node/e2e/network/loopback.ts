/** Nodes side by side on loopback, on ports that were free just now. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { Seating } from "./fabric.ts";

const HOST = "127.0.0.1";

export interface Loopback extends Seating {
  p2pPortOf(seat: number): number;
}

export async function listen<S extends Server>(server: S): Promise<S> {
  server.listen(0, HOST);
  await once(server, "listening");
  return server;
}

export function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

const PORTS_PER_NODE = 10;
/** Below those that the system gives to connections, so that none of them is taken by one in between. */
const BASE_PORT_MIN = 20_000;
const BASES = 1_000;

/** Nodes on the ports that `lhg init` gives them: their homes say where they listen, and where their peers do. */
export interface PortBlocks extends Seating {
  readonly basePort: number;
  /** The port of a seat with this place among its ten. */
  portOf(seat: number, offset: number): number;
}

export async function createPortBlocks(seats: number): Promise<PortBlocks> {
  const basePort = await findFreeBase(seats);
  const portOfSeat = (seat: number, offset: number): number => basePort + PORTS_PER_NODE * seat + offset;
  return {
    basePort,
    portOf: portOfSeat,
    commandOf: () => [],
    environmentOf: () => ({}),
    apiUrlOf: (seat) => `http://${HOST}:${portOfSeat(seat, 1)}`,
    close: async () => {},
  };
}

/** The first of so many blocks of ten ports that are free just now. */
export async function findFreeBase(seats: number): Promise<number> {
  for (;;) {
    const base = BASE_PORT_MIN + PORTS_PER_NODE * Math.floor(Math.random() * BASES);
    const ports = Array.from({ length: PORTS_PER_NODE * seats }, (_, i) => base + i);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(createServer())));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** What LHG_P2P_PEERS of a seat is; `portTo` says where it finds another. */
export function listPeers(
  seat: number,
  peerIds: readonly string[],
  portTo: (from: number, to: number) => number,
): string {
  return peerIds
    .flatMap((id, other) => (other === seat ? [] : [`/ip4/${HOST}/tcp/${portTo(seat, other)}/p2p/${id}`]))
    .join(",");
}

export async function createLoopback(seats: number): Promise<Loopback> {
  const ports = await findFreePorts(2 * seats);
  const p2pPortOf = (seat: number): number => ports[seats + seat]!;
  return {
    p2pPortOf,
    commandOf: () => [],
    environmentOf: (seat, peerIds) => ({
      LHG_API_HOST: HOST,
      LHG_API_PORT: String(ports[seat]!),
      LHG_P2P_LISTEN: `/ip4/${HOST}/tcp/${p2pPortOf(seat)}`,
      LHG_P2P_PEERS: listPeers(seat, peerIds, (_, to) => p2pPortOf(to)),
    }),
    apiUrlOf: (seat) => `http://${HOST}:${ports[seat]!}`,
    close: async () => {},
  };
}
