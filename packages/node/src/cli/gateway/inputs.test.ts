import assert from "node:assert/strict";
import { request } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { decodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { startHttpInput, startMqttInput, type Take } from "./inputs.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(take: Take): Promise<string> {
  const input = await startHttpInput({ host: "127.0.0.1", port: 0 }, take);
  closers.push(() => input.close());
  return input.place.replace("<device>", "fridge-3");
}

interface Sent {
  readonly status: number;
  readonly body: { readonly code?: string; readonly field?: string; readonly accepted?: number };
}

function send(
  url: string,
  body: string,
  { method = "POST", headers = { "content-type": "application/json" } as Record<string, string> } = {},
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode!, body: JSON.parse(text) }));
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

test("a reading is answered once it is taken, and not before", async () => {
  const taken = Promise.withResolvers<number>();
  const arrived = Promise.withResolvers<string>();
  const url = await start((device, payload) => {
    arrived.resolve(`${device} ${decodeUtf8(payload)}`);
    return taken.promise;
  });
  let isAnswered = false;
  const answer = send(url, '{"temperature":4}').finally(() => {
    isAnswered = true;
  });
  assert.equal(await arrived.promise, 'fridge-3 {"temperature":4}');
  assert.equal(isAnswered, false);
  taken.resolve(1);
  assert.deepEqual(await answer, { status: 202, body: { accepted: 1 } });
});

test("what is wrong is answered with code and field, and a fault without its inside", async () => {
  let problem: Error = new LhgError("reading.unknown", "is not configured", "temp");
  const url = await start(() => Promise.reject(problem));
  const bad = await send(url, "{}");
  assert.deepEqual([bad.status, bad.body.code, bad.body.field], [400, "reading.unknown", "temp"]);
  problem = new LhgError("gateway.full", "too much waits");
  assert.equal((await send(url, "{}")).status, 503);
  problem = new TypeError("secret inside");
  const fault = await send(url, "{}");
  assert.deepEqual([fault.status, JSON.stringify(fault.body).includes("secret")], [500, false]);
});

test("pages of browsers, other methods and paths, and long bodies are refused", async () => {
  let taken = 0;
  const url = await start(async () => {
    taken += 1;
    return 1;
  });
  assert.equal((await send(url, "{}", { method: "PUT" })).status, 405);
  assert.equal((await send(url, "{}", { headers: { "content-type": "text/plain" } })).status, 415);
  assert.equal((await send(url, "{}", { headers: {} })).status, 415);
  const page = { "content-type": "application/json", origin: "https://evil.example" };
  assert.equal((await send(url, "{}", { headers: page })).status, 415);
  assert.equal((await send(url.replace("fridge-3", "a/b"), "{}")).status, 404);
  assert.equal((await send(new URL("/", url).href, "{}")).status, 404);
  assert.equal((await send(url, "x".repeat(70_000))).status, 413);
  assert.equal(taken, 0);
  assert.equal(
    (await send(url, "{}", { headers: { "content-type": "application/senml+json" } })).status,
    202,
  );
});

const ANYBODY = { userName: undefined, password: undefined, ca: undefined };
const CONNACK = [0x20, 2, 0, 0];
const TOPIC = "plain/fridge-3/readings";
const PUBLISH = [0x32, 2 + TOPIC.length + 2 + 1, 0, TOPIC.length, ...Buffer.from(TOPIC), 0, 7, 0x34];

/** A broker with one message (QoS 1, number 7), which it sends on every connection until it is acknowledged. */
async function startOneMessageBroker() {
  const acknowledged = Promise.withResolvers<number>();
  const sockets = new Set<Socket>();
  let connections = 0;
  let connect = "";
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest[1]!) {
        const packet = rest.subarray(0, 2 + rest[1]!);
        rest = rest.subarray(packet.length);
        const type = packet[0]! >> 4;
        if (type === 1) connect = packet.toString("latin1");
        if (type === 1) socket.write(Buffer.from([...CONNACK, ...PUBLISH]));
        if (type === 8) socket.write(Buffer.from([0x90, 3, packet[2]!, packet[3]!, 1]));
        if (type === 4) acknowledged.resolve(connections);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    acknowledged: acknowledged.promise,
    connect: () => connect,
  };
}

test("a message that could not be stored is not acknowledged: it comes again", async () => {
  const broker = await startOneMessageBroker();
  let takes = 0;
  const input = startMqttInput(
    {
      url: broker.url,
      topic: "plain/+/readings",
      clientId: "lhg-gateway-test",
      access: ANYBODY,
      say: () => {},
    },
    async () => {
      takes += 1;
      if (takes === 1) throw new TypeError("the disk is gone");
      return 1;
    },
  );
  closers.unshift(() => input.close());
  assert.equal(await broker.acknowledged, 2, "acknowledged on the second connection");
  assert.equal(takes, 2);
});

test("a message that is no reading is acknowledged, or it would come for ever; the broker is told name and password", async () => {
  const broker = await startOneMessageBroker();
  const input = startMqttInput(
    {
      url: broker.url,
      topic: "plain/+/readings",
      clientId: "lhg-gateway-test",
      access: { userName: "cold", password: "s3cret", ca: undefined },
      say: () => {},
    },
    () => Promise.reject(new LhgError("reading.json", "must be JSON", "payload")),
  );
  closers.unshift(() => input.close());
  assert.equal(await broker.acknowledged, 1);
  assert.ok(broker.connect().endsWith("\0\x04cold\0\x06s3cret"));
});
