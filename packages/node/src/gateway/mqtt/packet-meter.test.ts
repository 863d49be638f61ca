import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { createPacketMeter } from "./packet-meter.ts";

const BYTES_MAX = 1_024;

function encodeLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return bytes;
}

const makePacket = (first: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([first, ...encodeLength(length)]), Buffer.alloc(length, 0xff)]);

/** Ends of packets, as the meter sees them when the bytes come in these pieces. */
function measure(bytes: Buffer, cuts: readonly number[]): { ends: number[]; types: number[] } {
  const meter = createPacketMeter(BYTES_MAX);
  const found: { ends: number[]; types: number[] } = { ends: [], types: [] };
  const borders = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let begin = 0;
  for (const end of [...borders, bytes.length]) {
    const chunk = bytes.subarray(begin, end);
    for (let at = 0; at < chunk.length; ) {
      at = meter.advance(chunk, at);
      if (meter.unfinishedBytes > 0) continue;
      found.ends.push(begin + at);
      found.types.push(meter.type);
    }
    begin = end;
  }
  return found;
}

test("packets end where they end, however the bytes arrive", () => {
  const packet = fc.tuple(
    fc.constantFrom(0x10, 0x30, 0x32, 0x3d, 0x40, 0x62, 0x82, 0xc0, 0xe0),
    fc.nat(1_000),
  );
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 8 }), fc.array(fc.nat()), (packets, cuts) => {
      const made = packets.map(([first, length]) => makePacket(first, length));
      let end = 0;
      const ends = made.map(({ length }) => (end += length));
      assert.deepEqual(measure(Buffer.concat(made), cuts), {
        ends,
        types: packets.map(([first]) => first >> 4),
      });
    }),
  );
});

test("whatever comes is measured or refused, and never more is let through than a packet may have", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), (chunks) => {
      const meter = createPacketMeter(BYTES_MAX);
      try {
        for (const chunk of chunks)
          for (let at = 0; at < chunk.length; ) {
            const next = meter.advance(chunk, at);
            assert.ok(next > at && next <= chunk.length);
            assert.ok(meter.unfinishedBytes < BYTES_MAX);
            at = next;
          }
      } catch (error) {
        assert.ok(error instanceof LhgError, String(error));
        assert.match(error.code, /^mqtt\.packet-(malformed|too-large)$/);
      }
    }),
    { numRuns: 1_000 },
  );
});

function refusalOf(...bytes: number[]): string | undefined {
  try {
    createPacketMeter(BYTES_MAX).advance(Uint8Array.from(bytes), 0);
    return undefined;
  } catch (error) {
    return (error as LhgError).code;
  }
}

test("a length is refused as soon as it is known, at the very byte", () => {
  assert.equal(refusalOf(0x30, ...encodeLength(BYTES_MAX - 3)), undefined);
  assert.equal(refusalOf(0x30, ...encodeLength(BYTES_MAX - 2)), "mqtt.packet-too-large");
  assert.equal(refusalOf(0x10, 0xff, 0xff, 0xff, 0x7f), "mqtt.packet-too-large");
  assert.equal(refusalOf(0x10, 0xff, 0xff, 0xff), undefined);
  assert.equal(refusalOf(0x10, 0xff, 0xff, 0xff, 0xff), "mqtt.packet-malformed");
  assert.equal(refusalOf(0x30, 0x80, 0x80, 0x80, 0x80, 0x01), "mqtt.packet-malformed");
});

test("types that no client sends and flags that the standard fixes are refused at the first byte", () => {
  for (const first of [
    0x00, 0x20, 0x90, 0xb0, 0xd0, 0xf0, 0x36, 0x3e, 0x11, 0x80, 0x81, 0x60, 0x47, 0xc1, 0xe8,
  ])
    assert.equal(refusalOf(first), "mqtt.packet-malformed", first.toString(16));
  for (const first of [0x10, 0x30, 0x3d, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0])
    assert.equal(refusalOf(first), undefined, first.toString(16));
});
