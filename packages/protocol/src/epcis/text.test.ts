import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, encodeUtf8 } from "../core/bytes.ts";
import { compareCodePoints, isUri, trimXmlSpace } from "./text.ts";

test("strings are ordered as their UTF-8 bytes", () => {
  const codePoints = fc.integer({ min: 0, max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff);
  const texts = fc.array(codePoints, { maxLength: 4 }).map((codes) => String.fromCodePoint(...codes));
  const edges = fc.constantFrom("\u{10000}", "\ue000", "\uffff", "\ud7ff", "a", "");
  fc.assert(
    fc.property(fc.oneof(texts, edges), fc.oneof(texts, edges), edges, (a, b, tail) => {
      const expected = Math.sign(compareBytes(encodeUtf8(a + tail), encodeUtf8(b + tail)));
      assert.equal(Math.sign(compareCodePoints(a + tail, b + tail)), expected);
    }),
    { numRuns: 300 },
  );
});

test("URIs are absolute, ASCII and well escaped", () => {
  for (const uri of [
    "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "https://example.org",
    "https://user@example.org:8080/a//b?c=/d#e?f",
    "geo:48.2,16.3",
    "a+b-c.d:/",
    "ex:feature",
    "https://example.org/%C3%A4",
  ])
    assert.ok(isUri(uri), uri);
  for (const text of [
    "",
    "word",
    ":x",
    "1a:b",
    "a_b:c",
    "a:",
    "a:?q",
    "a:b c",
    "a:b%4",
    "a:b%zz",
    "a:ä",
    'a:"b"',
    "a:b#c#d",
    "http://a@b@c/",
    "http://[::1]/",
    "http://a:b:c/",
    "a:b\n",
  ])
    assert.ok(!isUri(text), text);
});

test("hostile text is judged in linear time", () => {
  for (const text of [
    `a:${"b".repeat(200_000)} `,
    `a://${"b:".repeat(100_000)}"`,
    `a:${"/%41".repeat(50_000)}%`,
  ])
    assert.ok(!isUri(text));
});

test("the white space of XML is trimmed, and no other", () => {
  assert.equal(trimXmlSpace(" \t\r\n a b \n"), "a b");
  assert.equal(trimXmlSpace("\u00a0a\ufeff"), "\u00a0a\ufeff");
  assert.equal(trimXmlSpace("  "), "");
});
