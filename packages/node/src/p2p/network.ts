/**
 * What a node sees of its peers: messages to all, questions to one. How bytes reach them, who may connect and who is
 * shut out stands behind this port; what a message means stands above it.
 */

/** In the text form of libp2p. */
export type PeerId = string;

/** `consensus` goes before everything else; `statements` carries batches of submissions. */
export type Topic = "consensus" | "statements";

/**
 * `accept`: passed on to others. `ignore`: ends here, nobody is blamed. `reject`: ends here, and the peer that handed it over is
 * scored.
 */
export type Verdict = "accept" | "ignore" | "reject";

export interface PeerInfo {
  readonly id: PeerId;
  /** Multiaddr. */
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly connectedAtMs: number;
  /** 0 is unblemished; below the threshold of the configuration the peer is banned. */
  readonly score: number;
}

export interface ServeLimits {
  /** Longer questions are refused before they are read. */
  readonly requestBytesMax: number;
  /** Answers a second to one peer; the rest is refused with `peer.busy`. */
  readonly perSecond: number;
}

export interface AskLimits {
  readonly timeoutMs: number;
  /** A longer answer is cut off and scored. */
  readonly answerBytesMax: number;
}

/** Since the start. */
export interface NetworkCounters {
  /** Of all connections, as encrypted on the wire. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of peers and of addresses. */
  readonly bans: number;
  /** Messages from peers, by topic and by what was made of them. */
  readonly messages: Readonly<Record<Topic, Readonly<Record<Verdict, number>>>>;
}

export interface Network {
  readonly id: PeerId;
  /** Multiaddrs with the peer id, as others dial them. */
  listenAddresses(): readonly string[];
  peers(): readonly PeerInfo[];
  counters(): NetworkCounters;
  /** Hears when a peer has come and when it has gone; returns what ends this. */
  onPeer(listener: (peer: PeerId, state: "connected" | "disconnected") => void): () => void;
  /** Hands a message to all peers, once: the same bytes again within two minutes go nowhere. Never throws; drops what exceeds the queue. */
  publish(topic: Topic, message: Uint8Array): void;
  /** One handler a topic. What it is given came whole, within the limit of the topic, and not before. */
  subscribe(topic: Topic, handler: (message: Uint8Array, from: PeerId) => Verdict | Promise<Verdict>): void;
  /**
   * Asks one peer. Throws `peer.gone`, `peer.timeout`, `peer.busy`, `peer.answer-too-large` or `peer.refused` with the reason that the
   * peer gave.
   */
  ask(peer: PeerId, question: string, body: Uint8Array, limits: AskLimits): Promise<Uint8Array>;
  /** Answers a question; an `LhgError` of the handler reaches the asker as `peer.refused`. */
  serve(
    question: string,
    limits: ServeLimits,
    handler: (body: Uint8Array, from: PeerId) => Promise<Uint8Array>,
  ): void;
  /** Scores a peer for what the layers above found; many of these ban it for a while. */
  penalise(peer: PeerId, reason: string): void;
  stop(): Promise<void>;
}

/** Bytes of one message of a topic. */
export const TOPIC_BYTES_MAX: Readonly<Record<Topic, number>> = {
  /** A RecoveryMessage with two proposals. */
  consensus: (3 << 20) + 64,
  /** A frame of gossipsub has 4 MiB, with the name of the topic in it. */
  statements: (4 << 20) - 1_024,
};
