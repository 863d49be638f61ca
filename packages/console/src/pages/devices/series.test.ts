import assert from "node:assert/strict";
import { test } from "node:test";
import type { Collection, Reading } from "@lhg/sdk/client/types";
import { findSpans, groupReadings, shortenNames } from "./series.ts";

function collect(...readings: readonly Reading[]): Collection {
  return {
    id: "00",
    kind: "collection",
    height: 1,
    position: 0,
    timeMs: 0,
    status: { code: 0, name: "ok" },
    device: "",
    stream: 0,
    seq: 1,
    prevId: "",
    readings: [...readings],
  };
}

test("readings stand by name and unit, in the order of their times, whatever order they came in", () => {
  const { numbers } = groupReadings([
    collect(
      { name: "t", unit: "Cel", timeMs: 30, number: "2.5" },
      { name: "t", unit: "K", timeMs: 30, number: "275" },
    ),
    collect({ name: "t", unit: "Cel", timeMs: 10, number: "-1e1" }),
  ]);
  assert.deepEqual(numbers, [
    { name: "t", unit: "Cel", times: [10, 30], values: [-10, 2.5] },
    { name: "t", unit: "K", times: [30], values: [275] },
  ]);
});

test("latitude and longitude of one time are a place; impossible ones are none", () => {
  const { track, numbers } = groupReadings([
    collect(
      { name: "gps:lat", timeMs: 5, number: "48.1" },
      { name: "gps:lon", timeMs: 5, number: "11.5" },
      { name: "p", unit: "lat", timeMs: 6, number: "95" },
      { name: "p", unit: "lon", timeMs: 6, number: "11.5" },
    ),
  ]);
  assert.deepEqual(track, [{ timeMs: 5, lat: 48.1, lon: 11.5 }]);
  assert.deepEqual(numbers, []);
});

test("a device that names every reading anew draws a bounded number of charts", () => {
  const readings = Array.from({ length: 500 }, (_, i) => ({ name: `n${i}`, timeMs: i, number: "1" }));
  assert.equal(groupReadings([collect(...readings)]).numbers.length, 24);
});

test("a flag's spans begin when it goes up and end when it goes down, or now", () => {
  const flag = { times: [1, 2, 3, 4, 5], values: [false, true, true, false, true] };
  assert.deepEqual(findSpans(flag, 9), [
    { fromMs: 2, untilMs: 4 },
    { fromMs: 5, untilMs: 9 },
  ]);
});

test("the device's own name is left out where every reading keeps a name of its own", () => {
  const names = ["urn:dev:org:32473-a:temperature", "urn:dev:mac:1:door", "urn:dev:mac:2:door", "plain"];
  assert.deepEqual([...shortenNames(names).values()], ["temperature", names[1], names[2], "plain"]);
});
