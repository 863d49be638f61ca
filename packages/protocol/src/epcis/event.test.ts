import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeUtf8 } from "../core/bytes.ts";
import { formatDecimal } from "../core/decimal.ts";
import { LhgError } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";
import { BARE_EVENT_CONTEXT, type DocumentContext } from "./context.ts";
import { DEFAULT_EVENT_LIMITS, readEvent } from "./event.ts";
import type { EpcisEvent } from "./event-model.ts";

type Fields = Record<string, unknown>;

const GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
const CONTEXT: DocumentContext = {
  form: "document",
  prefixes: new Map([...BARE_EVENT_CONTEXT.prefixes, ["ex", "https://ns.example.org/epcis/"]]),
  ignoreFields: new Set(),
};

const BASE = { eventTime: "2026-01-31T08:00:00.5+01:00", eventTimeZoneOffset: "+01:00" };
const ITEM = "urn:epc:id:sgtin:9521321.012345.1";
const ITEM_KEY = "https://id.gs1.org/01/09521321123458/21/1";
const PALLET = "urn:epc:id:sscc:9521321.1234567890";
const OBJECT = { type: "ObjectEvent", action: "OBSERVE", epcList: [ITEM], ...BASE };
const AGGREGATION = { type: "AggregationEvent", action: "ADD", parentID: PALLET, childEPCs: [ITEM], ...BASE };
const ORDER = { type: "po", bizTransaction: "urn:x:po:1" };
const TRANSACTION = {
  type: "TransactionEvent",
  action: "ADD",
  bizTransactionList: [ORDER],
  epcList: [ITEM],
  ...BASE,
};
const TRANSFORMATION = {
  type: "TransformationEvent",
  inputEPCList: [ITEM],
  outputEPCList: [PALLET],
  ...BASE,
};
const ASSOCIATION = { ...AGGREGATION, type: "AssociationEvent" };

function read(event: Fields, context = CONTEXT): EpcisEvent {
  return readEvent(parseJson(encodeUtf8(JSON.stringify(event))), context);
}

function refusal(event: Fields, context = CONTEXT): string {
  try {
    read(event, context);
  } catch (error) {
    assert.ok(error instanceof LhgError, String(error));
    return `${error.code} ${error.field}`;
  }
  return "accepted";
}

function without(event: Fields, name: string): Fields {
  const { [name]: _, ...rest } = event;
  return rest;
}

test("an event is read in canonical form", () => {
  const event = read({
    ...OBJECT,
    action: "ADD",
    eventID: "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    quantityList: [{ epcClass: "urn:epc:class:lgtin:9521321.012345.L1", quantity: 12.5, uom: "KGM" }],
    bizStep: "commissioning",
    disposition: "cbv:Disp-active",
    persistentDisposition: { set: ["conformant"] },
    readPoint: { id: "urn:epc:id:sgln:9521321.12345.0", "ex:note": "x" },
    bizLocation: { id: "geo:48.2,16.3" },
    bizTransactionList: [ORDER],
    sourceList: [{ type: "owning_party", source: "urn:epc:id:pgln:9521321.12345" }],
    destinationList: [{ type: "https://ns.example.org/kind", destination: "ex:place" }],
    certificationInfo: "https://certificates.example.org/1",
    ilmd: { "ex:best": "2027-01-01" },
    "ex:extension": { free: [1, null, true, { "any name": "x" }] },
  });
  assert.equal(event.eventTimeMs, 1_769_842_800_500);
  assert.equal(event.bizStep, "https://ref.gs1.org/cbv/BizStep-commissioning");
  assert.equal(event.disposition, "https://ref.gs1.org/cbv/Disp-active");
  assert.deepEqual(event.persistentDisposition, {
    set: ["https://ref.gs1.org/cbv/Disp-conformant"],
    unset: [],
  });
  assert.equal(event.readPoint?.key, "https://id.gs1.org/414/9521321123458");
  assert.equal(event.bizLocation?.key, "geo:48.2,16.3");
  assert.equal(event.sources[0]?.identity.key, "https://id.gs1.org/417/9521321123458");
  assert.deepEqual(event.destinations, [
    {
      type: "https://ns.example.org/kind",
      identity: { key: "https://ns.example.org/epcis/place", kind: "uri" },
    },
  ]);
  assert.deepEqual(
    event.items.map(({ key, role, kind, quantity }) => [
      key,
      role,
      kind,
      quantity && formatDecimal(quantity.value),
      quantity?.uom,
    ]),
    [
      [ITEM_KEY, "epc", "instance", undefined, undefined],
      ["https://id.gs1.org/01/09521321123458/10/L1", "epc", "lot", "12.5", "KGM"],
    ],
  );
});

