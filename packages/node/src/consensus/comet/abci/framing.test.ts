import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { createFrameReader, encodeFrame, FRAME_BYTES_LIMIT } from "./framing.ts";

const FRAME_BYTES_MAX = 40_000;

const message = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  // Around the lengths where the varint grows.
  fc.constantFrom(126, 127, 128, 129, 16_383, 16_384, 20_000, FRAME_BYTES_MAX).map((length) => {
    const bytes = new Uint8Array(length);
    return bytes.map((_, i) => i & 0xff);
  }),
);

function readAll(reader: ReturnType<typeof createFrameReader>): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) messages.push(next);
  return messages;
}

const refused = (error: unknown): boolean => error instanceof LhgError && error.code === "abci.frame";

test("however a stream of messages is cut into chunks, the same messages come out", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (messages, cuts) => {
        const stream = concatBytes(...messages.map(encodeFrame));
        const places = cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b);
        const reader = createFrameReader(FRAME_BYTES_MAX);
        const read = [...places, stream.length].flatMap((end, i) => {
          reader.push(stream.slice(places[i - 1] ?? 0, end));
          return readAll(reader);
        });
        assert.deepEqual(read, messages);
        assert.equal(reader.isUnfinished, false);
      },
    ),
  );
});

test("single bytes give the same messages", () => {
  const messages = [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(300).fill(7)];
  const reader = createFrameReader(FRAME_BYTES_MAX);
  const read = [...concatBytes(...messages.map(encodeFrame))].flatMap((byte) => {
    reader.push(Uint8Array.of(byte));
    return readAll(reader);
  });
  assert.deepEqual(read, messages);
});

test("many messages in one chunk are not copied", () => {
  const chunk = concatBytes(encodeFrame(Uint8Array.of(1, 2)), encodeFrame(Uint8Array.of(3)));
  const reader = createFrameReader(FRAME_BYTES_MAX);
  reader.push(chunk);
  for (const read of readAll(reader)) assert.equal(read.buffer, chunk.buffer);
});

test("a message that has begun is known as unfinished, also when only its length came", () => {
  const reader = createFrameReader(FRAME_BYTES_MAX);
  assert.equal(reader.isUnfinished, false);
  reader.push(Uint8Array.of(2));
  assert.equal(reader.next(), undefined);
  assert.equal(reader.isUnfinished, true);
  reader.push(Uint8Array.of(1));
  assert.equal(reader.next(), undefined);
  reader.push(Uint8Array.of(1));
  assert.ok(equalBytes(reader.next()!, Uint8Array.of(1, 1)));
  assert.equal(reader.isUnfinished, false);
});

const REFUSED: readonly (readonly [name: string, bytes: readonly number[], bytesMax?: number])[] = [
  ["a length above the limit", [0xc1, 0xb8, 0x02]],
  ["a length above the limit that is not whole", [0xff, 0xff, 0xff]],
  ["zero in two bytes", [0x80, 0x00]],
  ["one in two bytes", [0x81, 0x00]],
  ["one in five bytes", [0x81, 0x80, 0x80, 0x80, 0x00]],
  ["a length of six bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ["2 GiB, where all is taken that the engine can send", [0x80, 0x80, 0x80, 0x80, 0x08], FRAME_BYTES_LIMIT],
  ["2^35 - 1", [0xff, 0xff, 0xff, 0xff, 0x7f], FRAME_BYTES_LIMIT],
];

for (const [name, bytes, bytesMax] of REFUSED)
  test(`refused: ${name}`, () => {
    const reader = createFrameReader(bytesMax ?? FRAME_BYTES_MAX);
    reader.push(Uint8Array.from(bytes));
    assert.throws(() => reader.next(), refused);
  });

test("a length up to the limit is taken, and nothing is allocated for it before it comes", () => {
  const reader = createFrameReader(FRAME_BYTES_LIMIT);
  reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07));
  const before = process.memoryUsage().arrayBuffers;
  assert.equal(reader.next(), undefined);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
});
