/** Peers over libp2p. It is loaded when a network starts: a chain of one process does not pay for its 37 MiB. */
import { LhgError } from "@lhg/protocol/core/errors";
import { P2P_BOUNDS, type P2pBounds } from "./bounds.ts";
import type { Network, PeerId } from "./network.ts";

export type P2pLog = (level: "debug" | "info" | "warn", fields: object, message: string) => void;

export interface P2pOptions {
  /** Part of every protocol name: peers of another chain have nothing to say to us. */
  readonly chainId: string;
  /** Ed25519, 32 bytes. */
  readonly keySeed: Uint8Array;
  /** Multiaddrs, such as `/ip4/127.0.0.1/tcp/0`. Without any this node only dials. */
  readonly listen: readonly string[];
  /** Told to peers in place of `listen`. */
  readonly announce: readonly string[];
  /** Multiaddrs with `/p2p/<id>`: dialled always, again after loss, never banned for more than seconds. */
  readonly peers: readonly string[];
  /** Never told to others: validators behind this sentry. */
  readonly privatePeers: readonly PeerId[];
  /** Configured peers and nobody else: a validator behind sentries. */
  readonly onlyConfigured: boolean;
  readonly peerExchange: boolean;
  readonly mdns: boolean;
  /** Configured peers have their places in it, and come in even when it is full. */
  readonly peersMax: number;
  readonly log: P2pLog;
}

/** RFC 3986 unreserved: it stands in names of protocols. */
const CHAIN_ID = /^[A-Za-z0-9._~-]{1,64}$/;

/** Listens and dials when it returns. Throws `config.invalid` naming the entry, or `port.in-use`. */
export async function startNetwork(options: P2pOptions, bounds: P2pBounds = P2P_BOUNDS): Promise<Network> {
  if (!CHAIN_ID.test(options.chainId))
    throw new LhgError("config.invalid", "has characters of no chain id", "chainId");
  const { startLibp2pNetwork } = await import("./libp2p-network.ts");
  return startLibp2pNetwork(options, bounds);
}
