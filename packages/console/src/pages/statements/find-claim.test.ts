import assert from "node:assert/strict";
import { test } from "node:test";
import { findClaim } from "./find-claim.ts";

const makeEvent = (bizStep: string, epcList: readonly string[]): object => ({
  type: "ObjectEvent",
  action: "ADD",
  bizStep,
  eventTime: "2026-03-02T08:00:00Z",
  eventTimeZoneOffset: "+01:00",
  epcList,
});
const DOCUMENT = new TextEncoder().encode(
  JSON.stringify({
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: "2026-03-02T08:00:00Z",
    epcisBody: {
      eventList: [
        makeEvent("commissioning", ["urn:epc:id:sgtin:0012345.011111.1"]),
        makeEvent("shipping", ["urn:epc:id:sgtin:0012345.011111.2", "urn:epc:id:sgtin:0012345.011111.3"]),
      ],
    },
  }),
);

test("the claim is that of the event at fault, the item at fault first", () => {
  const claim = findClaim(DOCUMENT, "$.epcisBody.eventList[1].epcList[1]");
  assert.equal(claim?.bizStep, "https://ref.gs1.org/cbv/BizStep-shipping");
  assert.deepEqual(claim.items, [
    "https://id.gs1.org/01/00012345111112/21/3",
    "https://id.gs1.org/01/00012345111112/21/2",
  ]);
});

test("a refusal that names no item leaves the first event's in their order; a path that leads nowhere, too", () => {
  for (const field of ["", "$", "$.epcisBody.eventList[0].epcList[9]", "$.epcisBody.eventList[0].eventTime"])
    assert.deepEqual(findClaim(DOCUMENT, field)?.items, ["https://id.gs1.org/01/00012345111112/21/1"]);
  assert.equal(findClaim(DOCUMENT, "$.epcisBody.eventList[7]"), undefined);
});
