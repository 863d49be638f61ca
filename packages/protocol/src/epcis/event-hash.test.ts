import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { encodeUtf8 } from "../core/bytes.ts";
import { LhgError } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";
import { BARE_EVENT_CONTEXT, type DocumentContext } from "./context.ts";
import { eventHash, MAX_PRE_HASH_LENGTH, preHash } from "./event-hash.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const NAMESPACE = "https://ns.example.org/epcis/";
const CONTEXT: DocumentContext = {
  form: "document",
  prefixes: new Map([...BARE_EVENT_CONTEXT.prefixes, ["ex", NAMESPACE]]),
  ignoreFields: new Set(["ex:ignored"]),
};

const EVENT = {
  type: "ObjectEvent",
  eventTime: "2026-01-31T08:00:00.0005+01:00",
  eventTimeZoneOffset: "+01:00",
  eventID: "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
  recordTime: "2026-01-31T08:00:01Z",
  epcList: ["urn:epc:id:sgtin:9521321.012345.2", "https://shop.example/01/9521321123458/21/1"],
  quantityList: [{ epcClass: "urn:epc:class:lgtin:9521321.012345.L1", quantity: 12.5, uom: "KGM" }],
  action: "ADD",
  bizStep: "commissioning",
  persistentDisposition: { unset: ["damaged"], set: ["conformant", "available"] },
  readPoint: { id: "urn:epc:id:sgln:9521321.12345.0", "ex:gate": " 7.0 " },
  bizTransactionList: [{ type: "po", bizTransaction: "urn:x:po:2" }, { bizTransaction: "urn:x:a:1" }],
  sourceList: [{ source: "urn:epc:id:pgln:9521321.12345", type: "owning_party" }],
  destinationList: [{ type: "location", destination: "urn:x:place" }],
  sensorElementList: [
    {
      sensorReport: [
        { type: "Temperature", value: 21.5, uom: "CEL" },
        { type: "Mass", value: 1, "ex:of": "ex:box" },
      ],
    },
  ],
  ilmd: { "ex:lot": "L1", "cbvmda:origin": "AT" },
  errorDeclaration: { declarationTime: "2026-02-01T00:00:00Z" },
  "rdfs:comment": "not hashed",
  "ex:ignored": "not hashed",
  "ex:b": { "ex:list": ["3", 1, true, null, { "ex:x": "" }] },
  "ex:a": "urn:epcglobal:cbv:disp:active",
} satisfies Json;

const text = (event: Json, context = CONTEXT) =>
  preHash(parseJson(encodeUtf8(JSON.stringify(event))), context);

test("the pre-hash string is the canonical order of canonical values", () => {
  const n = `{${NAMESPACE}}`;
  const expected = [
    "eventType=ObjectEvent",
    "eventTime=2026-01-31T07:00:00.001Z",
    "eventTimeZoneOffset=+01:00",
    "epcListepc=https://id.gs1.org/01/09521321123458/21/1epc=https://id.gs1.org/01/09521321123458/21/2",
    "quantityListquantityElementepcClass=https://id.gs1.org/01/09521321123458/10/L1quantity=12.5uom=KGM",
    "action=ADD",
    "bizStep=https://ref.gs1.org/cbv/BizStep-commissioning",
    "persistentDispositionset=https://ref.gs1.org/cbv/Disp-availableset=https://ref.gs1.org/cbv/Disp-conformant",
    "unset=https://ref.gs1.org/cbv/Disp-damaged",
    `readPointid=https://id.gs1.org/414/9521321123458${n}gate=7`,
    "sensorElementListsensorElement",
    `sensorReporttype=https://gs1.org/voc/Massvalue=1${n}of=${NAMESPACE}box`,
    "sensorReporttype=https://gs1.org/voc/Temperaturevalue=21.5uom=CEL",
    "bizTransactionListbizTransaction=urn:x:a:1type=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:x:po:2",
    "destinationListtype=https://ref.gs1.org/cbv/SDT-locationdestination=urn:x:place",
    `ilmd${n}lot=L1{urn:epcglobal:cbv:mda:}origin=AT`,
    "sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/9521321123458",
    `${n}a=https://ref.gs1.org/cbv/Disp-active`,
    `${n}b${n}list=1${n}list=3${n}list=true${n}list${n}x`,
  ];
  assert.equal(text(EVENT), expected.join(""));
});

