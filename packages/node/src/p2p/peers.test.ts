import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { peerIdOf } from "./peer-id.ts";
import { collect, meet, seedOf, startTestingNode, type TestingNode } from "./testing-libp2p.ts";

const LIMITS = { timeoutMs: 20_000, answerBytesMax: 1_000 };
const portOf = ({ network }: TestingNode): number =>
  Number(/\/tcp\/(?<port>\d+)\//.exec(network.listenAddresses()[0]!)?.groups?.port);

async function stopAll(...nodes: readonly TestingNode[]): Promise<void> {
  await Promise.all(nodes.map(({ network }) => network.stop()));
}

test("a peer has the name that its key gives it", async () => {
  const node = await startTestingNode(1);
  assert.equal(node.network.id, peerIdOf(seedOf(1)));
  assert.match(node.network.listenAddresses()[0]!, new RegExp(`/p2p/${node.network.id}$`));
  await node.network.stop();
  await node.network.stop();
  assert.throws(() => peerIdOf(new Uint8Array(31)), /keySeed/);
});

test("addresses that lead nowhere are refused by their place in the configuration", async () => {
  const id = peerIdOf(seedOf(9));
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ peers: ["/ip4/127.0.0.1/tcp/1"] }, /^peers\[0\]: must end with \/p2p/],
    [{ peers: [`/ip4/127.0.0.1/tcp/1/p2p/${id}`, "nonsense"] }, /^peers\[1\]: is no multiaddr/],
    [{ peers: [`/ip4/127.0.0.1/udp/1/quic-v1/p2p/${id}`] }, /^peers\[0\]: must be an address of TCP/],
    [{ listen: [`/ip4/127.0.0.1/tcp/0/p2p/${id}`] }, /^listen\[0\]: must end with the port/],
    [{ announce: ["/unix/tmp"] }, /^announce\[0\]/],
    [{ peers: ["/".repeat(10_000)] }, /^peers\[0\]: is too long/],
    [{ chainId: "a/b" }, /^chainId/],
  ];
  for (const [options, message] of refused)
    await assert.rejects(startTestingNode(1, options), (error) => {
      assert.ok(error instanceof LhgError);
      assert.equal(error.code, "config.invalid");
      assert.match(error.message, message);
      return true;
    });
});

test("an address that another program has is refused by name", async () => {
  const first = await startTestingNode(1);
  const taken = `/ip4/127.0.0.1/tcp/${portOf(first)}`;
  await assert.rejects(startTestingNode(2, { listen: ["/ip4/127.0.0.1/tcp/0", taken] }), (error) => {
    assert.ok(error instanceof LhgError);
    assert.equal(error.code, "port.in-use");
    assert.match(error.message, new RegExp(`${taken}$`));
    return true;
  });
  await stopAll(first);
});

test("a configured peer is dialled again after it was gone", async () => {
  const first = await startTestingNode(1);
  const port = portOf(first);
  const client = await startTestingNode(2, { peers: first.network.listenAddresses() });
  await meet(first, client);
  const events: string[] = [];
  client.network.onPeer((peer, state) => events.push(`${peer === first.network.id} ${state}`));
  await first.network.stop();
  await client.disconnected(first.network.id);
  await client.logged(({ code }) => code === "peer.unreachable");
  const again = await startTestingNode(1, { listen: [`/ip4/127.0.0.1/tcp/${port}`] });
  await meet(again, client);
  assert.deepEqual(events, ["true disconnected", "true connected"]);
  again.network.serve("echo", { requestBytesMax: 9, perSecond: 9 }, async (body) => body);
  assert.equal((await client.network.ask(again.network.id, "echo", encodeUtf8("x"), LIMITS)).length, 1);
  const atAgain = collect(again, "statements");
  client.network.publish("statements", encodeUtf8("after"));
  await atAgain.next();
  await stopAll(again, client);
});

