import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { closeOf, makeKey, QOS1, startTestGateway, type TestGateway, upOf } from "./testing.ts";

/** A CONNECT packet of this protocol level and client id. */
function makeConnect(clientId: string, level = 4): Buffer {
  const id = Buffer.from(clientId);
  const properties = level === 5 ? [0] : [];
  const body = [
    0,
    4,
    ...Buffer.from("MQTT"),
    level,
    2,
    0,
    60,
    ...properties,
    id.length >> 8,
    id.length & 0xff,
    ...id,
  ];
  return Buffer.from([0x10, body.length, ...body]);
}

/** Whatever comes until the other side closes. */
async function readToEnd(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  await once(socket, "close");
  return Buffer.concat(parts);
}

async function expectAlive(gateway: TestGateway): Promise<void> {
  const client = await gateway.connect();
  await client.publishAsync(upOf(client), "still there", QOS1);
  await client.endAsync();
}

test("a CONNECT that is too long, bent or no CONNECT at all is cut without a word", async (t) => {
  const gateway = await startTestGateway(t);
  const first: readonly (readonly [string, Buffer])[] = [
    ["256 MB announced", Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
    ["1 KiB and a bit", Buffer.from([0x10, 0xff, 0x07])],
    ["length without end", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff])],
    ["PUBLISH first", Buffer.from([0x30, 3, 0, 1, 97])],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
    ["nonsense in CONNECT", Buffer.from([0x10, 4, 1, 2, 3, 4])],
  ];
  for (const [name, bytes] of first) {
    const socket = await gateway.openSocket();
    socket.write(bytes);
    assert.equal((await readToEnd(socket)).length, 0, name);
  }
  await expectAlive(gateway);
});

test("an unfinished CONNECT and a silent socket are cut in time", async (t) => {
  const gateway = await startTestGateway(t, { limits: { connectTimeoutMs: 1_000 } });
  const [silent, half] = [await gateway.openSocket(), await gateway.openSocket()];
  half.write(makeConnect(makeKey().address).subarray(0, 20));
  await Promise.all([once(silent, "close"), once(half, "close")]);
  await expectAlive(gateway);
});

test("other protocol levels are refused as the standard says", async (t) => {
  const gateway = await startTestGateway(t);
  const socket = await gateway.openSocket();
  socket.write(makeConnect(makeKey().address, 5));
  assert.deepEqual([...(await readToEnd(socket))], [0x20, 2, 0, 1]);
});

test("after CONNECT a packet beyond its bound is cut at its header, one that never ends in time", async (t) => {
  const gateway = await startTestGateway(t, { limits: { packetTimeoutMs: 50 } });
  for (const bytes of [
    [0x30, 0xff, 0xff, 0xff, 0x7f],
    [0x32, 0x80, 0x80, 0x10, 0, 1],
    [0x30, 0x80, 0x08, 0, 1],
  ]) {
    const socket = await gateway.openSocket();
    socket.write(Buffer.concat([makeConnect(makeKey().address), Buffer.from(bytes)]));
    assert.deepEqual([...(await readToEnd(socket))], [0x20, 2, 0, 0]);
  }
  await expectAlive(gateway);
});

test("packets that never end share a bound: the largest goes", async (t) => {
  const gateway = await startTestGateway(t, { limits: { unfinishedBytesMax: 4_096 } });
  const begin = async (bytes: number): Promise<Socket> => {
    const socket = await gateway.openSocket();
    socket.write(makeConnect(makeKey().address));
    await once(socket, "data");
    socket.write(Buffer.concat([Buffer.from([0x30, 0xff, 0xff, 0x0f]), Buffer.alloc(bytes)]));
    return socket;
  };
  const large = await begin(3_000);
  const closed = once(large, "close");
  const small = await begin(2_000);
  await closed;
  assert.equal(small.destroyed, false);
  small.destroy();
});

test("beyond the cap the longest idle stranger goes, known devices stay", async (t) => {
  const device = makeKey();
  const gateway = await startTestGateway(t, { registered: [device], limits: { connectionsMax: 3 } });
  const known = await gateway.connectKnown(device);
  const oldest = await gateway.openSocket();
  const closed = once(oldest, "close");
  const newer = await gateway.openSocket();
  const newest = await gateway.openSocket();
  await closed;
  assert.deepEqual([known.connected, newer.destroyed, newest.destroyed], [true, false, false]);
  newer.destroy();
  newest.destroy();
});

/** A stranger of a made-up id, from this address of the loopback network, once it is let in. */
async function connectFrom(gateway: TestGateway, localAddress: string): Promise<Socket> {
  const socket = connect({ port: gateway.port, host: "127.0.0.1", localAddress });
  socket.on("error", () => {});
  socket.write(makeConnect(makeKey().address));
  await once(socket, "data");
  socket.resume();
  return socket;
}

test("many made-up ids of one address do not cut the stranger of another", async (t) => {
  const gateway = await startTestGateway(t, { limits: { connectionsMax: 50 } });
  const other = await connectFrom(gateway, "127.0.0.2");
  const crowd: Socket[] = [];
  for (let i = 0; i < 60; i++) crowd.push(await connectFrom(gateway, "127.0.0.1"));
  // The first of the crowd were idle for longest.
  await Promise.all(crowd.slice(0, 11).map(async (socket) => socket.closed || (await once(socket, "close"))));
  assert.equal(crowd.filter(({ closed }) => !closed).length, 49);
  other.write(Buffer.from([0xc0, 0]));
  const [pong] = await once(other, "data");
  assert.deepEqual([...(pong as Buffer)], [0xd0, 0]);
  for (const socket of [other, ...crowd]) socket.destroy();
});

