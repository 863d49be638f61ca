import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "./bytes.ts";
import { LhgError } from "./errors.ts";
import { dropRepeatedMembers, type JsonNode, parseJson, parseJsonValue } from "./json.ts";

function toPlain(node: JsonNode): unknown {
  switch (node.kind) {
    case "object": {
      const out: Record<string, unknown> = Object.create(null);
      for (const [name, value] of node.entries) out[name] = toPlain(value);
      return out;
    }
    case "array":
      return node.items.map(toPlain);
    case "number":
      return Number(node.raw);
    case "null":
      return null;
    default:
      return node.value;
  }
}

function nullPrototype(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nullPrototype);
  if (value === null || typeof value !== "object") return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [name, member] of Object.entries(value)) out[name] = nullPrototype(member);
  return out;
}

function assertSpans(bytes: Uint8Array, node: JsonNode): void {
  const again = parseJson(bytes.subarray(node.start, node.end));
  assert.deepEqual(toPlain(again), toPlain(node));
  const children =
    node.kind === "object" ? [...node.entries.values()] : node.kind === "array" ? node.items : [];
  for (const child of children) assertSpans(bytes, child);
}

function refusal(text: string | Uint8Array): LhgError {
  try {
    parseJson(typeof text === "string" ? encodeUtf8(text) : text);
  } catch (error) {
    assert.ok(error instanceof LhgError, String(error));
    return error;
  }
  assert.fail(`accepted ${text}`);
}

test("agrees with JSON.parse on values, spans included", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const bytes = encodeUtf8(text);
      const node = parseJson(bytes);
      assert.deepEqual(toPlain(node), nullPrototype(JSON.parse(text)));
      if (bytes.length < 400) assertSpans(bytes, node);
    }),
  );
});

test("agrees with JSON.parse on what is no JSON", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    "1",
    "-",
    "0",
    ".5",
    "e+",
    "true",
    "nul",
    "l",
    " ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
      const text = parts.join("");
      let native: unknown;
      try {
        native = JSON.parse(text);
      } catch {
        refusal(text);
        return;
      }
      // The pieces can write {"a":1,"a":1}, which JSON.parse takes.
      if (/"a".*"a"/.test(text) && text.includes("{")) return;
      assert.deepEqual(toPlain(parseJson(encodeUtf8(text))), nullPrototype(native));
    }),
    { numRuns: 1000 },
  );
});

test("escapes and every plane decode as JSON.parse does", () => {
  const codePoints = fc.integer({ min: 0, max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff);
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  fc.assert(
    fc.property(fc.array(codePoints, { maxLength: 8 }), (codes) => {
      const value = String.fromCodePoint(...codes);
      const escaped = value.split("").map(escapeUnit).join("");
      assert.equal(toPlain(parseJson(encodeUtf8(JSON.stringify(value)))), value);
      assert.equal(toPlain(parseJson(encodeUtf8(`"${escaped}"`))), value);
    }),
  );
});

test("random bytes throw nothing but LhgError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        parseJson(bytes);
      } catch (error) {
        assert.ok(error instanceof LhgError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("refusals carry code and path", () => {
  const cases: [string | Uint8Array, string, string][] = [
    ['{"a":{"b":[1,{"c":1,"c":2}]}}', "json.duplicate-key", "$.a.b[1].c"],
    ['{"a":1,"\\u0061":2}', "json.duplicate-key", "$.a"],
    ['{"@context":}', "json.syntax", '$["@context"]'],
    ["[1,2", "json.syntax", "$"],
    ["[1,]", "json.syntax", "$[1]"],
    ["", "json.syntax", "$"],
    ["1 2", "json.trailing", "$"],
    ['["\\ud800"]', "json.surrogate", "$[0]"],
    ['["\\udc00\\ud800"]', "json.surrogate", "$[0]"],
    ['"\t"', "json.syntax", "$"],
    ["\ufeff{}", "json.bom", "$"],
    [new Uint8Array([0x22, 0xc0, 0xaf, 0x22]), "utf8.invalid", "$"],
    [new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), "utf8.invalid", "$"],
    ["[".repeat(65), "json.depth", `$${"[0]".repeat(64)}`],
    [`${"[".repeat(64)}${"]".repeat(64)}`, "", ""],
    [`[${"0,".repeat(500_000)}0]`, "json.size", "$[499999]"],
    ["9".repeat(513), "json.size", "$"],
  ];
  for (const [text, code, field] of cases) {
    if (code === "") {
      parseJson(encodeUtf8(text as string));
      continue;
    }
    const error = refusal(text);
    assert.deepEqual([error.code, error.field], [code, field]);
  }
});

test("one value can be read out of the middle", () => {
  const bytes = encodeUtf8('[1,{"a":2} , 3]');
  const node = parseJsonValue(bytes, 3, "event");
  assert.deepEqual([node.kind, node.start, node.end], ["object", 3, 10]);
});

test("dropping repeated members leaves what lenient readers read", () => {
  const cases: [string, string, string[]][] = [
    ['{"a":1}', '{"a":1}', []],
    ['{"a":1, "b":2,"a":3}', '{"b":2,"a":3}', ["$.a"]],
    ['{"x":{"a":1,"a":2},"x":4}', '{"x":4}', ["$.x"]],
    ['{"a":1,"a":2,"a":3}', '{"a":3}', ["$.a", "$.a"]],
    ['[{"a":[1,{"c":1,"c":2}]}]', '[{"a":[1,{"c":2}]}]', ["$[0].a[1].c"]],
  ];
  for (const [given, kept, paths] of cases) {
    const { bytes, dropped } = dropRepeatedMembers(encodeUtf8(given));
    assert.equal(decodeUtf8(bytes), kept);
    assert.deepEqual(dropped, paths);
    assert.deepEqual(JSON.parse(kept), JSON.parse(given));
    parseJson(bytes);
  }
});
