import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventSummary } from "@lhg/sdk/client/types";
import { isOfKind, isPartOf, listItems } from "./recent-items.ts";

const KIND = "https://id.gs1.org/01/09506000134352";
const SERIAL = `${KIND}/21/A00000120`;
const LOT = `${KIND}/10/HC00000-C`;

const eventOf = (id: string, ...identities: string[]): EventSummary =>
  ({ id, items: identities.map((identity) => ({ identity, role: "epc" })) }) as unknown as EventSummary;

test("a serial, a lot or a GTIN typed alone finds the items that bear it", () => {
  assert.ok(isPartOf("a00000120", SERIAL));
  assert.ok(isPartOf("HC00000-C", LOT));
  for (const gtin of ["09506000134352", "9506000134352", "9 506000 134352", "6000134"])
    assert.ok(isPartOf(gtin, SERIAL) && isPartOf(gtin, LOT), gtin);
  assert.ok(isPartOf("7", `${KIND}/21/7`));
  assert.equal(isPartOf("120", SERIAL), false, "a short text is no part");
  assert.equal(isPartOf("A00000121", SERIAL), false);
  assert.equal(isPartOf(" ", SERIAL), false);
});

test("items below a kind are its serials and lots, not those of a longer number", () => {
  assert.ok(isOfKind(SERIAL, KIND) && isOfKind(LOT, KIND));
  assert.equal(isOfKind(KIND, KIND), false);
  assert.equal(isOfKind("https://id.gs1.org/01/095060001343520/21/1", KIND), false);
  const crate = "https://id.gs1.org/8003/09521234543213";
  assert.ok(isOfKind(`${crate}77`, crate));
});

test("each item once, with the newest event that names it, and no more than asked for", () => {
  const events = [eventOf("c", SERIAL), eventOf("b", LOT, SERIAL), eventOf("a", KIND)];
  const shown = (countMax: number): string[] =>
    listItems(events, () => true, countMax).map(({ identity, event }) => `${event.id} ${identity}`);
  assert.deepEqual(shown(9), [`c ${SERIAL}`, `b ${LOT}`, `a ${KIND}`]);
  assert.equal(shown(2).length, 2);
});
