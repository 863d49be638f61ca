/** Captures of the vectors: EPCIS documents cut into slices and signed, in the order of their vendors' sequences. */
import { encodeUtf8 } from "../../packages/protocol/src/core/bytes.ts";
import { encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { signStatement } from "../../packages/protocol/src/core/cose.ts";
import {
  type Capture,
  capture,
  computeSlicesRoot,
} from "../../packages/protocol/src/core/statement/capture.ts";
import type { Submission } from "../../packages/protocol/src/core/statement/submission.ts";
import { splitDocument } from "../../packages/protocol/src/epcis/document.ts";
import { type Actor, acme, agent, beta, crypto } from "./actors.ts";
import { CHAIN_ID } from "./genesis.ts";

interface SignedCapture {
  readonly payload: Capture;
  readonly submission: Submission;
}

function sign(by: Actor, vendor: Actor, captureSeq: number, events: readonly object[]): SignedCapture {
  const document = encodeUtf8(
    JSON.stringify(
      {
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        type: "EPCISDocument",
        schemaVersion: "2.0",
        creationDate: "2027-01-15T08:00:00Z",
        epcisBody: { eventList: events },
      },
      null,
      1,
    ),
  );
  const { head, slices, tail } = splitDocument(document);
  const body = [head, ...slices, tail];
  const payload: Capture = {
    chainId: CHAIN_ID,
    vendor: vendor.address,
    captureSeq,
    contentType: "application/ld+json",
    slicesRoot: computeSlicesRoot(crypto, body),
    sliceCount: body.length,
    sizeBytes: document.length,
  };
  const statement = signStatement(by.signer, "capture", encode(capture, payload, "capture"));
  return { payload, submission: { statement, body } };
}

const at = (minute: number): object => ({
  eventTime: `2027-01-15T08:${String(minute).padStart(2, "0")}:00.000+01:00`,
  eventTimeZoneOffset: "+01:00",
});
const ITEM = "urn:epc:id:sgtin:0614141.107346.2018";
const CASE = "urn:epc:id:sscc:0614141.1234567890";
const LOT = "urn:epc:class:lgtin:0614141.107346.L1";

const commissioned = {
  type: "ObjectEvent",
  ...at(1),
  epcList: [ITEM],
  quantityList: [{ epcClass: LOT, quantity: 12.5, uom: "KGM" }],
  action: "ADD",
  bizStep: "commissioning",
};

const made = sign(agent, acme, 0, [
  commissioned,
  { type: "ObjectEvent", ...at(1), epcList: [CASE], action: "ADD", bizStep: "commissioning" },
  {
    type: "AggregationEvent",
    ...at(2),
    eventID: "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    parentID: CASE,
    childEPCs: [ITEM],
    action: "ADD",
    bizStep: "packing",
  },
]);
const observed = sign(beta, beta, 0, [
  { type: "ObjectEvent", ...at(3), epcList: [CASE], action: "OBSERVE", bizStep: "inspecting" },
]);
const stolen = sign(beta, beta, 1, [
  { type: "ObjectEvent", ...at(4), epcList: [ITEM], action: "ADD", bizStep: "commissioning" },
]);
const corrected = sign(acme, acme, 1, [
  commissioned,
  {
    type: "AggregationEvent",
    ...at(2),
    eventID: "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    errorDeclaration: { declarationTime: "2027-01-15T09:00:00Z", reason: "did_not_occur" },
    parentID: CASE,
    childEPCs: [ITEM],
    action: "ADD",
    bizStep: "packing",
  },
  {
    type: "TransformationEvent",
    ...at(5),
    inputQuantityList: [{ epcClass: LOT, quantity: 20, uom: "KGM" }],
    outputQuantityList: [{ epcClass: "urn:epc:class:lgtin:0614141.107346.L2", quantity: 21, uom: "KGM" }],
    bizStep: "creating_class_instance",
  },
]);

export const captures = { made, observed, stolen, corrected };
