import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { readCapturedEvents } from "@lhg/sdk/capture/build";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { keyFromSeed } from "@lhg/sdk/keys/keys";
import fc from "fast-check";
import { createAccount } from "./accounts.ts";
import { chooseVendor, findForeignItems } from "./choose-vendor.ts";
import type { DevVendorAccount } from "./dev-keys.ts";
import { makeExample } from "./example-document.ts";

const vendors = ["4012345", "0614141"].map((prefix, i): DevVendorAccount => {
  const signer = createNodeSigner(keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(i + 1)));
  return { ...createAccount(prefix, signer, "development"), title: prefix, prefixes: [prefix] };
});

function readEvents(...events: readonly object[]) {
  const times = { eventTime: "2026-01-01T00:00:00Z", eventTimeZoneOffset: "+00:00" };
  const document = {
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: "2026-01-01T00:00:00Z",
    epcisBody: { eventList: events.map((event) => ({ type: "ObjectEvent", ...times, ...event })) },
  };
  return readCapturedEvents(encodeUtf8(JSON.stringify(document)));
}

const own = (prefix: string): string => `urn:epc:id:sgtin:${prefix}.011111.1`;

test("the owner of what is commissioned captures, whatever else the document names", () => {
  const events = readEvents(
    { action: "OBSERVE", epcList: [own("0614141"), "urn:epc:id:sscc:0614141.0000000001"] },
    { action: "ADD", epcList: [own("4012345")] },
  );
  assert.equal(chooseVendor(vendors, events).name, "4012345");
});

test("without commissioning the owner of most items captures, else the first vendor", () => {
  const observed = { action: "OBSERVE", epcList: [own("0614141")] };
  assert.equal(chooseVendor(vendors, readEvents(observed)).name, "0614141");
  const foreign = { action: "ADD", epcList: ["urn:example:thing:1"] };
  assert.equal(chooseVendor(vendors, readEvents(foreign)).name, "4012345");
});

test("a document that commissions for two vendors has no captor", () => {
  const events = readEvents({ action: "ADD", epcList: [own("0614141"), own("4012345")] });
  assert.throws(() => chooseVendor(vendors, events), { code: "vendor.ambiguous" });
});

test("the example of every company prefix can be captured and traced", () => {
  fc.assert(
    fc.property(fc.integer({ min: 6, max: 12 }), fc.nat(), (length, digits) => {
      const prefix = String(digits).padStart(12, "0").slice(-length);
      const { document, item } = makeExample(prefix);
      const [first, ...others] = readCapturedEvents(encodeUtf8(document));
      assert.equal(others.length, 2);
      const [source] = readEvents({ action: "OBSERVE", epcList: [item] });
      assert.equal(first!.event.items[0]!.key, source!.event.items[0]!.key);
    }),
    { numRuns: 50 },
  );
});

test("what none of the vendors may commission is foreign; a foreign item beside an own one is observed", () => {
  const foreign = own("9521234");
  const keysOf = (...events: readonly object[]) => findForeignItems(vendors, readEvents(...events));
  assert.equal(keysOf({ action: "ADD", epcList: [foreign, own("4012345")] }).length, 1);
  const observed = { action: "OBSERVE", epcList: [foreign] };
  assert.equal(keysOf(observed, observed).length, 1);
  assert.deepEqual(keysOf({ action: "OBSERVE", epcList: [foreign, own("4012345")] }), []);
});
