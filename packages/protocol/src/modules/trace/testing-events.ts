/** Events of two vendors, for tests: Alice holds 0614141, Bob 4012345; nobody holds 9999999. */
import { hourText, type TestEvent, TraceHarness } from "./testing.ts";

export function openTradingWorld(sha256: (data: Uint8Array) => Uint8Array) {
  const harness = new TraceHarness(sha256);
  const alice = harness.admit("alice", ["0614141"]);
  const bob = harness.admit("bob", ["4012345"]);
  return { harness, alice, bob };
}

export const epc = (serial: number | string, company = "0614141") =>
  `urn:epc:id:sgtin:${company}.107346.${serial}`;
export const sscc = (n: number, company = "0614141") => `urn:epc:id:sscc:${company}.123456789${n}`;
export const lot = (name: string, company = "0614141") => `urn:epc:class:lgtin:${company}.107346.${name}`;
export const party = (company: string) => `urn:epc:id:pgln:${company}.00225`;

let hour = 0;
export function event(type: string, fields: TestEvent): TestEvent {
  return { type, eventTime: hourText(hour++ % 600), eventTimeZoneOffset: "+00:00", ...fields };
}
export const object = (action: string, epcList: readonly string[], more: TestEvent = {}) =>
  event("ObjectEvent", { action, epcList, ...more });
export const aggregate = (
  action: string,
  parentID: string,
  childEPCs: readonly string[],
  more: TestEvent = {},
) => event("AggregationEvent", { action, parentID, childEPCs, ...more });
export const ship = (items: readonly string[], company: string, more: TestEvent = {}) =>
  object("OBSERVE", items, {
    bizStep: "shipping",
    destinationList: [{ type: "possessing_party", destination: party(company) }],
    ...more,
  });
