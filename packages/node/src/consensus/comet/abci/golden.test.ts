/** What CometBFT's own code writes is read, means what it meant there, and is written again to the same bytes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
} from "@bufbuild/protobuf";
import { encodeUtf8, fromHex, toHex } from "@lhg/protocol/core/bytes";
import { createFrameReader, encodeFrame, FRAME_BYTES_LIMIT } from "./framing.ts";
import {
  RequestSchema,
  ResponseCheckTxSchema,
  ResponseQuerySchema,
  ResponseSchema,
} from "./generated/abci_pb.ts";
import { decodeRequest } from "./handler.ts";

interface Entry {
  readonly name: string;
  /** A frame. */
  readonly hex: string;
  /** The message in the JSON of Protocol Buffers. */
  readonly json: JsonObject;
}

const golden = JSON.parse(readFileSync(new URL("golden/golden.json", import.meta.url), "utf8")) as {
  readonly requests: readonly Entry[];
  readonly responses: readonly Entry[];
};

function unframe(hex: string): Uint8Array {
  const reader = createFrameReader(FRAME_BYTES_LIMIT);
  reader.push(fromHex(hex));
  const message = reader.next();
  assert.ok(message !== undefined && !reader.isUnfinished);
  return message;
}

/** Go writes null for an empty entry of a list of bytes; our path of a query is bytes. */
function toOurJson(value: JsonValue, key = ""): JsonValue {
  if (value === null) return "";
  if (Array.isArray(value)) return value.map((entry) => toOurJson(entry));
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, toOurJson(entry, name)]));
  return key === "path" ? Buffer.from(encodeUtf8(value as string)).toString("base64") : value;
}

function check(schema: DescMessage, { name, hex, json }: Entry): void {
  const message = fromBinary(schema, unframe(hex));
  assert.equal(toHex(encodeFrame(toBinary(schema, message))), hex);
  // Go's JSON leaves durations of zero out, which its bytes have.
  if (!name.endsWith("hollow")) assert.deepEqual(message, fromJson(schema, toOurJson(json)));
}

for (const entry of golden.requests)
  test(`request ${entry.name}`, () => {
    check(RequestSchema, entry);
    assert.notEqual(decodeRequest(unframe(entry.hex)).value, undefined);
  });
for (const entry of golden.responses) test(`response ${entry.name}`, () => check(ResponseSchema, entry));

test("there is an entry for every case, and for every field", () => {
  for (const [schema, entries] of [
    [RequestSchema, golden.requests],
    [ResponseSchema, golden.responses],
  ] as const)
    for (const field of schema.fields) {
      const full = entries.find(({ name, json }) => name.endsWith("full 0") && field.name in json);
      const fields = field.message!.fields.map(({ name }) => name).sort();
      const expected = fields.length > 0 ? Object.keys(full!.json[field.name] as object).sort() : [];
      assert.deepEqual(expected, fields, field.name);
    }
});

test("integers of 64 bits keep their value", () => {
  for (const value of [0n, -1n, 2n ** 31n, 3_000_000_000n, 2n ** 32n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    const bytes = toBinary(ResponseQuerySchema, create(ResponseQuerySchema, { height: value }));
    assert.equal(fromBinary(ResponseQuerySchema, bytes).height, value);
  }
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n])
    assert.throws(() => toBinary(ResponseCheckTxSchema, create(ResponseCheckTxSchema, { gasUsed: value })));
});
