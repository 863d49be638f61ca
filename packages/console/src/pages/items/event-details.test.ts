import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceAddress, readDetails, toSeries } from "./event-details.ts";

const TIME = "2026-03-02T08:00:00Z";

test("readings keep device, time and alarm; series are cut by device and kind", () => {
  const event = {
    sensorElementList: [
      {
        sensorMetadata: { time: "2026-03-02T10:00:00Z", deviceID: "urn:x:1" },
        sensorReport: [
          { type: "Temperature", value: 31, uom: "CEL", exception: "ALARM_CONDITION" },
          { type: "RelativeHumidity", value: 40, uom: "P1", minValue: 38, maxValue: 44 },
        ],
      },
      { sensorReport: [{ type: "Temperature", value: 20, uom: "CEL", deviceID: "urn:x:1" }] },
    ],
    ilmd: { "example:productName": "One" },
  };
  const { readings, productName } = readDetails(JSON.stringify(event), TIME);
  assert.equal(productName, "One");
  const [temperature, humidity] = toSeries(readings);
  assert.deepEqual(
    temperature?.readings.map(({ value, isAlarm }) => [value, isAlarm]),
    [
      [20, false],
      [31, true],
    ],
  );
  assert.equal(humidity?.readings[0]?.max, 44);
});

test("whatever JSON stands there is read without a fault", () => {
  const values = [
    "null",
    "1",
    '"x"',
    "[]",
    "{}",
    "[null]",
    "[[1]]",
    '[{"sensorReport":{}}]',
    '{"__proto__":1}',
  ];
  const reports = ['[{"sensorReport":[null,1,{"value":"1"},{"value":1e400}]}]', '{"name":[{"@value":2}]}'];
  for (const list of [...values, ...reports])
    for (const ilmd of [...values, ...reports])
      assert.deepEqual(readDetails(`{"sensorElementList":${list},"ilmd":${ilmd}}`, TIME).readings, []);
  assert.deepEqual(readDetails("{", TIME).readings, []);
});

test("a device is one of ours when its URI ends in an address", () => {
  const address = "5c1d8a4be0f2379a6bd41c0e8f7729ab31d4e650";
  assert.equal(deviceAddress(`urn:lhg:device:${address}`), address);
  assert.equal(deviceAddress(`https://x.example/d/${address}`), address);
  assert.equal(deviceAddress(`urn:x:ff${address}`), undefined);
  assert.equal(deviceAddress("javascript:alert(1)"), undefined);
});
