import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { parseJson } from "@lhg/protocol/core/json";
import { readCapturedEvents } from "@lhg/sdk/capture/build";
import fc from "fast-check";
import { readGatewayConfig } from "./config.ts";
import { makeDocument, makeEvent } from "./event.ts";
import { readPlain } from "./readings.ts";

const NOW_MS = Date.UTC(2026, 0, 5, 12);
const FILE = {
  name: "cold-store",
  vendor: "acme",
  key: "gateway-1",
  http: { port: 0 },
  devices: {
    fridge: {
      deviceId: "urn:dev:mac:0024befffe804ff1",
      readings: {
        temperature: { type: "Temperature", uom: "CEL" },
        humidity: { type: "RelativeHumidity", uom: "A93" },
      },
    },
    scale: { deviceId: "urn:dev:ser:scale-1", readings: { mass: { type: "Mass", uom: "KGM" } } },
  },
};
const config = readGatewayConfig(JSON.stringify(FILE));
const fridge = config.devices.get("fridge")!;
const scale = config.devices.get("scale")!;
const read = (text: string, device = fridge) => readPlain(device, encodeUtf8(text), NOW_MS);

test("a number, an object and SenML are read, with their times and exact values", () => {
  assert.deepEqual(read("12.50", scale), [{ name: "mass", timeMs: NOW_MS, text: "12.5" }]);
  assert.deepEqual(read('{"temperature":-3.25e0,"humidity":0.1,"time":"2026-01-05T11:00:00.250+01:00"}'), [
    { name: "temperature", timeMs: Date.UTC(2026, 0, 5, 10, 0, 0, 250), text: "-3.25" },
    { name: "humidity", timeMs: Date.UTC(2026, 0, 5, 10, 0, 0, 250), text: "0.1" },
  ]);
  assert.deepEqual(
    read('{"temperature":1,"time":1767610800.5}')[0]!.timeMs,
    Date.UTC(2026, 0, 5, 11, 0, 0, 500),
  );
  const pack =
    '[{"bn":"urn:dev:mac:1:","bt":1767610800,"n":"temperature","v":3.1},{"n":"humidity","t":-5,"v":40}]';
  assert.deepEqual(read(pack), [
    { name: "temperature", timeMs: Date.UTC(2026, 0, 5, 11), text: "3.1" },
    { name: "humidity", timeMs: Date.UTC(2026, 0, 5, 10, 59, 55), text: "40" },
  ]);
  const exact = "0.1234567890123456789012345678901234";
  assert.equal(read(`{"temperature":${exact}}`)[0]!.text, exact);
});

test("what is no reading of the device is refused with the field that is wrong", () => {
  const cases: readonly [text: string, code: string, field: string][] = [
    ["{}", "reading.count", "readings"],
    ["12.5", "reading.type", "readings"],
    ['"12.5"', "reading.type", "readings"],
    ['{"temperature":"12.5"}', "reading.type", "temperature"],
    ['{"temp":12.5}', "reading.unknown", "temp"],
    ['{"__proto__":12.5}', "reading.unknown", "__proto__"],
    ['{"constructor":1}', "reading.unknown", "constructor"],
    ['{"temperature":1,"time":"yesterday"}', "reading.time", "time"],
    ['{"temperature":1,"time":12}', "reading.time", "time"],
    ['{"temperature":1,"time":"2036-01-05T11:00:00Z"}', "reading.time", "time"],
    ['[{"n":"urn:x:temperature","vs":"warm"}]', "reading.type", "readings[0].v"],
    ['[{"n":"urn:x:pressure","v":1}]', "reading.unknown", "readings[0].n"],
    ['{"temperature":1', "json.syntax", ""],
    [`{"temperature":1${" ".repeat(70_000)}}`, "reading.size", "payload"],
  ];
  for (const [text, code, field] of cases)
    assert.throws(
      () => read(text),
      (error: LhgError) => error.code === code && (field === "" || error.field === field),
      `${text.slice(0, 60)} is ${code}`,
    );
});

