/** Nodes over libp2p on loopback for tests: bounds that end soon, events to await. */
import { P2P_BOUNDS, type P2pBounds } from "./bounds.ts";
import type { Network, PeerId, Topic, Verdict } from "./network.ts";
import { type P2pOptions, startNetwork } from "./start-network.ts";

const TEST_BOUNDS: P2pBounds = {
  ...P2P_BOUNDS,
  readyMs: 20_000,
  tickMs: 50,
  // Under load a tick of a test is nothing: only the tests of silence and stalls shorten these.
  silentTicksMax: 1_000,
  stalledTicksMax: 1_000,
  redialMinMs: 10,
  redialMaxMs: 100,
  peerExchangeMs: 50,
};

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly code?: string;
  readonly peer?: PeerId;
  readonly reason?: string;
}

export interface TestingNode {
  readonly network: Network;
  readonly lines: readonly LogLine[];
  /** Ends with the first line that fits, also if it was written before. */
  logged(fits: (line: LogLine) => boolean): Promise<LogLine>;
  connected(peer: PeerId): Promise<void>;
  disconnected(peer: PeerId): Promise<void>;
}

export const seedOf = (number: number): Uint8Array => new Uint8Array(32).fill(number);

export async function startTestingNode(
  number: number,
  options: Partial<P2pOptions> = {},
  bounds: Partial<P2pBounds> = {},
): Promise<TestingNode> {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  const network = await startNetwork(
    {
      chainId: "test-00",
      keySeed: seedOf(number),
      listen: ["/ip4/127.0.0.1/tcp/0"],
      announce: [],
      peers: [],
      privatePeers: [],
      onlyConfigured: false,
      peerExchange: false,
      mdns: false,
      peersMax: 50,
      log: (level, fields, message) => {
        lines.push({ level, message, ...fields });
        wake();
      },
      ...options,
    },
    { ...TEST_BOUNDS, ...bounds },
  );
  network.onPeer(wake);
  const until = <T>(read: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = read();
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const isConnected = (peer: PeerId): boolean => network.peers().some(({ id }) => id === peer);
  return {
    network,
    lines,
    logged: (fits) => until(() => lines.find(fits)),
    connected: async (peer) => void (await until(() => (isConnected(peer) ? true : undefined))),
    disconnected: async (peer) => void (await until(() => (isConnected(peer) ? undefined : true))),
  };
}

/** Both see each other. */
export async function meet(a: TestingNode, b: TestingNode): Promise<void> {
  await Promise.all([a.connected(b.network.id), b.connected(a.network.id)]);
}

/** Takes what comes on a topic, with one verdict for all of it. */
export function collect(
  { network }: TestingNode,
  topic: Topic,
  verdict: Verdict = "accept",
): {
  readonly next: (fits?: (message: Uint8Array) => boolean) => Promise<Uint8Array>;
  readonly messages: Uint8Array[];
} {
  const messages: Uint8Array[] = [];
  const waiting = new Set<() => void>();
  network.subscribe(topic, (message) => {
    messages.push(Uint8Array.from(message));
    for (const look of [...waiting]) look();
    return verdict;
  });
  return {
    messages,
    next: (fits = () => true) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = messages.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}
