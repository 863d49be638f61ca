import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readConfig } from "../../config.ts";
import { peerIdOf } from "../../p2p/peer-id.ts";
import { listMembers, type NetworkShape, type PlannedNode, planNetwork } from "./plan-network.ts";

const SHAPE: NetworkShape = {
  validators: 4,
  observers: 0,
  hasSentries: false,
  hosts: ["127.0.0.1"],
  basePort: 26_700,
};

function plan(given: Partial<NetworkShape>): PlannedNode[] {
  const shape = { ...SHAPE, ...given };
  return planNetwork(
    shape,
    listMembers(shape).map((_, i) => peerIdOf(new Uint8Array(32).fill(i + 1))),
  );
}

const peersOf = (nodes: readonly PlannedNode[], node: PlannedNode): string[] =>
  nodes
    .filter(({ peerId }) => node.config.p2pPeers?.some((address) => address.endsWith(`/p2p/${peerId}`)))
    .map(({ name }) => name);

test("every node of a network knows all others, by addresses that its settings take, and shares no port", () => {
  const shapes = fc.record({
    validators: fc.integer({ min: 1, max: 12 }),
    observers: fc.integer({ min: 0, max: 3 }),
    hasSentries: fc.boolean(),
    basePort: fc.integer({ min: 1, max: 60_000 }),
    hosts: fc.constantFrom(["127.0.0.1"], ["::1"], ["192.0.2.1"], ["node.example.com"], ["localhost"]),
  });
  fc.assert(
    fc.property(shapes, (shape) => {
      const nodes = plan(shape);
      for (const node of nodes) {
        readConfig(node.config);
        if (shape.hasSentries) continue;
        const others = nodes.filter((other) => other !== node).map(({ name }) => name);
        assert.deepEqual(peersOf(nodes, node), others);
      }
      const ports = nodes.flatMap(({ config }) => [
        Number(/tcp\/(\d+)/.exec(config.p2pListen?.[0] ?? "")?.[1]),
        config.port,
      ]);
      assert.equal(new Set(ports).size, 2 * nodes.length);
    }),
    { numRuns: 50 },
  );
});

test("behind sentries a validator knows its own sentry alone, which tells nobody of it", () => {
  const nodes = plan({ hasSentries: true, observers: 1, hosts: ["192.0.2.1"] });
  const [validator, sentry, observer] = ["node1", "sentry1", "observer0"].map(
    (name) => nodes.find((node) => node.name === name)!,
  );
  assert.deepEqual(peersOf(nodes, validator!), ["sentry1"]);
  assert.deepEqual(
    [validator!.config.p2pOnlyConfigured, validator!.config.p2pPeerExchange, validator!.config.p2pAnnounce],
    [true, false, undefined],
  );
  assert.deepEqual(peersOf(nodes, sentry!), ["node1", "sentry0", "sentry2", "sentry3", "observer0"]);
  assert.deepEqual(sentry!.config.p2pPrivatePeers, [validator!.peerId]);
  assert.deepEqual(peersOf(nodes, observer!), ["sentry0", "sentry1", "sentry2", "sentry3"]);
  assert.equal(observer!.config.consensusKeyFile, undefined);
});

test("on machines of their own nodes have the same ports, listen everywhere, and say where they are", () => {
  const hosts = ["192.0.2.1", "2001:db8::1", "c.example.com", "192.0.2.1"];
  const nodes = plan({ hosts });
  assert.deepEqual(
    nodes.map(({ config }) => [config.p2pListen, config.p2pAnnounce, config.port]),
    [
      [["/ip4/0.0.0.0/tcp/26700"], ["/ip4/192.0.2.1/tcp/26700"], 26_701],
      [["/ip6/::/tcp/26700"], ["/ip6/2001:db8::1/tcp/26700"], 26_701],
      [["/ip4/0.0.0.0/tcp/26700"], ["/dns/c.example.com/tcp/26700"], 26_701],
      [["/ip4/0.0.0.0/tcp/26710"], ["/ip4/192.0.2.1/tcp/26710"], 26_711],
    ],
  );
});

test("a network that can't be is refused by the flag that makes it so", () => {
  assert.throws(() => plan({ hosts: ["192.0.2.1", "192.0.2.2"] }), { code: "init.hosts" });
  assert.throws(() => plan({ basePort: 65_500 }), { code: "init.port" });
  assert.throws(() => plan({ basePort: 0 }), { code: "init.port" });
  assert.equal(plan({ basePort: 0, validators: 1 })[0]?.config.port, 0);
});
