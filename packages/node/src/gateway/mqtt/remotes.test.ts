import assert from "node:assert/strict";
import { test } from "node:test";
import { networkOf } from "./remotes.ts";

test("an IPv4 address is one remote, of IPv6 a /64 is", () => {
  const same: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "::ffff:192.0.2.1"],
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"],
    ["2001:db8::1", "2001:DB8:0:0:5::"],
    ["fe80::1%eth0", "fe80::2%eth0"],
  ];
  for (const [one, other] of same) assert.equal(networkOf(one), networkOf(other), one);
  const different: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.2"],
    ["2001:db8:1:2::1", "2001:db8:1:3::1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.2"],
    ["::1", "1::"],
  ];
  for (const [one, other] of different) assert.notEqual(networkOf(one), networkOf(other), one);
});
