import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import fc from "fast-check";
import { readItem } from "./read-item.ts";

const codeOf = (text: string): string => {
  try {
    readItem(text, "item");
    return "none";
  } catch (error) {
    assert.ok(error instanceof LhgError, text);
    assert.doesNotMatch(error.message, /ASCII URI/);
    return error.code;
  }
};

test("one item in all the ways in which it stands on labels and screens", () => {
  for (const text of [
    "https://id.gs1.org/01/09521234543213/21/A%2F1",
    "HTTPS://SHOP.EXAMPLE/some/01/9521234543213/21/A%2F1?utm=1#top",
    "id.gs1.org/01/09521234543213/21/A%2F1",
    "http://node.example/console/items?id=https%3A%2F%2Fid.gs1.org%2F01%2F09521234543213%2F21%2FA%252F1",
    "http://node.example/console/recall?direction=back&id=urn%3Aepc%3Aid%3Asgtin%3A9521234.054321.A%252F1",
    "urn:epc:id:sgtin:9521234.054321.A%2F1",
    "(01)09521234543213(21)A/1",
    " (01) 09521234543213 (17) 270101 (21) A/1\n",
    "]d20109521234543213\u001d21A/1",
    "010952123454321321A/1",
  ])
    assert.equal(readItem(text, "item").key, "https://id.gs1.org/01/09521234543213/21/A%2F1", text);
});

test("digits are read as they are printed, with spaces or without", () => {
  for (const text of ["9521234543213", "9 521234 543213", "0109521234543213", "09521234543213"])
    assert.deepEqual(
      [readItem(text, "item").key, readItem(text, "item").kind],
      ["https://id.gs1.org/01/09521234543213", "class"],
    );
  assert.equal(readItem("0 00123457 777777770", "item").key, "https://id.gs1.org/00/000123457777777770");
  assert.equal(readItem("urn:example:thing:7", "item").key, "urn:example:thing:7");
});

test("a fault is named as what it is, with an example", () => {
  assert.equal(codeOf("(01)09521234543214(21)1"), "item.check-digit");
  assert.equal(codeOf("9521234543214"), "item.check-digit");
  assert.equal(codeOf("12345"), "item.text");
  assert.equal(codeOf("hello"), "item.text");
  assert.equal(codeOf(""), "item.text");
  assert.equal(codeOf("urn:x:ü"), "item.text");
  assert.equal(codeOf("(01)9(21)1"), "identity.gs1");
  assert.equal(codeOf(`urn:x:${"a".repeat(2_000)}`), "item.length");
  assert.throws(
    () => readItem("A00000120", "item"),
    /^LhgError: item: names no item: .*\(01\)09506000134352/,
  );
});

test("no text brings it down", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.string().map((tail) => `(01)${tail}`),
        fc.constant("(01)00012345111112(21)\ud800"),
      ),
      (text) => void codeOf(text),
    ),
  );
});
