/** Multiaddrs: what we dial, and where a peer sits. */
import { BlockList, isIPv4 } from "node:net";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import type { PeerId } from "./network.ts";

export interface PeerAddress {
  readonly id: PeerId;
  readonly address: Multiaddr;
}

export type Reach = "loopback" | "private" | "public";

/** A multiaddr of a node is about 90 characters. */
const ADDRESS_CHARACTERS_MAX = 256;
const HOSTS: readonly string[] = ["ip4", "ip6", "dns", "dns4", "dns6"];
/** Ed25519 as identity multihash in base58: what `peerIdOf` makes. */
const ED25519_PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");
/** RFC 6890: what nobody reaches from elsewhere. */
const PRIVATE = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["224.0.0.0", 3],
] as const)
  PRIVATE.addSubnet(net, bits, "ipv4");
PRIVATE.addAddress("::", "ipv6");
for (const [net, bits] of [
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  PRIVATE.addSubnet(net, bits, "ipv6");

/** `host/tcp/port`, and `/p2p/id` after it. Throws `config.invalid` naming the entry. */
export function parsePeerAddress(text: string, field: string): PeerAddress {
  const address = parseAddress(text, field);
  const [, , peer] = address.getComponents();
  if (peer?.name !== "p2p" || peer.value === undefined || !ED25519_PEER_ID.test(peer.value))
    throw new LhgError("config.invalid", `must end with /p2p/<id> of a node: ${shorten(text)}`, field);
  return { id: peer.value, address };
}

/** `host/tcp/port`, to listen on or to announce. Throws `config.invalid` naming the entry. */
export function parseListenAddress(text: string, field: string): Multiaddr {
  const address = parseAddress(text, field);
  if (address.getComponents().length > 2)
    throw new LhgError("config.invalid", `must end with the port: ${shorten(text)}`, field);
  return address;
}

function parseAddress(text: string, field: string): Multiaddr {
  const refuse = (message: string): never => {
    throw new LhgError("config.invalid", `${message}: ${shorten(text)}`, field);
  };
  if (text.length > ADDRESS_CHARACTERS_MAX) refuse("is too long for an address");
  let address: Multiaddr;
  try {
    address = multiaddr(text);
  } catch {
    return refuse("is no multiaddr");
  }
  const [host, tcp, , more] = address.getComponents();
  if (host === undefined || !HOSTS.includes(host.name) || tcp?.name !== "tcp" || more !== undefined)
    refuse("must be an address of TCP, such as /ip4/192.0.2.1/tcp/4001");
  return address;
}

function shorten(text: string): string {
  return text.length > ADDRESS_CHARACTERS_MAX ? `${text.slice(0, ADDRESS_CHARACTERS_MAX)}...` : text;
}

/** Undefined for a name. */
export function ipOf(address: Multiaddr): string | undefined {
  const [host] = address.getComponents();
  return host?.name === "ip4" || host?.name === "ip6" ? host.value : undefined;
}

export function reachOf(ip: string): Reach {
  const family = isIPv4(ip) ? "ipv4" : "ipv6";
  if (LOOPBACK.check(ip, family)) return "loopback";
  return PRIVATE.check(ip, family) ? "private" : "public";
}
