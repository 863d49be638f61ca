/** What a peer may cost. Tests pass smaller ones; nobody else does. */

export interface P2pBounds {
  /** A connection that has not spoken our protocols by then is closed. */
  readonly readyMs: number;
  /** Noise and yamux have to be agreed on by then: a socket that says nothing holds a place for so long. */
  readonly handshakeMs: number;
  readonly dialMs: number;
  /** Pings, stalls and idle peers are looked at so often. */
  readonly tickMs: number;
  /** So many ticks without a byte: the link is cut, though TCP does not know yet (its resends back off to minutes). */
  readonly silentTicksMax: number;
  /** So many ticks for a frame to come whole, or for a byte of an answer to be taken. */
  readonly stalledTicksMax: number;
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
  /** A peer of another chain is not there by accident: it is asked again after this. */
  readonly otherChainRedialMs: number;
  readonly banMs: number;
  /** A configured peer is wanted back: long enough to end a burst. */
  readonly configuredBanMs: number;
  /** Sockets of one address, open or at their handshake; ten nodes behind one router are more than anybody runs. */
  readonly socketsPerIpMax: number;
  /** New sockets of one address: a burst, then so many a second. */
  readonly dialsPerIpBurst: number;
  readonly dialsPerIpPerSecond: number;
  /** Sockets at their handshake, from everywhere. */
  readonly handshakesMax: number;
  /** Whether loopback is counted like any other address: several nodes on one machine share it. */
  readonly limitLoopback: boolean;
  /** Bytes of gossip a second that one peer may hand us: 20 times what 3,000 transfers a second need. */
  readonly gossipBytesPerSecond: number;
  readonly gossipBytesBurst: number;
  /** Messages a second: 50 validators with ten blocks a second send 2,000 votes, and each may come from several. */
  readonly gossipMessagesPerSecond: number;
  readonly gossipMessagesBurst: number;
  /** Frames of the question stream. An asker is also bound by `ServeLimits.perSecond`, which answers it kindly. */
  readonly framesPerSecond: number;
  readonly framesBurst: number;
  /** Streams a peer may open: it needs four, and again after a reset. */
  readonly streamsPerSecond: number;
  readonly streamsBurst: number;
  /** How much more a configured peer may send before it counts as excessive. */
  readonly configuredFactor: number;
  /** Messages that wait for a verdict, from one peer: what is over waits in the peer's own buffers. */
  readonly pendingMessagesMax: number;
  readonly pendingBytesMax: number;
  /** Bytes that wait for one peer to take them; a message that would go over is not sent to it. */
  readonly backlogBytesMax: { readonly consensus: number; readonly statements: number };
  readonly peerExchangeMs: number;
  /** Peers that peer exchange and mDNS dial up to. */
  readonly peersTarget: number;
}

export const P2P_BOUNDS: P2pBounds = {
  readyMs: 10_000,
  handshakeMs: 5_000,
  dialMs: 5_000,
  tickMs: 2_000,
  silentTicksMax: 4,
  stalledTicksMax: 10,
  redialMinMs: 250,
  redialMaxMs: 2_500,
  otherChainRedialMs: 60_000,
  banMs: 600_000,
  configuredBanMs: 5_000,
  socketsPerIpMax: 10,
  dialsPerIpBurst: 20,
  dialsPerIpPerSecond: 2,
  handshakesMax: 64,
  limitLoopback: false,
  gossipBytesPerSecond: 16 << 20,
  gossipBytesBurst: 64 << 20,
  gossipMessagesPerSecond: 4_000,
  gossipMessagesBurst: 12_000,
  framesPerSecond: 1_000,
  framesBurst: 4_000,
  streamsPerSecond: 1,
  streamsBurst: 50,
  configuredFactor: 4,
  pendingMessagesMax: 512,
  pendingBytesMax: 16 << 20,
  backlogBytesMax: { consensus: 16 << 20, statements: 12 << 20 },
  peerExchangeMs: 30_000,
  peersTarget: 12,
};

/** Bytes of a chunk of an answer: small ones get in between. */
export const CHUNK_BYTES = 64 << 10;
/** Bytes of a question's body, whatever the limit of its handler is. */
export const QUESTION_BYTES_MAX = 1 << 20;
export const QUESTION_NAME_BYTES_MAX = 64;
/** Questions open at one peer. */
export const QUESTIONS_OPEN_MAX = 32;
/** Answers that wait for one peer to take them. */
export const ANSWERS_BYTES_MAX = 128 << 20;
/** The same of all peers together, however many somebody pretends to be. */
export const ANSWERS_BYTES_MAX_ALL = 256 << 20;
/** Small frames that wait for one peer to take them. */
export const CONTROL_FRAMES_MAX = 1_000;
/** What may still come of an answer that was called off: a window of yamux and what stood in buffers. */
export const CANCELLED_BYTES_MAX = 16 << 20;
export const REASON_BYTES_MAX = 1_024;
