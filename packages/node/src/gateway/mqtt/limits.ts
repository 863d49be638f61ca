import type { Rate } from "./allowance.ts";

export interface MqttLimits {
  readonly connectionsMax: number;
  /** Of one remote address, or of its /64 where it is IPv6; as the other limits of a remote. */
  readonly remoteConnectionsMax: number;
  /** Of the first packet of a connection. */
  readonly connectBytesMax: number;
  /** Of every later packet. */
  readonly packetBytesMax: number;
  /** From the first byte on the socket (TLS included) until CONNECT is accepted. */
  readonly connectTimeoutMs: number;
  /** From the first to the last byte of a packet. */
  readonly packetTimeoutMs: number;
  /** Keepalive of who asks for none, or for a longer one; silence of one and a half times this ends the connection. */
  readonly keepaliveSecondsMax: number;
  readonly messages: Rate;
  readonly bytes: Rate;
  readonly remoteMessages: Rate;
  readonly remoteBytes: Rate;
  /** Of all packets that have not ended, over all connections. */
  readonly unfinishedBytesMax: number;
  /** Of what a client does not read. */
  readonly unsentBytesMax: number;
  /** Messages of one connection that wait for the node. */
  readonly inFlightMax: number;
}

export const DEFAULT_MQTT_LIMITS: MqttLimits = {
  connectionsMax: 10_000,
  remoteConnectionsMax: 2_000,
  connectBytesMax: 1 << 10,
  // The largest collection that the chain takes by default, its topic and its wrapping.
  packetBytesMax: (256 << 10) + 1_024,
  connectTimeoutMs: 10_000,
  packetTimeoutMs: 60_000,
  keepaliveSecondsMax: 1_200,
  messages: { perSecond: 50, burst: 200 },
  bytes: { perSecond: 256 << 10, burst: 1 << 20 },
  remoteMessages: { perSecond: 2_000, burst: 8_000 },
  remoteBytes: { perSecond: 16 << 20, burst: 64 << 20 },
  unfinishedBytesMax: 64 << 20,
  unsentBytesMax: 1 << 20,
  inFlightMax: 256,
};
