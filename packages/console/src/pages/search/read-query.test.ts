import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { readQuery } from "./read-query.ts";

const HASH = "ab".repeat(32);
const itemOf = (text: string): string | undefined => {
  const found = readQuery(text).find(({ kind }) => kind === "item");
  return found?.kind === "item" ? found.identity : undefined;
};

test("heights, hashes, addresses and events are known by their look", () => {
  assert.deepEqual(readQuery(" 1,234 "), [
    { kind: "block", height: 1234 },
    { kind: "part", text: "1,234" },
  ]);
  assert.deepEqual(readQuery(HASH.toUpperCase()), [{ kind: "hash", hash: HASH }]);
  assert.deepEqual(readQuery(`0x${"12".repeat(20)}`), [{ kind: "address", address: "12".repeat(20) }]);
  assert.deepEqual(readQuery(`${HASH}:3`), [{ kind: "event", id: `${HASH}:3` }]);
  assert.deepEqual(readQuery("Acme"), [
    { kind: "name", name: "Acme" },
    { kind: "part", text: "Acme" },
  ]);
});

test("the text of a barcode names the item that a Digital Link names", () => {
  const link = "https://id.gs1.org/01/00012345111112/21/1";
  assert.equal(itemOf("(01)00012345111112(21)1"), link);
  assert.equal(itemOf("0100012345111112211"), link);
  assert.equal(itemOf("(01)00012345111112(17)261231(21)1"), link);
  assert.equal(itemOf("(00)000123457777777770"), "https://id.gs1.org/00/000123457777777770");
  assert.equal(itemOf("00012345111112"), "https://id.gs1.org/01/00012345111112");
  assert.equal(canonicalIdentity(link, "item").key, link);
  assert.equal(itemOf("urn:epc:id:sgtin:0012345.011111.1"), link);
  assert.equal(itemOf("https://shop.example/01/00012345111112/21/1?a=b"), link);
  assert.equal(
    itemOf("http://node.example/console/items?id=urn%3Aepc%3Aid%3Asgtin%3A0012345.011111.1"),
    link,
  );
});

test("a GTIN alone is a kind, a height and a part of items at once; a whole item is no part", () => {
  const kindsOf = (text: string): string[] => readQuery(text).map(({ kind }) => kind);
  assert.deepEqual(kindsOf("9521234543213"), ["block", "item", "part"]);
  assert.deepEqual(kindsOf("A00000120"), ["name", "part"]);
  assert.deepEqual(kindsOf("(01)00012345111112(21)1"), ["item"]);
});

test("a hash of an event is an alias and no item", () => {
  assert.deepEqual(
    readQuery("ni:///sha-256;15c9?ver=CBV2.0").map(({ kind }) => kind),
    ["alias"],
  );
});

test("no text throws, however odd or long", () => {
  const odd = [
    "",
    "(",
    "(01)",
    "(01)1(",
    "((((",
    "\u202e:x",
    "a".repeat(5_000),
    "%E0%A4%A",
    "(01)00012345111112(21)\ud800",
  ];
  for (const text of odd) assert.ok(readQuery(text).length <= 4);
});
