/** How much one client may have of the node. Sizes in bytes, times in milliseconds. */
export interface ApiLimits {
  /** Of a request. */
  readonly bodySizeBytesMax: number;
  /** Of all requests that are arriving, together. */
  readonly bodiesBytesMax: number;
  readonly urlSizeBytesMax: number;
  readonly headerSizeBytesMax: number;
  /** Statements in one request. */
  readonly batchStatementsMax: number;
  /** Open sockets; beyond it the longest idle one is cut. */
  readonly connectionsMax: number;
  readonly headersTimeoutMs: number;
  /** For the whole request to arrive. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly requestsPerSocketMax: number;
  /** Per address, refilled continuously; costly questions count more than once. 0 is no limit. */
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  /** Listeners of the event stream, and what may wait unsent for one of them. */
  readonly streamClientsMax: number;
  readonly streamBufferBytesMax: number;
  readonly streamHeartbeatMs: number;
}

export const DEFAULT_LIMITS: ApiLimits = {
  bodySizeBytesMax: 8 << 20,
  bodiesBytesMax: 128 << 20,
  urlSizeBytesMax: 8 << 10,
  headerSizeBytesMax: 16 << 10,
  batchStatementsMax: 1_000,
  connectionsMax: 2_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  requestsPerSocketMax: 100_000,
  requestsPerSecond: 5_000,
  requestsBurst: 20_000,
  streamClientsMax: 500,
  streamBufferBytesMax: 1 << 20,
  streamHeartbeatMs: 15_000,
};