test("any bytes are readings or are refused by name, and readings make events that the ledger takes", () => {
  const texts = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc
      .record({ temperature: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()) })
      .map((value) => JSON.stringify(value)),
    fc
      .array(
        fc.record({
          n: fc.constantFrom("humidity", "urn:x:temperature"),
          v: fc.integer(),
          t: fc.integer({ min: -1000, max: 1000 }),
        }),
        { minLength: 1, maxLength: 20 },
      )
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.oneof(texts.map(encodeUtf8), fc.uint8Array({ maxLength: 200 })), (payload) => {
      try {
        const readings = readPlain(fridge, payload, NOW_MS);
        const [captured] = readCapturedEvents(
          makeDocument([makeEvent("cold-store", fridge, readings)], NOW_MS),
        );
        assert.equal(captured!.event.sensorReports.length, readings.length);
      } catch (error) {
        assert.ok(error instanceof LhgError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test("an event says who vouches for it, whatever names hold", () => {
  const strange = { ...scale, deviceId: 'urn:x:"},"lhg:recordedBy":{}', items: ['urn:y:"'] };
  const text = makeEvent('a"b', strange, [{ name: "mass", timeMs: NOW_MS, text: "1" }]);
  parseJson(encodeUtf8(text));
  assert.deepEqual(JSON.parse(text)["lhg:recordedBy"], {
    "lhg:role": "gateway",
    "lhg:gateway": 'a"b',
    "lhg:deviceSigned": false,
  });
});

test("a configuration that could record nothing is refused at the start, with its field", () => {
  const refused = (over: object, field: string): void => {
    const text = JSON.stringify({ ...FILE, ...over });
    assert.throws(
      () => readGatewayConfig(text),
      (error: LhgError) => error.code === "gateway.config" && error.field === field,
      field,
    );
  };
  const device = FILE.devices.scale;
  refused({ nmae: "x" }, "nmae");
  refused({ name: "No Name" }, "name");
  refused({ http: undefined }, "http");
  refused({ http: { port: 70_000 } }, "http.port");
  refused({ mqtt: { url: "http://broker" } }, "mqtt.url");
  refused({ mqtt: { url: "mqtts://cold:s3cret@broker" } }, "mqtt.url");
  refused({ mqtt: { url: "mqtts://broker", passwordFile: 1 } }, "mqtt.passwordFile");
  refused({ mqtt: { url: "mqtt://broker", topic: "plain/#" } }, "mqtt.topic");
  refused({ batch: { eventsMax: 0 } }, "batch.eventsMax");
  refused({ devices: {} }, "devices");
  refused({ devices: { "a/b": device } }, "devices.a/b");
  refused({ devices: { scale: { ...device, deviceId: "scale" } } }, "devices.scale");
  refused({ devices: { scale: { ...device, readings: { mass: { type: "Weight" } } } } }, "devices.scale");
  refused({ devices: { scale: { ...device, items: ["no uri"] } } }, "devices.scale");
  assert.throws(() => readGatewayConfig("{"), { code: "gateway.config", field: "config" });
  const flags = { vendor: "v", key: "k", broker: "mqtt://127.0.0.1", httpPort: 1 };
  const won = readGatewayConfig(JSON.stringify(FILE), flags);
  assert.deepEqual([won.vendor, won.key, won.mqtt?.url, won.http?.port], ["v", "k", "mqtt://127.0.0.1", 1]);
  const mqtt = { url: "mqtts://broker", username: "cold", passwordFile: "secret", ca: "ca.pem" };
  const asked = readGatewayConfig(JSON.stringify({ ...FILE, mqtt }), { passwordFile: "other" });
  assert.deepEqual(asked.mqtt, { ...mqtt, passwordFile: "other", topic: "plain/+/readings" });
});