test("items keep the order of the document and their roles", () => {
  const roles = (event: Fields) => read(event).items.map((item) => item.role);
  assert.deepEqual(roles(AGGREGATION), ["parent", "child"]);
  const { parentID, ...rest } = AGGREGATION;
  assert.deepEqual(roles({ ...rest, parentID }), ["child", "parent"]);
  assert.deepEqual(roles(TRANSFORMATION), ["input", "output"]);
  assert.deepEqual(roles(TRANSACTION), ["epc"]);
  assert.deepEqual(roles(ASSOCIATION), ["parent", "child"]);
});

test("corrections and sensor reports are read", () => {
  const event = read({
    ...OBJECT,
    errorDeclaration: {
      declarationTime: "2026-02-01T00:00:00Z",
      reason: "did_not_occur",
      correctiveEventIDs: ["urn:x:1"],
    },
    sensorElementList: [
      {
        sensorMetadata: { time: "2026-01-31T00:00:00Z" },
        sensorReport: [{ type: "Temperature", value: 21.5, uom: "CEL" }],
      },
      { sensorReport: [{ type: "ex:own", exception: "ALARM_CONDITION", booleanValue: true }], "ex:more": 1 },
    ],
  });
  assert.deepEqual(event.errorDeclaration, {
    declarationTimeMs: 1_769_904_000_000,
    reason: "https://ref.gs1.org/cbv/ER-did_not_occur",
    correctiveEventIds: ["urn:x:1"],
  });
  assert.deepEqual(event.sensorReports, [
    {
      type: "https://gs1.org/voc/Temperature",
      value: { mantissa: 215n, exponent: -1 },
      uom: "CEL",
      timeMs: 1_769_817_600_000,
    },
    { type: "https://ns.example.org/epcis/own", exception: "https://gs1.org/voc/ALARM_CONDITION" },
  ]);
});

test("an event that stands alone brings the pinned context", () => {
  assert.equal(refusal(OBJECT, BARE_EVENT_CONTEXT), 'epcis.required $["@context"]');
  assert.equal(
    refusal({ "@context": {}, ...OBJECT }, BARE_EVENT_CONTEXT),
    'epcis.context-unpinned $["@context"]',
  );
  assert.equal(
    refusal({ "@context": [GS1, { my: "urn:my:" }], ...OBJECT, "my:x": 1 }, BARE_EVENT_CONTEXT),
    "accepted",
  );
  assert.equal(refusal({ "@context": { my: "urn:my:" }, ...OBJECT, "my:x": 1, "ex:y": 1 }), "accepted");
});

