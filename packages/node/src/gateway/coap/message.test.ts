import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8, fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { blockOption, createReassembly, DEFAULT_REASSEMBLY_LIMITS, fitBlock, readBlock } from "./blocks.ts";
import { createExchanges } from "./exchanges.ts";
import { type CoapMessage, decodeMessage, encodeMessage, OPTIONS } from "./message.ts";

const option = fc.record(
  { number: fc.nat({ max: 65_535 }), value: fc.uint8Array({ maxLength: 300 }) },
  { noNullPrototype: true },
);
const message: fc.Arbitrary<CoapMessage> = fc.record({
  type: fc.nat({ max: 3 }),
  code: fc.integer({ min: 1, max: 255 }),
  messageId: fc.nat({ max: 65_535 }),
  token: fc.uint8Array({ maxLength: 8 }),
  options: fc.array(option, { maxLength: 4 }).map((options) => options.sort((a, b) => a.number - b.number)),
  payload: fc.uint8Array({ maxLength: 200 }),
});

test("the example of RFC 7252, appendix A, is read and written as it stands there", () => {
  // CON [0x7d34] GET /temperature, and its answer 2.05 "22.3 C".
  const request: CoapMessage = {
    type: 0,
    code: 1,
    messageId: 0x7d34,
    token: new Uint8Array(0),
    options: [{ number: OPTIONS.uriPath, value: encodeUtf8("temperature") }],
    payload: new Uint8Array(0),
  };
  assert.equal(toHex(encodeMessage(request)), "40017d34bb74656d7065726174757265");
  const answer = decodeMessage(fromHex("60457d34ff32322e332043"));
  assert.deepEqual([answer.type, answer.code, answer.messageId], [2, 0x45, 0x7d34]);
  assert.deepEqual(answer.payload, encodeUtf8("22.3 C"));
});

test("what is written is read as it was", () => {
  fc.assert(
    fc.property(message, (given) => {
      const bytes = encodeMessage(given);
      if (bytes.length > 1500) return;
      const read = decodeMessage(bytes);
      assert.deepEqual(toHex(encodeMessage(read)), toHex(bytes));
      assert.deepEqual({ ...read, token: [...read.token] }, { ...given, token: [...given.token] });
    }),
  );
});

test("any other bytes are refused by name, and nothing else happens", () => {
  const refusal = (bytes: Uint8Array): void => {
    try {
      decodeMessage(bytes);
    } catch (error) {
      assert.ok(error instanceof LhgError, String(error));
      assert.equal(error.code, "coap.malformed");
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1600 }), refusal), { numRuns: 2_000 });
  // Beginning as a request does, so that options and lengths are reached.
  const likely = fc
    .uint8Array({ maxLength: 64 })
    .map((rest) => new Uint8Array([0x44, 2, 0, 1, 1, 2, 3, 4, ...rest]));
  fc.assert(fc.property(likely, refusal), { numRuns: 2_000 });
  for (const hex of [
    "",
    "40",
    "80010000",
    "49010000",
    "4000000000",
    "40010000ff",
    "40010000d0",
    "40010000e000",
    "40010000f0",
    "4001000051",
  ])
    assert.throws(() => decodeMessage(fromHex(hex)), { code: "coap.malformed" }, hex);
});

test("block options keep number, size and whether more follows", () => {
  const sizes = fc.constantFrom(16, 32, 64, 128, 256, 512, 1024);
  fc.assert(
    fc.property(fc.nat({ max: 0xfffff }), fc.boolean(), sizes, (number, isMore, sizeBytes) => {
      const block = { number, isMore, sizeBytes };
      assert.deepEqual(readBlock({ options: [blockOption(27, block)] }, 27), block);
    }),
  );
  assert.throws(() => readBlock({ options: [{ number: 27, value: new Uint8Array([7]) }] }, 27), {
    code: "coap.option",
  });
  assert.deepEqual([fitBlock(15), fitBlock(16), fitBlock(1023), fitBlock(9000)], [undefined, 16, 512, 1024]);
});

const place = (address: string, key = address) => ({ address, key });
const block = (number: number, isMore: boolean) => ({ number, isMore, sizeBytes: 16 });

test("a body is gathered in order, begins anew with block 0, and is given up when idle", () => {
  const reassembly = createReassembly();
  const part = new Uint8Array(16).fill(1);
  assert.equal(reassembly.add(place("a"), block(0, true), part, 0), undefined);
  assert.equal(reassembly.add(place("a"), block(0, true), part, 1), undefined);
  assert.equal(reassembly.add(place("a"), block(1, true), part, 2), undefined);
  const whole = reassembly.add(place("a"), block(2, false), new Uint8Array([2]), 3);
  assert.deepEqual(whole, new Uint8Array([...part, ...part, 2]));
  assert.deepEqual([reassembly.count, reassembly.sizeBytes], [0, 0]);
  reassembly.add(place("a"), block(0, true), part, 4);
  assert.throws(() => reassembly.add(place("a"), block(2, true), part, 5), { code: "coap.incomplete" });
  reassembly.add(place("a"), block(0, true), part, 6);
  assert.throws(() => reassembly.add(place("a"), block(1, true), part, 60_000), { code: "coap.incomplete" });
  assert.throws(() => reassembly.add(place("a"), block(0, true), part.subarray(1), 60_001), {
    code: "coap.incomplete",
  });
});

test("bodies are bounded in size, number and sum, whatever is sent", () => {
  const limits = { ...DEFAULT_REASSEMBLY_LIMITS, bodyBytesMax: 64, totalBytesMax: 4096, bodiesMax: 8 };
  const step = fc.record({
    from: fc.nat({ max: 5 }),
    port: fc.nat({ max: 5 }),
    number: fc.nat({ max: 6 }),
    isMore: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const reassembly = createReassembly(limits);
      for (const [i, { from, port, number, isMore }] of steps.entries()) {
        try {
          reassembly.add(place(`${from}`, `${from} ${port}`), block(number, isMore), new Uint8Array(16), i);
        } catch (error) {
          assert.ok(error instanceof LhgError, String(error));
        }
        assert.ok(reassembly.count <= 8 && reassembly.sizeBytes <= 4096);
      }
    }),
  );
});

test("exchanges are remembered for their lifetime, and the oldest are forgotten first", () => {
  const exchanges = createExchanges({ countMax: 3, answerBytesMax: 10, lifetimeMs: 100 });
  exchanges.begin("a", 0);
  assert.equal(exchanges.find("a", 1), "pending");
  exchanges.finish("a", new Uint8Array(4));
  assert.deepEqual(exchanges.find("a", 99), new Uint8Array(4));
  assert.equal(exchanges.find("a", 100), undefined);
  for (const key of ["b", "c", "d", "e"]) exchanges.begin(key, 200);
  assert.deepEqual(
    [exchanges.find("b", 200), exchanges.find("e", 200), exchanges.count],
    [undefined, "pending", 3],
  );
  for (const key of ["c", "d", "e"]) exchanges.finish(key, new Uint8Array(5));
  assert.equal(exchanges.find("c", 200), undefined);
});
