import assert from "node:assert/strict";
import { test } from "node:test";
import { createPresence } from "./presence.ts";

test("a device is online from its first connection to its last word", () => {
  let nowMs = 1_000;
  const presence = createPresence(() => nowMs);
  const heard: [string, boolean, number][] = [];
  const unsubscribe = presence.subscribe(({ device, isOnline, sinceMs }) =>
    heard.push([device, isOnline, sinceMs]),
  );
  const [first, second] = [{}, {}];
  presence.setOnline("aa", "mqtt", first);
  nowMs = 2_000;
  presence.setOnline("aa", "mqtt", second);
  presence.setOffline("aa", first);
  assert.ok(presence.isOnline("aa"), "a connection that was replaced says nothing any more");
  presence.setOnline("bb", "mqtt", {});
  nowMs = 3_000;
  presence.setOffline("aa", second);
  unsubscribe();
  presence.setOnline("cc", "mqtt", {});
  assert.deepEqual(heard, [
    ["aa", true, 1_000],
    ["bb", true, 2_000],
    ["aa", false, 3_000],
  ]);
  assert.deepEqual(
    presence.list().map(({ device, isOnline, via }) => [device, isOnline, via]),
    [
      ["cc", true, "mqtt"],
      ["bb", true, "mqtt"],
      ["aa", false, "mqtt"],
    ],
  );
});

test("those gone longest are forgotten first", () => {
  const presence = createPresence();
  for (let i = 0; i <= 10_000; i++) {
    const holder = {};
    presence.setOnline(String(i), "mqtt", holder);
    presence.setOffline(String(i), holder);
  }
  const list = presence.list();
  assert.deepEqual([list.length, list[0]?.device, list.at(-1)?.device], [10_000, "10000", "1"]);
});
