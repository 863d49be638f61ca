/** Where CometBFT of a node listens, and whom it connects to: the same peers that LHG has. */
import { isIPv6 } from "node:net";
import { formatHostPort } from "../../consensus/comet/process/addresses.ts";

/** Of the ten ports of a node; +0 are LHG's peers, +1 its API. */
const P2P_OFFSET = 2;
const RPC_OFFSET = 3;

export interface PlannedCometPeer {
  /** Of the node; its id is made of a key, which no plan knows. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface PlannedComet {
  readonly p2p: string;
  readonly rpc: string;
  readonly externalAddress?: string;
  readonly peers: readonly PlannedCometPeer[];
  readonly isLocal: boolean;
}

export interface CometSeat {
  readonly host: string;
  /** First of the ports of the node. */
  readonly port: number;
  readonly isOnLoopback: boolean;
  /** Other nodes have the same host. */
  readonly isShared: boolean;
  /** Behind a sentry: nobody is told its address. */
  readonly isHidden: boolean;
  /** With the first of their ports. */
  readonly peers: readonly PlannedCometPeer[];
}

export function planComet({ host, port, isOnLoopback, isShared, isHidden, peers }: CometSeat): PlannedComet {
  const p2pPort = port + P2P_OFFSET;
  // A machine listens on all its addresses, as LHG does.
  const listens = isOnLoopback ? numericOf(host) : isIPv6(host) ? "::" : "0.0.0.0";
  return {
    p2p: `tcp://${formatHostPort({ host: listens, port: p2pPort })}`,
    rpc: `tcp://127.0.0.1:${port + RPC_OFFSET}`,
    ...(isOnLoopback || isHidden ? {} : { externalAddress: formatHostPort({ host, port: p2pPort }) }),
    peers: peers.map((peer) => ({ ...peer, host: numericOf(peer.host), port: peer.port + P2P_OFFSET })),
    isLocal: isOnLoopback || isShared,
  };
}

function numericOf(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}
