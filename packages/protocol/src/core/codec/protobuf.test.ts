import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes, encodeUtf8, fromHex, toHex } from "../bytes.ts";
import {
  bytesField,
  encodeVarint,
  lengthPrefixed,
  messageField,
  ProtobufReader,
  sfixed64Field,
  UINT64_MAX,
  varintField,
} from "./protobuf.ts";

const readerOf = (hex: string) => new ProtobufReader(fromHex(hex), "test", "message");
const ANY = { max: UINT64_MAX };

test("varints have the bytes of the specification", () => {
  for (const [value, hex] of [
    [0n, "00"],
    [1n, "01"],
    [127n, "7f"],
    [128n, "8001"],
    [150n, "9601"],
    [3_000_000_000n, "80bcc1960b"],
    [UINT64_MAX, "ffffffffffffffffff01"],
    [-1n, "ffffffffffffffffff01"],
    [-2n, "feffffffffffffffff01"],
  ] as const)
    assert.equal(toHex(encodeVarint(value)), hex);
});

test("fields have their bytes, and scalars that are zero have none", () => {
  assert.equal(toHex(varintField(1, 150n)), "089601");
  assert.equal(toHex(sfixed64Field(2, 1n)), "110100000000000000");
  assert.equal(toHex(sfixed64Field(2, -2n)), "11feffffffffffffff");
  assert.equal(toHex(bytesField(2, encodeUtf8("testing"))), "120774657374696e67");
  assert.equal(toHex(messageField(3, varintField(1, 150n))), "1a03089601");
  assert.equal(toHex(lengthPrefixed(varintField(1, 150n))), "03089601");
  const nothing = concatBytes(varintField(1, 0n), sfixed64Field(2, 0n), bytesField(3, new Uint8Array(0)));
  assert.equal(nothing.length, 0);
  assert.equal(toHex(messageField(4, nothing)), "2200");
});

test("what is written is read", () => {
  const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
  const uint64 = fc.bigInt({ min: 0n, max: UINT64_MAX });
  fc.assert(
    fc.property(int64, uint64, fc.uint8Array(), fc.array(int64, { maxLength: 5 }), (a, b, c, list) => {
      const encoded = concatBytes(
        varintField(1, a),
        varintField(2, b),
        bytesField(3, c),
        ...list.map((each) => messageField(4, varintField(1, each))),
      );
      const reader = new ProtobufReader(encoded, "test", "message");
      assert.equal(reader.readInt64(1, "a"), a);
      assert.equal(reader.readUint(2, "b", ANY), b);
      assert.deepEqual(reader.readBytes(3, "c", { max: 1000 }), c);
      const inner = [...reader.readMessages(4, "list", { max: 5 })].map((each) => each.readInt64(1, "d"));
      assert.deepEqual(inner, list);
      reader.finish();
    }),
  );
});

test("every other encoding is refused with its reason and field", () => {
  const refuse = (hex: string, code: string, field: string, read: (reader: ProtobufReader) => unknown) => {
    const reader = readerOf(hex);
    const readAll = () => {
      read(reader);
      reader.finish();
    };
    assert.throws(readAll, { code: `test.${code}`, field });
  };
  const readA = (reader: ProtobufReader) => reader.readUint(1, "a", ANY);
  const readText = (reader: ProtobufReader) => reader.readText(1, "a", { max: 3 });
  const readInner = (reader: ProtobufReader) => reader.readMessage(1, "a").readUint(1, "b", { max: 5n });
  refuse("08", "truncated", "message.a", readA);
  refuse("0880", "truncated", "message.a", readA);
  refuse("088100", "non-minimal", "message.a", readA);
  refuse("0800", "zero", "message.a", readA);
  refuse("08ffffffffffffffffff02", "overflow", "message.a", readA);
  refuse("08ffffffffffffffffffff01", "overflow", "message.a", readA);
  refuse("0801" + "0802", "unexpected", "message", readA);
  refuse("0801" + "1002", "unexpected", "message", readA);
  refuse("1002" + "0801", "unexpected", "message", readA);
  refuse("0a0101", "unexpected", "message", readA);
  refuse("0a00", "zero", "message.a", readText);
  refuse("0a0461616161", "length", "message.a", readText);
  refuse("0a0461", "truncated", "message.a", readText);
  refuse("0affffffffffffffffff01", "truncated", "message.a", readText);
  refuse("0a02c328", "utf8", "message.a", readText);
  refuse("", "missing", "message.a", readInner);
  refuse("0a020806", "range", "message.a.b", readInner);
  const readList = (reader: ProtobufReader) => [...reader.readMessages(1, "a", { min: 1, max: 2 })];
  refuse("", "count", "message.a", readList);
  refuse("0a000a000a00", "count", "message.a", readList);
});
