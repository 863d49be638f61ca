/**
 * Reads no more of MQTT 3.1.1 than where packets begin and end: type and remaining length, the two things that say what a
 * packet will cost before any of it is kept. The broker behind would gather up to 256 MB of a packet that never ends.
 */
import { LhgError } from "@lhg/protocol/core/errors";

export const CONNECT = 1;
const PUBLISH = 3;
const PUBREL = 6;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;

/** What clients may send: section 2.2.1 of the standard. PUBACK, PUBREC and PUBCOMP answer what they were sent. */
const FROM_CLIENTS: ReadonlySet<number> = new Set([
  CONNECT,
  PUBLISH,
  4,
  5,
  PUBREL,
  7,
  SUBSCRIBE,
  UNSUBSCRIBE,
  12,
  14,
]);
/** Section 2.2.2: the flags of all but PUBLISH are fixed. */
const FLAGS_TWO: ReadonlySet<number> = new Set([PUBREL, SUBSCRIBE, UNSUBSCRIBE]);
const LENGTH_BYTES_MAX = 4;

export interface PacketMeter {
  /** Of the packet that was begun last. */
  readonly type: number;
  /** Bytes of the packet that has not ended yet; 0 between packets. */
  readonly unfinishedBytes: number;
  /**
   * Goes on from `at` to the end of the packet or of the chunk, whichever comes first, and returns where that is. Throws
   * `mqtt.packet-malformed`, and `mqtt.packet-too-large` as soon as the length is known.
   */
  advance(chunk: Uint8Array, at: number): number;
  /** For packets from the next on. */
  setBytesMax(packetBytesMax: number): void;
}

export function createPacketMeter(packetBytesMax: number): PacketMeter {
  let bytesMax = packetBytesMax;
  let type = 0;
  let headerBytes = 0;
  let readBytes = 0;
  /** What is left after the header; complete once `isSized`. */
  let remaining = 0;
  let isSized = false;

  /** One byte of the fixed header. */
  function readHeader(byte: number): void {
    if (headerBytes === 0) {
      type = byte >> 4;
      checkFirst(type, byte & 0x0f);
      remaining = 0;
      readBytes = 0;
      isSized = false;
    } else {
      remaining += (byte & 0x7f) * 2 ** (7 * (headerBytes - 1));
      isSized = byte < 0x80;
      if (!isSized && headerBytes === LENGTH_BYTES_MAX)
        throw new LhgError("mqtt.packet-malformed", "has a length of more than four bytes", "length");
    }
    headerBytes += 1;
    readBytes += 1;
    if (isSized && headerBytes + remaining > bytesMax)
      throw new LhgError("mqtt.packet-too-large", `must be at most ${bytesMax} bytes`, "length");
  }

  return {
    get type() {
      return type;
    },
    get unfinishedBytes() {
      return readBytes;
    },
    advance(chunk, from) {
      let at = from;
      while (!isSized || headerBytes === 0) {
        if (at === chunk.length) return at;
        readHeader(chunk[at++]!);
      }
      const taken = Math.min(remaining, chunk.length - at);
      remaining -= taken;
      readBytes += taken;
      if (remaining === 0) {
        headerBytes = 0;
        readBytes = 0;
      }
      return at + taken;
    },
    setBytesMax(given) {
      bytesMax = given;
    },
  };
}

function checkFirst(type: number, flags: number): void {
  if (!FROM_CLIENTS.has(type))
    throw new LhgError("mqtt.packet-malformed", `is of type ${type}, which no client sends`, "type");
  const isFine = type === PUBLISH ? (flags & 0x06) !== 0x06 : flags === (FLAGS_TWO.has(type) ? 2 : 0);
  if (!isFine) throw new LhgError("mqtt.packet-malformed", `has the flags ${flags}`, "flags");
}
