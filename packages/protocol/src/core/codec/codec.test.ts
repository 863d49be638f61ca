import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../bytes.ts";
import { LhgError } from "../errors.ts";
import { type CborValue, decodeCbor, decodeForeignCbor, encodeCbor } from "./cbor.ts";
import {
  array,
  bool,
  bytes,
  decode,
  encode,
  fromJson,
  type Infer,
  int,
  labelledMap,
  nullable,
  record,
  text,
  uint,
  uint64,
  union,
} from "./definition.ts";

const reading = labelledMap({ base: [-2, text({ max: 20 })], name: [0, text({ max: 20 })], value: [2, int] });
const message = record(1, {
  id: bytes(4),
  name: text({ min: 1, max: 10, pattern: /^[a-z]+$/ }),
  amount: uint64,
  count: uint(1000),
  delta: int,
  flag: bool,
  note: nullable(text({ max: 5 })),
  readings: array(reading, { max: 3 }),
  action: union({
    "token.transfer": { tag: [1, 1], codec: record(undefined, { to: bytes(2) }) },
    "token.burn": { tag: [1, 2], codec: record(undefined, { amount: uint64 }) },
  }),
});
type Message = Infer<typeof message>;

const arbitraryMessage: fc.Arbitrary<Message> = fc.record({
  id: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  name: fc.stringMatching(/^[a-z]{1,10}$/),
  amount: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  count: fc.nat(1000),
  delta: fc.maxSafeInteger(),
  flag: fc.boolean(),
  note: fc.option(fc.string({ maxLength: 1, unit: "binary" }), { nil: null }),
  readings: fc.array(
    fc.record(
      { base: fc.string({ maxLength: 9 }), name: fc.string({ maxLength: 9 }), value: fc.maxSafeInteger() },
      { requiredKeys: [] },
    ),
    { maxLength: 3 },
  ),
  action: fc.oneof(
    fc.record({
      type: fc.constant("token.transfer" as const),
      body: fc.record({ to: fc.uint8Array({ minLength: 2, maxLength: 2 }) }),
    }),
    fc.record({
      type: fc.constant("token.burn" as const),
      body: fc.record({ amount: fc.bigInt({ min: 0n, max: 99n }) }),
    }),
  ),
}) as fc.Arbitrary<Message>;

test("a message survives CBOR and JSON, and encodes one way only", () => {
  fc.assert(
    fc.property(arbitraryMessage, (value) => {
      const encoded = encode(message, value);
      assert.deepEqual(encode(message, decode(message, encoded)), encoded);
      const viaJson = fromJson(message, JSON.parse(JSON.stringify(message.toJson(value))));
      assert.deepEqual(encode(message, viaJson), encoded);
    }),
  );
});

test("any bytes are either refused with a code or are the one encoding of their value", () => {
  const check = (input: Uint8Array): void => {
    let value: Message;
    try {
      value = decode(message, input);
    } catch (error) {
      assert.ok(error instanceof LhgError, String(error));
      return;
    }
    assert.deepEqual(encode(message, value), input);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), check));
  fc.assert(
    fc.property(arbitraryMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
      const encoded = encode(message, value);
      encoded[at % encoded.length]! ^= flip;
      check(encoded);
    }),
  );
});

test("errors name the field and a stable code", () => {
  const cases: [string, string, string][] = [
    ["8a01440000000061610000", "cbor.truncated", "m.delta"],
    ["8901000000000000000000", "value.count", "m"],
    ["8a02000000000000000000", "value.version", "m"],
    ["8a0143000000616100000000", "value.length", "m.id"],
    ["8a01440000000061411863", "value.pattern", "m.name"],
    ["8a014400000000616118051903e9", "cbor.non-minimal", "m.amount"],
    ["8a014400000000616101" + "1903e9", "value.range", "m.count"],
    ["8a01440000000061" + "61fb3ff0000000000000", "cbor.float", "m.amount"],
    ["8a01440000000061610000" + "00f5f6" + "81a2000161", "cbor.type", "m.readings[0].name"],
    ["8a01440000000061610000" + "00f5f6" + "81a2006121" + "006121", "cbor.unsorted", "m.readings[0]"],
  ];
  for (const [hex, code, field] of cases)
    assert.throws(
      () => decode(message, fromHex(hex), "m"),
      (error: unknown) => error instanceof LhgError && error.code === code && error.field === field,
      `${hex} ${code} ${field}`,
    );
  assert.throws(() => fromJson(message, { id: "zz" }, "m"), { code: "hex.invalid", field: "m.id" });
  assert.throws(() => fromJson(message, { ident: 1 }, "m"), { code: "json.unknown-field", field: "m.ident" });
});

const arbitraryValue: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.bigInt({ min: -(1n << 64n), max: (1n << 64n) - 1n }),
    fc.maxSafeInteger(),
    fc.string({ unit: "binary" }),
    fc.uint8Array(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.uniqueArray(fc.maxSafeInteger(), { maxLength: 4 }).chain((keys) =>
      fc.tuple(...keys.map(() => tie("value"))).map((values) => ({
        entries: keys.map((key, i) => [key, values[i]] as const),
      })),
    ),
    fc.record({ tag: fc.nat(), value: tie("value") }),
  ) as fc.Arbitrary<CborValue>,
})).value;

test("generic values round-trip, and the foreign decoder agrees on them", () => {
  fc.assert(
    fc.property(arbitraryValue, (value) => {
      const encoded = encodeCbor(value);
      assert.equal(toHex(encodeCbor(decodeCbor(encoded))), toHex(encoded));
      assert.equal(toHex(encodeCbor(decodeForeignCbor(encoded))), toHex(encoded));
    }),
  );
});

test("random bytes never escape as anything but an LhgError, and depth is bounded", () => {
  const total = (decodeAny: (input: Uint8Array) => unknown) => (input: Uint8Array) => {
    try {
      decodeAny(input);
    } catch (error) {
      assert.ok(error instanceof LhgError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), total(decodeCbor)));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), total(decodeForeignCbor)));
  assert.throws(() => decodeCbor(new Uint8Array(100_000).fill(0x81)), { code: "cbor.depth" });
  assert.throws(() => decodeForeignCbor(new Uint8Array(100_000).fill(0x9f)), { code: "cbor.depth" });
  assert.throws(() => decodeCbor(fromHex("9bffffffffffffffff")), { code: "cbor.truncated" });
});
