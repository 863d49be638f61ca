import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LhgError } from "../core/errors.ts";
import { formatTimeMs, parseDateTime } from "./time.ts";

test("agrees with Date on every millisecond of four-digit years", () => {
  const times = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 });
  fc.assert(
    fc.property(times, (timeMs) => {
      const text = new Date(timeMs).toISOString();
      assert.equal(formatTimeMs(timeMs), text);
      assert.equal(parseDateTime(text, "eventTime"), timeMs);
    }),
    { numRuns: 2000 },
  );
});

test("zones shift and the fourth decimal rounds", () => {
  const cases: [string, string][] = [
    ["2026-01-31T08:00:00+01:00", "2026-01-31T07:00:00.000Z"],
    ["2026-01-01T00:30:00-05:30", "2026-01-01T06:00:00.000Z"],
    ["2023-02-02T11:04:03.1415Z", "2023-02-02T11:04:03.142Z"],
    ["2023-02-02T11:04:03.14149999Z", "2023-02-02T11:04:03.141Z"],
    ["2023-12-31T23:59:59.9995Z", "2024-01-01T00:00:00.000Z"],
    ["2024-02-29T00:00:00.1Z", "2024-02-29T00:00:00.100Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ];
  for (const [text, expected] of cases) assert.equal(formatTimeMs(parseDateTime(text, "")), expected);
});

test("what is no time of the calendar is refused", () => {
  for (const text of [
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2023-04-31T00:00:00Z",
    "2023-00-01T00:00:00Z",
    "2023-01-01T24:00:00Z",
    "2023-01-01T23:60:00Z",
    "2016-12-31T23:59:60Z",
    "2023-01-01T00:00:00",
    "2023-01-01 00:00:00Z",
    "2023-01-01t00:00:00z",
    "2023-01-01T00:00:00.Z",
    "2023-01-01T00:00:00+1:00",
    "2023-01-01T00:00:00+14:30",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.9999Z",
    `2023-01-01T00:00:00.${"0".repeat(80)}Z`,
    "",
  ])
    assert.throws(
      () => parseDateTime(text, "eventTime"),
      (error) => error instanceof LhgError && error.code === "epcis.time" && error.field === "eventTime",
      text,
    );
});
