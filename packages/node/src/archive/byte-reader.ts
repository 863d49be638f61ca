import { LhgError } from "@lhg/protocol/core/errors";

export interface ByteReader {
  /** Exactly so many bytes, in one piece. Throws `archive.damaged` at the end. */
  read(sizeBytes: number): Promise<Uint8Array>;
  /** Exactly so many bytes, as they come. */
  stream(sizeBytes: number): AsyncGenerator<Uint8Array>;
  /** Throws `archive.damaged` where anything follows. */
  assertEnd(): Promise<void>;
}

const EMPTY = new Uint8Array(0);

/** Cuts a stream into pieces whose sizes the reader knows beforehand. */
export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Uint8Array = EMPTY;
  const fill = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return false;
      rest = next.value;
    }
    return true;
  };
  async function* stream(sizeBytes: number): AsyncGenerator<Uint8Array> {
    for (let left = sizeBytes; left > 0; ) {
      if (!(await fill())) throw new LhgError("archive.damaged", "ends too early");
      const chunk = rest.subarray(0, left);
      rest = rest.subarray(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }
  return {
    stream,
    read: async (sizeBytes) => {
      const parts: Uint8Array[] = [];
      for await (const part of stream(sizeBytes)) parts.push(part);
      return Buffer.concat(parts);
    },
    assertEnd: async () => {
      if (await fill()) throw new LhgError("archive.damaged", "goes on after its last file");
    },
  };
}