test("two that dial each other at once end with one connection that carries everything", async () => {
  const ports = await Promise.all([freePort(), freePort()]);
  const addresses = ports.map((port, i) => `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdOf(seedOf(i + 1))}`);
  const [a, b] = await Promise.all([
    startTestingNode(1, { listen: [`/ip4/127.0.0.1/tcp/${ports[0]}`], peers: [addresses[1]!] }),
    startTestingNode(2, { listen: [`/ip4/127.0.0.1/tcp/${ports[1]}`], peers: [addresses[0]!] }),
  ]);
  await meet(a, b);
  const atA = collect(a, "consensus");
  const atB = collect(b, "consensus");
  // A connection that lost against the other one may take what is sent in that moment with it.
  for (let i = 0; atA.messages.length === 0 || atB.messages.length === 0; i++) {
    a.network.publish("consensus", encodeUtf8(`a ${i}`));
    b.network.publish("consensus", encodeUtf8(`b ${i}`));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(a.network.peers().length, 1);
  assert.equal(b.network.peers().length, 1);
  await stopAll(a, b);
});

test("a peer of another chain is not a peer, and both say why", async () => {
  const here = await startTestingNode(1);
  const there = await startTestingNode(2, { chainId: "other", peers: here.network.listenAddresses() });
  await Promise.race([here, there].map((node) => node.logged(({ code }) => code === "peer.other-chain")));
  await here.disconnected(there.network.id);
  assert.deepEqual([...here.network.peers(), ...there.network.peers()], []);
  await stopAll(here, there);
});

test("a validator behind sentries accepts and dials nobody else", async () => {
  const sentry = await startTestingNode(1, { peerExchange: true });
  const validator = await startTestingNode(2, {
    peers: sentry.network.listenAddresses(),
    onlyConfigured: true,
    peerExchange: true,
  });
  await meet(sentry, validator);
  const stranger = await startTestingNode(3, {
    peers: [...validator.network.listenAddresses(), ...sentry.network.listenAddresses()],
  });
  await meet(sentry, stranger);
  await validator.logged(({ code, reason }) => code === "peer.refused" && reason === "is not configured");
  assert.deepEqual(
    validator.network.peers().map(({ id }) => id),
    [sentry.network.id],
  );
  await stopAll(sentry, validator, stranger);
});

test("peers are found through others, and private ones are never told", async () => {
  const privateId = peerIdOf(seedOf(2));
  const sentry = await startTestingNode(1, { peerExchange: true, privatePeers: [privateId] });
  const peers = sentry.network.listenAddresses();
  const validator = await startTestingNode(2, { peers, onlyConfigured: true });
  await meet(sentry, validator);
  const first = await startTestingNode(3, { peers, peerExchange: true });
  await meet(sentry, first);
  const second = await startTestingNode(4, { peers, peerExchange: true });
  await meet(first, second);
  const asker = await startTestingNode(5, { peers });
  await meet(sentry, asker);
  const told = await asker.network.ask(sentry.network.id, "peers", new Uint8Array(0), LIMITS);
  assert.doesNotMatch(Buffer.from(told).toString(), new RegExp(privateId));
  assert.match(Buffer.from(told).toString(), new RegExp(first.network.id));
  for (const node of [first, second]) assert.ok(!node.network.peers().some(({ id }) => id === privateId));
  await stopAll(sentry, validator, first, second, asker);
});

test("a peer that the layers above blame is banned; a configured one comes back soon", async () => {
  const server = await startTestingNode(1);
  const client = await startTestingNode(
    2,
    { peers: server.network.listenAddresses() },
    { configuredBanMs: 100 },
  );
  await meet(server, client);
  for (let i = 0; i < 10; i++) client.network.penalise(server.network.id, "sent a bad block");
  const { peer } = await client.logged(({ code }) => code === "peer.banned");
  assert.equal(peer, server.network.id);
  assert.deepEqual(client.network.peers(), []);
  await meet(server, client);
  for (let i = 0; i < 10; i++) server.network.penalise(client.network.id, "sent a bad block");
  await server.logged(({ code, reason }) => code === "peer.refused" && reason === "is banned");
  assert.deepEqual(server.network.peers(), []);
  await stopAll(server, client);
});

test("when all places are taken, configured peers come in all the same", async () => {
  const configured = await startTestingNode(2);
  const server = await startTestingNode(1, { peersMax: 2, peers: configured.network.listenAddresses() });
  const peers = server.network.listenAddresses();
  await meet(server, configured);
  const guest = await startTestingNode(3, { peers });
  await meet(server, guest);
  const late = await startTestingNode(4, { peers });
  await server.logged(({ code, reason }) => code === "peer.refused" && reason === "no place is left");
  await configured.network.stop();
  await server.disconnected(configured.network.id);
  const again = await startTestingNode(2, { peers });
  await meet(server, again);
  assert.equal(server.network.peers().length, 2);
  await stopAll(server, guest, late, again);
});

test("a link that goes silent is given up, and found again when it heals", async () => {
  const server = await startTestingNode(1);
  const proxy = await startProxy(portOf(server));
  const address = `/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${server.network.id}`;
  const client = await startTestingNode(2, { peers: [address] }, { tickMs: 100, silentTicksMax: 20 });
  await meet(server, client);
  proxy.setOpen(false);
  await client.logged(({ code }) => code === "peer.silent");
  await client.disconnected(server.network.id);
  proxy.setOpen(true);
  await meet(server, client);
  await stopAll(server, client);
  proxy.close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Proxy {
  readonly port: number;
  /** While it is not, bytes vanish and sockets stay open. */
  setOpen(isOpen: boolean): void;
  close(): void;
}

async function startProxy(port: number): Promise<Proxy> {
  let isOpen = true;
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => {
        if (isOpen) to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { readonly port: number }).port,
    setOpen: (next) => {
      isOpen = next;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
