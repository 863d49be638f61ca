import assert from "node:assert/strict";
import { test } from "node:test";
import { findDeviceHost } from "./dev.ts";

test("devices are given a host that they can reach, IPv6 in brackets", () => {
  const hostOf = (host: string, publicUrl?: string): string => findDeviceHost({ host, publicUrl });
  assert.deepEqual(
    [hostOf("127.0.0.1"), hostOf("localhost"), hostOf("0.0.0.0"), hostOf("::"), hostOf("::1")],
    ["127.0.0.1", "localhost", "127.0.0.1", "127.0.0.1", "[::1]"],
  );
  assert.equal(hostOf("0.0.0.0", "https://node.example:8443/lhg"), "node.example");
  assert.equal(hostOf("127.0.0.1", "http://[2001:db8::1]:8080"), "[2001:db8::1]");
});
