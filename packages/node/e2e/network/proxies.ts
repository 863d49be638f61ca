/**
 * Nodes on loopback, each link through a proxy of this process: bytes are delayed, held back or let through late. Loss is what TCP makes
 * of it: some bytes wait for a retransmission, and everything behind them.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Fabric } from "./fabric.ts";
import { createLoopback, listen, listPeers, portOf } from "./loopback.ts";

/** First retransmission of TCP on a short line; doubled while packets go on to be lost. */
const RESEND_MS = 200;
const WINDOW_BYTES = 4 << 20;

/** What happens to bytes from one node to another. */
interface Way {
  isCut: boolean;
  /** Called when the way is open again. */
  readonly waiting: Set<() => void>;
}

/** Until the socket takes more, or is gone. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      socket.off("drain", finish);
      socket.off("close", finish);
      resolve();
    };
    socket.on("drain", finish);
    socket.on("close", finish);
  });
}

export async function createProxies(seats: number): Promise<Fabric> {
  const all = Array.from({ length: seats }, (_, seat) => seat);
  const loopback = await createLoopback(seats);
  const ways = new Map<string, Way>();
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let lossPercent = 0;

  const wayOf = (from: number, to: number): Way => {
    const name = `${from}>${to}`;
    const way = ways.get(name) ?? { isCut: false, waiting: new Set() };
    ways.set(name, way);
    return way;
  };
  const travelMs = (): number => {
    let lateMs = delayMs;
    for (let resendMs = RESEND_MS; 100 * Math.random() < lossPercent; resendMs *= 2) lateMs += resendMs;
    return lateMs;
  };

  /** Hands bytes on in their order, each when it is due and the way is open. */
  function pass(source: Socket, target: Socket, way: Way): void {
    const queue: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
    let queuedBytes = 0;
    let isPumping = false;
    const pump = async (): Promise<void> => {
      if (isPumping) return;
      isPumping = true;
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const waitMs = next.dueMs - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        while (way.isCut) await new Promise<void>((resolve) => way.waiting.add(resolve));
        if (target.destroyed) return;
        if (!target.write(next.bytes)) await drained(target);
        queuedBytes -= next.bytes.length;
        if (queuedBytes < WINDOW_BYTES) source.resume();
      }
      isPumping = false;
      if (source.readableEnded || source.destroyed) target.end();
    };
    source.on("data", (bytes: Buffer) => {
      queue.push({ bytes, dueMs: performance.now() + travelMs() });
      queuedBytes += bytes.length;
      if (queuedBytes >= WINDOW_BYTES) source.pause();
      void pump();
    });
    source.on("close", () => void pump());
  }

  function connect(from: number, to: number, incoming: Socket): void {
    const outgoing = createConnection({ host: "127.0.0.1", port: loopback.p2pPortOf(to) });
    for (const socket of [incoming, outgoing]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      // Resets are what this is about; the other end hears of it by `close`.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    pass(incoming, outgoing, wayOf(from, to));
    pass(outgoing, incoming, wayOf(to, from));
  }

  const servers = new Map<string, Server>();
  for (const from of all)
    for (const to of all)
      if (from !== to)
        servers.set(`${from}>${to}`, await listen(createServer((incoming) => connect(from, to, incoming))));
  const linkPort = (from: number, to: number): number => portOf(servers.get(`${from}>${to}`)!);

  return {
    kind: "proxies",
    canDelay: true,
    commandOf: loopback.commandOf,
    environmentOf: (seat, peerIds) => ({
      ...loopback.environmentOf(seat, peerIds),
      // Peers tell each other where they listen, and that is past the proxies.
      LHG_P2P_PEER_EXCHANGE: "false",
      LHG_P2P_PEERS: listPeers(seat, peerIds, linkPort),
    }),
    apiUrlOf: loopback.apiUrlOf,
    async cut(from, to) {
      wayOf(from, to).isCut = true;
    },
    async setLoss(percent) {
      lossPercent = percent;
    },
    async setDelay(ms) {
      delayMs = ms;
    },
    async heal() {
      delayMs = 0;
      lossPercent = 0;
      for (const way of ways.values()) {
        way.isCut = false;
        for (const resume of way.waiting) resume();
        way.waiting.clear();
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers.values()) server.close();
    },
  };
}
