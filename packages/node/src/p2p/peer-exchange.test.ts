import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { multiaddr } from "@multiformats/multiaddr";
import { believePeers, choosePeers, decodePeers, encodePeers } from "./peer-exchange.ts";
import { peerIdOf } from "./peer-id.ts";
import type { Session } from "./sessions.ts";
import { seedOf } from "./testing-libp2p.ts";

const IDS = Array.from({ length: 30 }, (_, i) => peerIdOf(seedOf(i + 1)));
const SELF = IDS[29]!;

function sessionOf(
  peer: string,
  remote: string,
  direction: "inbound" | "outbound",
  listenAddresses: readonly string[] = [],
): Session {
  const remoteAddr = multiaddr(`${remote}/p2p/${peer}`);
  return { peer, connection: { remoteAddr, direction }, listenAddresses } as unknown as Session;
}

test("a peer tells where it reached others, and of what they claim only where they came from", () => {
  const [a, b, c, d, asker] = IDS as [string, string, string, string, string];
  const sessions = [
    sessionOf(a, "/ip4/192.0.3.1/tcp/4001", "outbound"),
    sessionOf(b, "/ip4/192.0.3.2/tcp/51000", "inbound", [
      "/ip4/10.0.0.2/tcp/4001",
      "/ip4/192.0.3.2/tcp/4001",
    ]),
    sessionOf(c, "/ip4/192.0.3.3/tcp/51000", "inbound", [
      "/ip4/198.51.100.1/tcp/80",
      "/dns4/victim.example/tcp/80",
    ]),
    sessionOf(d, "/ip4/192.0.3.4/tcp/4001", "outbound"),
    sessionOf(asker, "/ip4/192.0.3.5/tcp/4001", "outbound"),
  ];
  assert.deepEqual(choosePeers(sessions, asker, new Set([d])).sort(), [
    `/ip4/192.0.3.1/tcp/4001/p2p/${a}`,
    `/ip4/192.0.3.2/tcp/4001/p2p/${b}`,
  ]);
  const many = IDS.map((id, i) => sessionOf(id, `/ip4/192.0.3.${i}/tcp/1`, "outbound"));
  assert.equal(choosePeers(many, SELF, new Set()).length, 16);
});

test("what is told is believed where it is no name, not us, and not nearer than who told it", () => {
  const told = decodePeers(
    encodePeers([
      `/ip4/127.0.0.1/tcp/1/p2p/${IDS[0]}`,
      `/ip4/10.0.0.1/tcp/1/p2p/${IDS[1]}`,
      `/ip4/192.0.3.1/tcp/1/p2p/${IDS[2]}`,
      `/dns4/node.example/tcp/1/p2p/${IDS[3]}`,
      `/ip4/192.0.3.9/tcp/1/p2p/${SELF}`,
    ]),
  );
  const believed = (remote: string): string[] =>
    believePeers(told, sessionOf(IDS[9]!, remote, "outbound"), SELF).map(({ id }) => id);
  assert.deepEqual(believed("/ip4/127.0.0.1/tcp/9"), [IDS[0], IDS[1], IDS[2]]);
  assert.deepEqual(believed("/ip4/192.168.1.1/tcp/9"), [IDS[1], IDS[2]]);
  assert.deepEqual(believed("/ip4/198.51.100.7/tcp/9"), [IDS[2]]);
});

test("an answer that is no list of peers is malformed", () => {
  assert.deepEqual(decodePeers(new Uint8Array(0)), []);
  const line = `/ip4/192.0.3.1/tcp/1/p2p/${IDS[0]}`;
  const broken = ["/ip4/192.0.3.1/tcp/1", `${line}\n`, `/ip4/192.0.3.1/udp/1/p2p/${IDS[0]}`, "\u0000"];
  for (const answer of [...broken, Array(17).fill(line).join("\n")])
    assert.throws(
      () => decodePeers(encodeUtf8(answer)),
      (error) => error instanceof LhgError && error.code === "peer.malformed",
    );
  assert.throws(() => decodePeers(Uint8Array.of(0xff, 0xfe)), /UTF-8/);
});
