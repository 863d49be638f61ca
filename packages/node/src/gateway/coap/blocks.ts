/** Block-wise transfer (RFC 7959): what comes in parts is gathered within bounds, what is long is answered in parts. */
import { LhgError } from "@lhg/protocol/core/errors";
import { type CoapMessage, type CoapOption, readUint, uintOption } from "./message.ts";

export interface Block {
  readonly number: number;
  readonly isMore: boolean;
  readonly sizeBytes: number;
}

export const BLOCK_BYTES_MIN = 16;
/** The exponent 7 is reserved: 1024 bytes are the most. */
const EXPONENT_MAX = 6;
const NUMBER_MAX = 0xfffff;
export const BLOCK_BYTES_MAX = BLOCK_BYTES_MIN << EXPONENT_MAX;

/** Undefined where the option is absent. Throws `coap.option`. */
export function readBlock(message: Pick<CoapMessage, "options">, option: number): Block | undefined {
  const value = readUint(message, option);
  if (value === undefined) return undefined;
  const exponent = value & 7;
  const number = Math.floor(value / 16);
  if (exponent > EXPONENT_MAX || number > NUMBER_MAX)
    throw new LhgError("coap.option", "must be a block of 16 to 1024 bytes", `option ${option}`);
  return { number, isMore: (value & 8) !== 0, sizeBytes: BLOCK_BYTES_MIN << exponent };
}

export function blockOption(option: number, { number, isMore, sizeBytes }: Block): CoapOption {
  const exponent = Math.log2(sizeBytes / BLOCK_BYTES_MIN);
  return uintOption(option, number * 16 + (isMore ? 8 : 0) + exponent);
}

/** The largest block that fits; undefined where not even the smallest does. */
export function fitBlock(roomBytes: number): number | undefined {
  for (let sizeBytes = BLOCK_BYTES_MAX; sizeBytes >= BLOCK_BYTES_MIN; sizeBytes /= 2)
    if (sizeBytes <= roomBytes) return sizeBytes;
  return undefined;
}

export interface ReassemblyLimits {
  /** Of one body. */
  readonly bodyBytesMax: number;
  /** Of all bodies that are under way. */
  readonly totalBytesMax: number;
  /** Bodies under way of one address, and of all. */
  readonly perAddressMax: number;
  readonly bodiesMax: number;
  /** Without a new block a body is given up after this time. */
  readonly idleMs: number;
}

export const DEFAULT_REASSEMBLY_LIMITS: ReassemblyLimits = {
  // A statement of 1 MiB with its frame, as the inbox takes one.
  bodyBytesMax: (1 << 20) + 1024,
  totalBytesMax: 16 << 20,
  perAddressMax: 4,
  bodiesMax: 256,
  idleMs: 30_000,
};

export interface Reassembly {
  /**
   * Adds a block of the body of `key`; returns the body once it is whole. Throws `coap.too-large`, `coap.incomplete` where a block is
   * missing or of another size, `gateway.busy` where too many bodies are under way.
   */
  add(place: BodyPlace, block: Block, payload: Uint8Array, nowMs: number): Uint8Array | undefined;
  readonly sizeBytes: number;
  readonly count: number;
}

export interface BodyPlace {
  readonly address: string;
  /** Distinguishes the bodies of one address: its port, what is asked and its format. */
  readonly key: string;
}

interface Body {
  readonly address: string;
  /** Grows by doubling: a list of blocks of 16 bytes would cost ten times what they hold. */
  bytes: Uint8Array;
  sizeBytes: number;
  atMs: number;
}

const FIRST_BYTES = 1024;

export function createReassembly(limits: ReassemblyLimits = DEFAULT_REASSEMBLY_LIMITS): Reassembly {
  /** In the order of their last block. */
  const bodies = new Map<string, Body>();
  let totalBytes = 0;

  function drop(key: string): void {
    totalBytes -= bodies.get(key)?.bytes.length ?? 0;
    bodies.delete(key);
  }

  function dropIdle(nowMs: number): void {
    for (const [key, { atMs }] of bodies) {
      if (atMs + limits.idleMs > nowMs) return;
      drop(key);
    }
  }

  function start(address: string, nowMs: number): Body {
    const own = [...bodies.values()].filter((body) => body.address === address).length;
    if (own >= limits.perAddressMax || bodies.size >= limits.bodiesMax)
      throw new LhgError("gateway.busy", "too many bodies are under way; try again", "Block1");
    return { address, bytes: new Uint8Array(FIRST_BYTES), sizeBytes: 0, atMs: nowMs };
  }

  return {
    get sizeBytes() {
      return totalBytes;
    },
    get count() {
      return bodies.size;
    },
    add({ address, key }, { number, isMore, sizeBytes }, payload, nowMs) {
      dropIdle(nowMs);
      if (number === 0) drop(key);
      const body = number === 0 ? start(address, nowMs) : bodies.get(key);
      if (isMore ? payload.length !== sizeBytes : payload.length > sizeBytes)
        throw new LhgError("coap.incomplete", "must be as long as its option says", "payload");
      if (body === undefined || body.sizeBytes !== number * sizeBytes) {
        drop(key);
        throw new LhgError("coap.incomplete", "must follow the block before it", "Block1");
      }
      drop(key);
      if (body.sizeBytes + payload.length > limits.bodyBytesMax)
        throw new LhgError("coap.too-large", `must be at most ${limits.bodyBytesMax} bytes`, "payload");
      append(body, payload);
      if (!isMore) return body.bytes.subarray(0, body.sizeBytes);
      if (totalBytes + body.bytes.length > limits.totalBytesMax)
        throw new LhgError("gateway.busy", "too much is under way; try again", "Block1");
      body.atMs = nowMs;
      bodies.set(key, body);
      totalBytes += body.bytes.length;
      return undefined;
    },
  };
}

function append(body: Body, payload: Uint8Array): void {
  const sizeBytes = body.sizeBytes + payload.length;
  if (sizeBytes > body.bytes.length) {
    const grown = new Uint8Array(Math.max(sizeBytes, 2 * body.bytes.length));
    grown.set(body.bytes.subarray(0, body.sizeBytes));
    body.bytes = grown;
  }
  body.bytes.set(payload, body.sizeBytes);
  body.sizeBytes = sizeBytes;
}
