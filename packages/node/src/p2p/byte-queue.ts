/**
 * Bytes as they come, taken out in pieces of the reader's choice. Grows by doubling: a peer that sends single bytes would otherwise
 * cost ten times what it sent, or be copied once for each.
 */
export interface ByteQueue {
  readonly length: number;
  push(bytes: Uint8Array): void;
  /** At most `length`. What is given out is never written to again. */
  take(count: number): Uint8Array;
  /** The byte at a place that is there. */
  at(index: number): number;
}

export function createByteQueue(): ByteQueue {
  let buffer: Uint8Array = new Uint8Array(0);
  let isOwn = false;
  let start = 0;
  let end = 0;
  return {
    get length() {
      return end - start;
    },
    push(bytes) {
      const length = end - start;
      if (length === 0) {
        // Sockets give a Buffer, whose `slice` shares where that of a Uint8Array copies.
        buffer = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
        isOwn = false;
        start = 0;
        end = bytes.length;
        return;
      }
      if (!isOwn || end + bytes.length > buffer.length) {
        const grown = new Uint8Array(Math.max(2 * length, length + bytes.length));
        grown.set(buffer.subarray(start, end));
        buffer = grown;
        isOwn = true;
        start = 0;
        end = length;
      }
      buffer.set(bytes, end);
      end += bytes.length;
    },
    take(count) {
      const taken = buffer.subarray(start, start + count);
      start += count;
      return taken;
    },
    at: (index) => buffer[start + index]!,
  };
}
