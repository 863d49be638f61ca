/** Who is in a new network, where each node listens, and whom it connects to. */
import { isIPv4, isIPv6 } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import type { NodeConfig } from "../../config.ts";
import type { PeerId } from "../../p2p/network.ts";
import { COMET_FOLDER, CONSENSUS_KEY_FILE } from "./home-files.ts";
import { type CometSeat, type PlannedComet, planComet } from "./plan-comet.ts";

export type Role = "validator" | "sentry" | "observer";

export interface NetworkShape {
  readonly validators: number;
  readonly observers: number;
  /** A sentry before each validator. */
  readonly hasSentries: boolean;
  /** Where the nodes are reached: one for all of them, or one for each in the order of `listMembers`. */
  readonly hosts: readonly string[];
  /** A node has the ten ports from here on, the next node of the same host the ten after them. 0: the system chooses. */
  readonly basePort: number;
  /** dbft by default. */
  readonly engine?: NodeConfig["engine"];
}

export interface Member {
  /** `node0` are validators, `sentry0` and `observer0` the others. */
  readonly name: string;
  readonly role: Role;
}

export interface PlannedNode extends Member {
  readonly peerId: PeerId;
  readonly config: Partial<NodeConfig>;
  /** Where CometBFT is the engine. */
  readonly comet?: PlannedComet;
}

/** Validators, then sentries, then observers. */
export function listMembers({ validators, observers, hasSentries }: NetworkShape): Member[] {
  const some = (count: number, name: string, role: Role): Member[] =>
    Array.from({ length: count }, (_, i) => ({ name: `${name}${i}`, role }));
  return [
    ...some(validators, "node", "validator"),
    ...some(hasSentries ? validators : 0, "sentry", "sentry"),
    ...some(observers, "observer", "observer"),
  ];
}

const PORTS_PER_NODE = 10;
const PORT_MAX = 65_535;

interface Seat {
  readonly member: Member;
  readonly peerId: PeerId;
  readonly host: string;
  readonly port: number;
}

/** One number for all nodes: their snapshots of a height are the same bytes, so that who joins takes chunks from many. */
const SNAPSHOT_EVERY_BLOCKS = 5_000;

/** `peerIds` in the order of `listMembers`. Throws `init.hosts` and `init.port`. */
export function planNetwork(shape: NetworkShape, peerIds: readonly PeerId[]): PlannedNode[] {
  const seats = seatMembers(shape, peerIds);
  return seats.map((seat) => {
    const { member, peerId } = seat;
    const isHidden = shape.hasSentries && member.role === "validator";
    const peers = seats.filter((other) => other !== seat && arePeers(shape, seat, other));
    const comet =
      shape.engine === "comet" ? planComet(describeSeat(seat, seats, peers, isHidden)) : undefined;
    const guarded = member.role === "sentry" ? peers.filter((peer) => peer.member.role === "validator") : [];
    return {
      ...member,
      peerId,
      config: {
        dataDirectory: "data",
        port: seat.port === 0 ? 0 : seat.port + 1,
        p2pListen: [listenAddressOf(seat)],
        ...(isLoopback(seat.host) || isHidden ? {} : { p2pAnnounce: [addressOf(seat)] }),
        p2pPeers: peers.map((peer) => `${addressOf(peer)}/p2p/${peer.peerId}`),
        ...(guarded.length === 0 ? {} : { p2pPrivatePeers: guarded.map((peer) => peer.peerId) }),
        ...(isHidden ? { p2pOnlyConfigured: true, p2pPeerExchange: false } : {}),
        ...(comet === undefined
          ? {}
          : { engine: "comet" as const, cometHome: COMET_FOLDER, cometRpc: comet.rpc }),
        ...(member.role === "validator" ? { consensusKeyFile: CONSENSUS_KEY_FILE } : {}),
        snapshotEveryBlocks: SNAPSHOT_EVERY_BLOCKS,
      },
      ...(comet === undefined ? {} : { comet }),
    };
  });
}

function describeSeat(
  seat: Seat,
  seats: readonly Seat[],
  peers: readonly Seat[],
  isHidden: boolean,
): CometSeat {
  const { host, port } = seat;
  return {
    host,
    port,
    isHidden,
    isOnLoopback: isLoopback(host),
    isShared: seats.some((other) => other !== seat && other.host === host),
    peers: peers.map((peer) => ({ name: peer.member.name, host: peer.host, port: peer.port })),
  };
}

/** Behind sentries a validator knows its own sentry and nobody else. */
function arePeers({ hasSentries }: NetworkShape, seat: Seat, other: Seat): boolean {
  if (!hasSentries) return true;
  const [hidden, open] = seat.member.role === "validator" ? [seat, other] : [other, seat];
  if (hidden.member.role !== "validator") return true;
  return open.member.name === hidden.member.name.replace("node", "sentry");
}

function seatMembers(shape: NetworkShape, peerIds: readonly PeerId[]): Seat[] {
  const { hosts, basePort } = shape;
  const members = listMembers(shape);
  if (hosts.length !== 1 && hosts.length !== members.length)
    throw new LhgError(
      "init.hosts",
      `must be one, or one for each of the ${members.length} nodes: ${members.map(({ name }) => name).join(", ")}`,
      "--host",
    );
  if (basePort === 0 && members.length > 1)
    throw new LhgError(
      "init.port",
      "can be 0 for a single node only: the others have to know it",
      "--base-port",
    );
  if (basePort === 0 && shape.engine === "comet")
    throw new LhgError("init.port", "can't be 0 with CometBFT, whose ports have to be known", "--base-port");
  const taken = new Map<string, number>();
  return members.map((member, i) => {
    const host = hosts[i] ?? hosts[0]!;
    const before = taken.get(host) ?? 0;
    taken.set(host, before + 1);
    const port = basePort === 0 ? 0 : basePort + PORTS_PER_NODE * before;
    if (port + PORTS_PER_NODE - 1 > PORT_MAX)
      throw new LhgError("init.port", `leaves no ports for ${member.name}: begin lower`, "--base-port");
    return { member, peerId: peerIds[i]!, host, port };
  });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function addressOf({ host, port }: Seat): string {
  if (host === "localhost") return `/ip4/127.0.0.1/tcp/${port}`;
  const kind = isIPv4(host) ? "ip4" : isIPv6(host) ? "ip6" : "dns";
  return `/${kind}/${host}/tcp/${port}`;
}

/** A machine listens on all its addresses: its public one may be that of a router before it. */
function listenAddressOf(seat: Seat): string {
  if (isLoopback(seat.host)) return addressOf(seat);
  return isIPv6(seat.host) ? `/ip6/::/tcp/${seat.port}` : `/ip4/0.0.0.0/tcp/${seat.port}`;
}
