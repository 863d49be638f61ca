import assert from "node:assert/strict";
import { test } from "node:test";
import { multiaddr } from "@multiformats/multiaddr";
import { ipOf, reachOf } from "./addresses.ts";
import { createReputation } from "./reputation.ts";
import { createTokenBucket } from "./token-bucket.ts";

test("ten small offences at once ban, spread over an hour they do not", () => {
  let nowMs = 0;
  const reputation = createReputation(() => nowMs);
  const verdicts = Array.from({ length: 10 }, () => reputation.penalise("a", "sent an old block", 1_000));
  assert.deepEqual(verdicts, [...Array(9).fill(false), true]);
  assert.equal(reputation.isBanned("a"), true);
  nowMs += 1_000;
  assert.equal(reputation.isBanned("a"), false);
  assert.ok(reputation.score("a") < -40);
  for (let i = 0; i < 30; i++) {
    assert.equal(reputation.penalise("b", "sent an old block", 1_000), false);
    nowMs += 120_000;
  }
  assert.ok(reputation.score("b") > -10);
  nowMs += 3_600_000;
  assert.equal(reputation.score("b"), 0);
});

test("what no honest peer does bans at once", () => {
  const reputation = createReputation(() => 0);
  for (const reason of ["peer.malformed", "peer.oversize", "peer.excessive"])
    assert.equal(reputation.penalise(reason, reason, 1_000), true);
  assert.equal(reputation.penalise("c", "toString", 1_000), false);
});

test("what is remembered has a bound", () => {
  const reputation = createReputation(() => 0);
  for (let i = 0; i < 5_000; i++) reputation.ban(`${i}`, 1_000);
  assert.equal(reputation.isBanned("0"), false);
  assert.equal(reputation.isBanned("4999"), true);
});

test("a bucket gives its burst, then its rate", () => {
  let nowMs = 0;
  const bucket = createTokenBucket(10, 5, () => nowMs);
  assert.deepEqual([bucket.take(5), bucket.take(1)], [true, false]);
  nowMs += 100;
  assert.deepEqual([bucket.take(1), bucket.take(1)], [true, false]);
  nowMs += 60_000;
  assert.deepEqual([bucket.take(6), bucket.take(5)], [false, true]);
});

test("an address is told apart by how far it reaches", () => {
  const reaches = {
    "/ip4/127.0.0.2/tcp/1": "loopback",
    "/ip6/::1/tcp/1": "loopback",
    "/ip6/::ffff:127.0.0.1/tcp/1": "loopback",
    "/ip4/10.1.2.3/tcp/1": "private",
    "/ip4/172.31.0.1/tcp/1": "private",
    "/ip4/169.254.169.254/tcp/1": "private",
    "/ip4/0.0.0.0/tcp/1": "private",
    "/ip4/255.255.255.255/tcp/1": "private",
    "/ip6/fe80::1/tcp/1": "private",
    "/ip6/::/tcp/1": "private",
    "/ip4/192.0.3.1/tcp/1": "public",
    "/ip6/2001:db8::1/tcp/1": "public",
  };
  for (const [address, reach] of Object.entries(reaches)) {
    assert.equal(reachOf(ipOf(multiaddr(address))!), reach, address);
  }
  assert.equal(ipOf(multiaddr("/dns4/node.example/tcp/1")), undefined);
});