test("the hash is a named information URI", () => {
  const hasher = { sha256: (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest()) };
  const hash = eventHash(parseJson(encodeUtf8(JSON.stringify(EVENT))), CONTEXT, hasher);
  const digest = createHash("sha256").update(text(EVENT)).digest("hex");
  assert.equal(hash, `ni:///sha-256;${digest}?ver=CBV2.0`);
});

function shuffle(node: Json, random: () => number): Json {
  const order = <T>(items: T[]) =>
    items
      .map((item) => [random(), item] as const)
      .sort((a, b) => a[0] - b[0])
      .map(([, item]) => item);
  if (Array.isArray(node)) return order(node.map((item) => shuffle(item, random)));
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(
    order(Object.entries(node).map(([name, value]) => [name, shuffle(value, random)] as const)),
  );
}

test("the order of members and of list items does not matter", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (stream) => {
      const random = () => stream.next().value as number;
      assert.equal(text(shuffle(EVENT, random)), text(EVENT));
    }),
  );
});

test("every value matters that is not left out by rule", () => {
  const leftOut = new Set(["eventID", "recordTime", "errorDeclaration", "rdfs:comment", "ex:ignored"]);
  for (const name of Object.keys(EVENT)) {
    if (name === "type") continue;
    const { [name as keyof typeof EVENT]: _, ...rest } = EVENT;
    assert.equal(text(rest) === text(EVENT), leftOut.has(name), name);
  }
});

test("numbers and numbers in strings have one text", () => {
  const extension = (value: Json) => text({ ...EVENT, "ex:v": value }).split(`{${NAMESPACE}}v=`)[1];
  const cases: [Json, string][] = [
    [1, "1"],
    ["1.00", "1"],
    ["+01.50", "1.5"],
    [".5", "0.5"],
    ["-0", "0"],
    ["1e3", "1000"],
    ["25e-1", "2.5"],
    ["E5", "E5"],
    ["-", "-"],
    [".", "."],
    ["1.2.3", "1.2.3"],
    ["1234567890123456789012345678901234567", "1234567890123456789012345678901234567"],
    ["111100001111000011110000", "111100001111000011110000"],
    ["1e999", "1e999"],
  ];
  for (const [value, expected] of cases) assert.equal(extension(value), expected, String(value));
});

test("an event hashes alone as in a document, and by its own prefixes", () => {
  const gs1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
  const alone = { "@context": [gs1, { ex: NAMESPACE }], ...EVENT, "ex:ignored": null };
  assert.equal(text(alone, BARE_EVENT_CONTEXT), text(EVENT));
  const renamed = JSON.parse(JSON.stringify(EVENT).replaceAll('"ex:', '"own:')) as { [name: string]: Json };
  const ignoring = { ...CONTEXT, ignoreFields: new Set(["own:ignored"]) };
  assert.equal(text({ "@context": { own: NAMESPACE }, ...renamed }, ignoring), text(EVENT));
  assert.equal(text({ ...EVENT, [`${NAMESPACE}a`]: "1", "ex:a": null }), text({ ...EVENT, "ex:a": "1" }));
});

test("a string that would grow without bound is refused", () => {
  const context = {
    ...CONTEXT,
    prefixes: new Map([...CONTEXT.prefixes, ["long", `urn:${"n".repeat(1000)}:`]]),
  };
  const items = Array.from({ length: Math.ceil(MAX_PRE_HASH_LENGTH / 1000) }, () => 0);
  assert.throws(
    () => text({ ...EVENT, "long:a": items }, context),
    (error) => error instanceof LhgError && error.code === "epcis.too-long",
  );
});

test("whatever is put in any place throws nothing but LhgError", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(EVENT), "ex:new"), fc.jsonValue(), (name, value) => {
      try {
        text({ ...EVENT, [name]: value as Json });
      } catch (error) {
        assert.ok(error instanceof LhgError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
