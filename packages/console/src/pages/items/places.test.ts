import assert from "node:assert/strict";
import { test } from "node:test";
import { distanceKm, parseGeo } from "./places.ts";

test("positions are read as RFC 5870 writes them", () => {
  assert.deepEqual(parseGeo("geo:52.5,13.4"), { latitude: 52.5, longitude: 13.4 });
  assert.deepEqual(parseGeo("geo:-37.8136,144.9631,30;crs=wgs84;u=35"), {
    latitude: -37.8136,
    longitude: 144.9631,
  });
  for (const other of [
    null,
    "geo:91,0",
    "geo:0,181",
    "geo:1",
    "geo:1,2;crs=Moon-2011",
    "urn:x:geo:1,2",
    "geo:1e9,2",
  ])
    assert.equal(parseGeo(other), undefined, String(other));
});

test("distances follow the great circle", () => {
  const berlin = { latitude: 52.5219, longitude: 13.4132 };
  const oslo = { latitude: 59.9139, longitude: 10.7522 };
  assert.ok(Math.abs(distanceKm(berlin, oslo) - 839) < 5);
  assert.equal(distanceKm(berlin, berlin), 0);
});