test("an address has so many connections and no more, whatever room there is", async (t) => {
  const gateway = await startTestGateway(t, { limits: { remoteConnectionsMax: 3 } });
  const oldest = await connectFrom(gateway, "127.0.0.1");
  const closed = once(oldest, "close");
  const others = [await connectFrom(gateway, "127.0.0.2")];
  for (let i = 0; i < 3; i++) others.push(await connectFrom(gateway, "127.0.0.1"));
  await closed;
  assert.ok(others.every((socket) => !socket.destroyed));
  for (const socket of others) socket.destroy();
});

test("a flood over many connections of one address is slowed as one, other addresses are not", async (t) => {
  const limits = { remoteMessages: { perSecond: 1, burst: 20 } };
  const gateway = await startTestGateway(t, { limits });
  const ping = Buffer.alloc(400, Buffer.from([0xc0, 0]));
  // Each may send 200 at once by itself; the first takes all that its address has for minutes.
  const first = await connectFrom(gateway, "127.0.0.1");
  first.write(ping);
  await once(first, "data");
  first.destroy();
  const again = await connectFrom(gateway, "127.0.0.1");
  let answered = 0;
  again.on("data", (bytes: Buffer) => {
    answered += bytes.length;
  });
  again.write(ping);
  const other = await connectFrom(gateway, "127.0.0.2");
  other.write(Buffer.from([0xc0, 0]));
  const [pong] = await once(other, "data");
  assert.deepEqual([[...(pong as Buffer)], answered], [[0xd0, 0], 0]);
  again.destroy();
  other.destroy();
});

test("one that floods is slowed down, others have their answers meanwhile", async (t) => {
  const rate = { perSecond: 1, burst: 20 };
  const gateway = await startTestGateway(t, { limits: { messages: rate } });
  const flooding = await gateway.connect();
  const other = await gateway.connect();
  let flooded = 0;
  // Written piece by piece: each piece is read only when the one before is paid for.
  const flood = Array.from({ length: 2_000 }, (_, i) =>
    flooding.publishAsync(upOf(flooding), Buffer.alloc(1_000, i), QOS1).then(
      () => {
        flooded += 1;
      },
      () => {},
    ),
  );
  for (let i = 0; i < 10; i++) await other.publishAsync(upOf(other), `other ${i}`, QOS1);
  assert.ok(flooded < 200, `${flooded} of the flood went through first`);
  await flooding.endAsync(true);
  await Promise.all(flood);
});

test("who asks for no keepalive is cut after the gateway's own, silence and a half", async (t) => {
  const gateway = await startTestGateway(t, { limits: { keepaliveSecondsMax: 1 } });
  const silent = await gateway.connect({ keepalive: 0 });
  await closeOf(silent);
});

test("who does not read what it is told is cut, and costs no memory", async (t) => {
  let open = 0;
  let look = (): void => {};
  const unlimited = { perSecond: 1e9, burst: 1e9 };
  const message = "x".repeat(20_000);
  const gateway = await startTestGateway(t, {
    limits: { unsentBytesMax: 100_000, messages: unlimited, bytes: unlimited },
    submit: async (all) => all.map(() => ({ id: "ab", state: "refused", code: "x.y", field: "", message })),
    onConnections: (count) => {
      open = count;
      look();
    },
  });
  const { address } = makeKey();
  const socket = await gateway.openSocket();
  socket.pause();
  const field = (text: string): number[] => [0, text.length, ...Buffer.from(text)];
  const subscribe = [0, 1, ...field(`lhg/v1/${address}/reply`), 0];
  const publish = [...field(`lhg/v1/${address}/up`), 7];
  socket.write(makeConnect(address));
  socket.write(Buffer.from([0x82, subscribe.length, ...subscribe]));
  const packet = Buffer.from([0x30, publish.length, ...publish]);
  // Spread over turns of the event loop, as devices send.
  const sending = setInterval(() => socket.write(Buffer.concat([packet, packet, packet, packet])), 1);
  await new Promise<void>((resolve) => {
    look = () => {
      if (open === 0) resolve();
    };
    look();
  });
  clearInterval(sending);
  socket.destroy();
  await expectAlive(gateway);
});

test("a session that asks for everything at once is answered or cut, and nobody else notices", async (t) => {
  const gateway = await startTestGateway(t, { limits: { connectTimeoutMs: 500, packetTimeoutMs: 500 } });
  const connected = makeConnect(makeKey().address);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 200 }), anyPacket()), {
        minLength: 1,
        maxLength: 6,
      }),
      async (pieces) => {
        const socket = await gateway.openSocket();
        socket.resume();
        socket.write(connected);
        for (const piece of pieces) socket.write(piece);
        socket.end();
        if (!socket.destroyed) await once(socket, "close");
      },
    ),
    { numRuns: 150 },
  );
  assert.deepEqual(gateway.failures, []);
  await expectAlive(gateway);
});

/** Framed well, filled with anything. */
function anyPacket(): fc.Arbitrary<Uint8Array> {
  const first = fc.constantFrom(0x10, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0);
  return fc
    .tuple(first, fc.uint8Array({ maxLength: 100 }))
    .map(([byte, body]) => Uint8Array.from([byte, body.length, ...body]));
}
