import assert from "node:assert/strict";
import { test } from "node:test";
import { readCode } from "../scan/read-code.ts";
import { describeLabel } from "./label-address.ts";

test("a GS1 key becomes a Digital Link of this node, which scans as the same item", () => {
  const { address, parts, identity } = describeLabel(
    "urn:epc:id:sgtin:9521234.054321.A%2F1",
    "https://trace.example:8443/console/",
  );
  assert.equal(address, "https://trace.example:8443/01/09521234543213/21/A%2F1");
  assert.deepEqual(parts, ["(01) 09521234543213", "(21) A/1"]);
  assert.deepEqual(readCode(address), { kind: "item", id: identity, identityKind: "instance" });
});

test("another identity leads to the item page, which scans as the same item", () => {
  const { address, identity } = describeLabel("urn:example:thing:7", "http://127.0.0.1:8080");
  assert.equal(address, "http://127.0.0.1:8080/console/items?id=urn%3Aexample%3Athing%3A7");
  const read = readCode(address);
  assert.equal(read.kind === "item" && read.id, identity);
});

test("no label has an address that a browser would run", () => {
  assert.throws(() => describeLabel("urn:example:thing:7", "javascript:alert(1)"), { code: "label.base" });
  assert.throws(() => describeLabel("no uri", "https://a.example"), { code: "identity.uri" });
});