test("each fault is refused with its code and path", () => {
  const cases: [Fields, string][] = [
    [{ ...OBJECT, type: "PartyEvent" }, "epcis.event-type $.type"],
    [without(OBJECT, "eventTime"), "epcis.required $.eventTime"],
    [without(OBJECT, "action"), "epcis.required $.action"],
    [{ ...OBJECT, action: "add" }, "epcis.format $.action"],
    [{ ...OBJECT, eventTimeZoneOffset: "+15:00" }, "epcis.format $.eventTimeZoneOffset"],
    [{ ...OBJECT, eventTime: "2026-02-30T00:00:00Z" }, "epcis.time $.eventTime"],
    [{ ...OBJECT, epcList: [ITEM, ITEM_KEY] }, "epcis.duplicate $.epcList[1]"],
    [{ ...OBJECT, epcList: ["urn:epc:id:sgtin:9521321.1.1"] }, "identity.gs1 $.epcList[0]"],
    [{ ...OBJECT, epcList: [`urn:x:${"a".repeat(1024)}`] }, "identity.uri $.epcList[0]"],
    [{ ...OBJECT, epcList: [7] }, "epcis.type $.epcList[0]"],
    [{ ...OBJECT, bizStep: "sipping" }, "epcis.term $.bizStep"],
    [{ ...OBJECT, bizStep: "urn:epcglobal:cbv:bizstep:shipping" }, "epcis.term $.bizStep"],
    [{ ...OBJECT, note: "x" }, "epcis.property $.note"],
    [{ ...OBJECT, "my:note": "x" }, 'epcis.prefix-undeclared $["my:note"]'],
    [{ ...OBJECT, childEPCs: [] }, "epcis.property $.childEPCs"],
    [{ ...OBJECT, ilmd: {} }, "epcis.shape $.ilmd"],
    [{ ...OBJECT, action: "ADD", ilmd: { best: 1 } }, "epcis.property $.ilmd.best"],
    [{ ...without(OBJECT, "epcList"), quantityList: [] }, "epcis.shape $"],
    [
      { ...without(OBJECT, "epcList"), quantityList: [{ epcClass: ITEM, quantity: -1 }] },
      "epcis.quantity $.quantityList[0].quantity",
    ],
    [{ ...OBJECT, quantityList: [{ epcClass: ITEM, uom: "kg" }] }, "epcis.format $.quantityList[0].uom"],
    [
      { ...OBJECT, quantityList: [{ epcClass: ITEM, "ex:a": 1 }] },
      'epcis.property $.quantityList[0]["ex:a"]',
    ],
    [{ ...OBJECT, persistentDisposition: {} }, "epcis.required $.persistentDisposition"],
    [{ ...OBJECT, persistentDisposition: { set: [] } }, "epcis.empty $.persistentDisposition.set"],
    [{ ...OBJECT, readPoint: {} }, "epcis.required $.readPoint.id"],
    [{ ...OBJECT, readPoint: { id: ITEM, name: "x" } }, "epcis.property $.readPoint.name"],
    [{ ...OBJECT, sourceList: [{ source: ITEM }] }, "epcis.required $.sourceList[0].type"],
    [
      { ...OBJECT, sensorElementList: [{ sensorReport: [] }] },
      "epcis.empty $.sensorElementList[0].sensorReport",
    ],
    [
      { ...OBJECT, sensorElementList: [{ sensorReport: [{}] }] },
      "epcis.required $.sensorElementList[0].sensorReport[0].type",
    ],
    [{ ...OBJECT, errorDeclaration: {} }, "epcis.required $.errorDeclaration.declarationTime"],
    [{ ...OBJECT, certificationInfo: "none" }, "epcis.uri $.certificationInfo"],
    [
      { ...OBJECT, "ex:deep": JSON.parse(`${"[".repeat(17)}1${"]".repeat(17)}`) },
      `epcis.depth $["ex:deep"]${"[0]".repeat(17)}`,
    ],
    [{ ...OBJECT, "ex:long": "a".repeat(16_385) }, 'epcis.too-long $["ex:long"]'],
    [without(AGGREGATION, "parentID"), "epcis.required $.parentID"],
    [{ ...without(AGGREGATION, "parentID"), action: "OBSERVE" }, "accepted"],
    [without(AGGREGATION, "childEPCs"), "epcis.shape $"],
    [{ ...without(AGGREGATION, "childEPCs"), action: "DELETE" }, "accepted"],
    [{ ...without(ASSOCIATION, "parentID"), action: "OBSERVE" }, "epcis.required $.parentID"],
    [{ ...TRANSACTION, bizTransactionList: [] }, "epcis.empty $.bizTransactionList"],
    [without(TRANSACTION, "epcList"), "epcis.shape $"],
    [{ ...TRANSFORMATION, action: "ADD" }, "epcis.property $.action"],
    [without(TRANSFORMATION, "inputEPCList"), "epcis.shape $"],
    [{ ...without(TRANSFORMATION, "inputEPCList"), transformationID: "urn:x:t:1" }, "accepted"],
  ];
  for (const [event, expected] of cases)
    assert.equal(refusal(event), expected, JSON.stringify(event).slice(0, 300));
});

test("an event holds a bounded number of items", () => {
  const event = parseJson(
    encodeUtf8(JSON.stringify({ ...OBJECT, epcList: ["urn:x:1", "urn:x:2", "urn:x:3"] })),
  );
  const limits = { ...DEFAULT_EVENT_LIMITS, maxItems: 2 };
  assert.throws(
    () => readEvent(event, CONTEXT, { limits, path: "event" }),
    (error) =>
      error instanceof LhgError && error.code === "epcis.too-many" && error.field === "event.epcList[2]",
  );
});

test("whatever is put in any place throws nothing but LhgError", () => {
  const bases = fc.constantFrom<Fields>(OBJECT, AGGREGATION, TRANSACTION, TRANSFORMATION, ASSOCIATION);
  const names = fc.constantFrom(
    ...[
      "epcList",
      "quantityList",
      "ilmd",
      "readPoint",
      "sourceList",
      "sensorElementList",
      "errorDeclaration",
    ],
    ...[
      "bizTransactionList",
      "persistentDisposition",
      "parentID",
      "@context",
      "ex:a",
      "type",
      "certificationInfo",
    ],
  );
  fc.assert(
    fc.property(bases, names, fc.jsonValue(), (base, name, value) => {
      refusal({ ...base, [name]: value });
      refusal({ ...base, [name]: [value] });
    }),
    { numRuns: 1000 },
  );
});
