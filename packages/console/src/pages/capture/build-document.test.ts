import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildDocument, type Problems } from "./build-document.ts";
import { type Draft, EMPTY_DRAFT, HAPPENINGS } from "./draft.ts";
import { partyOfPrefix } from "./party-key.ts";

const NOW_MS = Date.UTC(2026, 0, 5, 12);
const ITEM = "(01)09521234543213(21)1";
const LOT = "(01)09521234543213(10)L1";
const PALLET = "urn:epc:id:sscc:9521234.0123456789";
const PARTY = partyOfPrefix("9520001");

const FULL: Partial<Draft> = {
  items: `${ITEM}\n\n urn:epc:id:sgtin:9521234.054321.2 \n${LOT}; 12.5 KGM`,
  outputs: "urn:epc:id:sgtin:9521234.054321.3",
  container: PALLET,
  place: "urn:epc:id:sgln:9521234.00000.0",
  partner: "ab".repeat(20),
  party: PARTY,
};

function build(change: Partial<Draft>): { event: Record<string, unknown> } | { problems: Problems } {
  const result = buildDocument({ ...EMPTY_DRAFT, ...change }, NOW_MS);
  if ("problems" in result) return result;
  const { epcisBody } = JSON.parse(result.built.text) as {
    epcisBody: { eventList: Record<string, unknown>[] };
  };
  return { event: epcisBody.eventList[0]! };
}

function eventOf(change: Partial<Draft>): Record<string, unknown> {
  const result = build(change);
  assert.ok("event" in result, JSON.stringify(result));
  return result.event;
}

test("everything that can have happened makes a document that the ledger reads", () => {
  for (const happening of HAPPENINGS) eventOf({ ...FULL, happening });
});

test("things and amounts stand where EPCIS has them, in canonical form", () => {
  const made = eventOf({ ...FULL, happening: "made" });
  assert.equal(made.action, "ADD");
  assert.deepEqual(made.epcList, [
    "https://id.gs1.org/01/09521234543213/21/1",
    "https://id.gs1.org/01/09521234543213/21/2",
  ]);
  assert.deepEqual(made.quantityList, [
    { epcClass: "https://id.gs1.org/01/09521234543213/10/L1", quantity: 12.5, uom: "KGM" },
  ]);
  assert.deepEqual(made.readPoint, { id: "https://id.gs1.org/414/9521234000006" });
  const all = eventOf({ ...FULL, happening: "unpacked", items: "" });
  assert.equal("childEPCs" in all, false);
});

test("who ships names the partner as possessing party", () => {
  const shipped = eventOf({ ...FULL, happening: "shipped" });
  assert.deepEqual(shipped.destinationList, [{ type: "possessing_party", destination: PARTY }]);
  assert.equal(shipped.bizLocation, undefined);
});

test("a party begins with the prefix, whatever its length", () => {
  for (const prefix of ["9520", "95200", "952000", "735005385", "952000538512"])
    assert.match(partyOfPrefix(prefix), new RegExp(`^https://id.gs1.org/417/${prefix}[0-9]*$`));
  assert.equal(partyOfPrefix("https://example.com/"), "https://example.com/party");
});

test("latitude and longitude are a place", () => {
  assert.deepEqual(eventOf({ ...FULL, place: "47.37, -8.5" }).readPoint, { id: "geo:47.37,-8.5" });
});

test("what is wrong stands beside its field", () => {
  const fieldsOf = (change: Partial<Draft>): string[] => {
    const result = build({ ...FULL, ...change });
    return "problems" in result ? Object.keys(result.problems) : [];
  };
  assert.deepEqual(fieldsOf({ items: "" }), ["items"]);
  assert.deepEqual(fieldsOf({ items: `${ITEM}\n(01)09521234543214(21)1` }), ["items"]);
  assert.deepEqual(fieldsOf({ items: LOT }), ["items"]);
  assert.deepEqual(fieldsOf({ happening: "packed", container: "" }), ["container"]);
  assert.deepEqual(fieldsOf({ happening: "shipped", partner: "", party: "" }), ["partner"]);
  assert.deepEqual(fieldsOf({ happening: "transformed", outputs: "", place: "no place" }), [
    "outputs",
    "place",
  ]);
  assert.deepEqual(fieldsOf({ place: "99, 8" }), ["place"]);
  assert.deepEqual(fieldsOf({ time: "soon" }), ["time"]);
  assert.deepEqual(fieldsOf({ happening: "free", bizStep: "not a step" }), ["bizStep"]);
  assert.deepEqual(fieldsOf({ happening: "packed", container: ITEM, items: PALLET }), []);
});

test("no input throws", () => {
  const text = fc.string({ maxLength: 60 });
  fc.assert(
    fc.property(
      fc.record({
        items: text,
        outputs: text,
        container: text,
        place: text,
        time: text,
        party: text,
        bizStep: text,
      }),
      fc.constantFrom(...HAPPENINGS),
      (change, happening) => {
        build({ ...change, happening });
      },
    ),
    { numRuns: 300 },
  );
});
