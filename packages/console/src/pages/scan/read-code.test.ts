import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCode } from "./read-code.ts";

const ITEM = "https://id.gs1.org/01/09521234543213/21/A%2F1";

test("one item in all the ways in which a code can name it", () => {
  for (const text of [
    "https://id.gs1.org/01/09521234543213/21/A%2F1",
    "https://shop.example/some/01/9521234543213/21/A%2F1?utm=1#top",
    "http://127.0.0.1:8080/01/09521234543213/21/A%2F1",
    "http://node.example/console/items?id=https%3A%2F%2Fid.gs1.org%2F01%2F09521234543213%2F21%2FA%252F1",
    "urn:epc:id:sgtin:9521234.054321.A%2F1",
    "(01)09521234543213(21)A/1",
    " (01) 09521234543213 (17) 270101 (21) A/1\n",
    "]d20109521234543213\u001d21A/1",
    "010952123454321321A/1",
    "]C1010952123454321317270101\u001d21A/1",
  ])
    assert.deepEqual(readCode(text), { kind: "item", id: ITEM, identityKind: "instance" }, text);
});

test("lots, classes, pallets and the digits below a bar code", () => {
  const idOf = (text: string): string => {
    const read = readCode(text);
    return "id" in read ? read.id : read.kind;
  };
  assert.equal(idOf("(01)09521234543213(10)L1"), "https://id.gs1.org/01/09521234543213/10/L1");
  assert.equal(idOf("9521234543213"), "https://id.gs1.org/01/09521234543213");
  assert.equal(
    idOf("395212340000000018"),
    readCode("(00)395212340000000018").kind === "item" ? idOf("(00)395212340000000018") : "unknown",
  );
  assert.equal(idOf("urn:example:thing:7"), "urn:example:thing:7");
});

test("a proof leads to the verifier, a foreign page nowhere", () => {
  const id = "ab".repeat(32);
  const url = `https://node.example/api/v1/statements/${id}/receipt?event=0`;
  assert.deepEqual(readCode(url), { kind: "proof", url });
  assert.equal(readCode("https://evil.example/login").kind, "address");
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "WIFI:S:x;;",
    "mailto:a@b.example",
    "hello",
    "",
  ])
    assert.equal(readCode(text).kind, "unknown", text);
});

test("a wrong check digit is said", () => {
  const read = readCode("(01)09521234543214(21)1");
  assert.equal(read.kind, "unknown");
  assert.match(read.kind === "unknown" ? (read.reason ?? "") : "", /check digit/);
});

test("no text throws", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.string().map((tail) => `(01)${tail}`),
      ),
      (text) => {
        readCode(text);
      },
    ),
  );
});
