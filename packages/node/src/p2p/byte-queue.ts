/**
 * Bytes as they come, taken out in pieces of the reader's choice. Large pieces are kept as they are and copied once at most; small
 * ones are gathered, since a peer that sends single bytes would otherwise cost a hundred times what it sent.
 */
export interface ByteQueue {
  readonly length: number;
  /** Keeps the bytes: nobody writes to them afterwards. */
  push(bytes: Uint8Array): void;
  /** At most `length`. What is given out is never written to again. */
  take(count: number): Uint8Array;
  /** The byte at a place that is there. */
  at(index: number): number;
}

interface Piece {
  readonly buffer: Uint8Array;
  start: number;
  end: number;
  /** Whether there is room behind `end` that nobody else sees. */
  readonly isOwn: boolean;
}

const SMALL_BYTES = 4 << 10;
const GATHERED_BYTES = 16 << 10;

export function createByteQueue(): ByteQueue {
  const pieces: Piece[] = [];
  let length = 0;

  function append(bytes: Uint8Array): void {
    const last = pieces.at(-1);
    if (last === undefined || bytes.length >= SMALL_BYTES) {
      // Sockets give a Buffer, whose `slice` shares where that of a Uint8Array copies.
      const buffer = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      pieces.push({ buffer, start: 0, end: bytes.length, isOwn: false });
    } else if (last.isOwn && last.end + bytes.length <= last.buffer.length) {
      last.buffer.set(bytes, last.end);
      last.end += bytes.length;
    } else {
      const buffer = new Uint8Array(GATHERED_BYTES);
      buffer.set(bytes);
      pieces.push({ buffer, start: 0, end: bytes.length, isOwn: true });
    }
  }

  function takeFrom(piece: Piece, count: number): Uint8Array {
    const taken = piece.buffer.subarray(piece.start, Math.min(piece.end, piece.start + count));
    piece.start += taken.length;
    length -= taken.length;
    if (piece.start === piece.end) pieces.shift();
    return taken;
  }

  return {
    get length() {
      return length;
    },
    push(bytes) {
      if (bytes.length === 0) return;
      append(bytes);
      length += bytes.length;
    },
    take(count) {
      const first = pieces[0];
      if (first === undefined || count === 0) return new Uint8Array(0);
      if (first.end - first.start >= count) return takeFrom(first, count);
      const joined = new Uint8Array(count);
      for (let offset = 0; offset < count; ) {
        const part = takeFrom(pieces[0]!, count - offset);
        joined.set(part, offset);
        offset += part.length;
      }
      return joined;
    },
    at(index) {
      let offset = index;
      for (const { buffer, start, end } of pieces) {
        if (offset < end - start) return buffer[start + offset]!;
        offset -= end - start;
      }
      throw new RangeError("there is no such byte");
    },
  };
}
