/** `lhg bridge` between a real Mosquitto and a real node, each of which goes away once. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { array, decode } from "@lhg/protocol/core/codec/definition";
import { submission } from "@lhg/protocol/core/statement/submission";
import type { Client } from "@lhg/sdk/client/client";
import { createMqttSend, type GatewayReply } from "@lhg/sdk/device/mqtt-send";
import { connectAsync, type IPublishPacket, type MqttClient } from "mqtt";
import { type DevNode, startDevNode } from "./dev-node.ts";
import { connectDevice, registerDevices, type TestDevice } from "./mqtt-devices.ts";

const MOSQUITTO = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"].find(existsSync);
const skip = MOSQUITTO === undefined ? "Mosquitto is not installed (apt install mosquitto)" : false;
const LHG = join(import.meta.dirname, "../src/cli/main.ts");

let folder: string;
let node: DevNode;
let mosquitto: ChildProcess;
let bridge: ChildProcess;
let brokerUrl: string;
let client: Client;
let devices: TestDevice[];

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function startMosquitto(port: number, isOpen = true): Promise<ChildProcess> {
  const config = join(folder, "mosquitto.conf");
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous ${isOpen}\npersistence false\n`);
  const child = spawn(MOSQUITTO!, ["-c", config], { stdio: ["ignore", "pipe", "pipe"] });
  await waitForText(child, /running/);
  return child;
}

function spawnBridge(broker: string, url: string, more: readonly string[] = []): ChildProcess {
  const args = [LHG, "bridge", "--broker", broker, "--url", url, "--connections", "2", ...more];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

async function startBridge(): Promise<ChildProcess> {
  const child = spawnBridge(brokerUrl, node.url);
  await waitForText(child, /Ctrl-C ends it/);
  return child;
}

interface StubFailure {
  readonly status: number;
  /** Of the problem; without it, a proxy's page. */
  readonly code: string | undefined;
}

/** In place of a node: takes everything, but where `fail` says how it does not. */
async function startStub(fail: () => StubFailure | undefined) {
  let taken = 0;
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const failure = request.method === "POST" ? fail() : { status: 404, code: "statement.not-found" };
    if (failure !== undefined) {
      const { status, code } = failure;
      response.writeHead(status).end(code === undefined ? "<h1>Bad Gateway</h1>" : JSON.stringify({ code }));
      return;
    }
    const batch = decode(
      array(submission, { min: 1, max: 64 }),
      new Uint8Array(Buffer.concat(chunks)),
      "body",
    );
    taken += batch.length;
    const results = batch.map(() => ({ id: "ab".repeat(32), state: "accepted" }));
    response.writeHead(202).end(JSON.stringify({ results }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get taken() {
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Of standard output and error. Rejects where the process ends without it. */
function waitForText(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = "";
  return new Promise((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      text += String(chunk);
      if (pattern.test(text)) resolve();
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("exit", () => reject(new Error(`ended: ${text}`)));
  });
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

const connect = (device: TestDevice): Promise<MqttClient> =>
  connectDevice(brokerUrl, device, undefined, { protocolVersion: 5 });

const reading = (value: number): Uint8Array =>
  new TextEncoder().encode(JSON.stringify([{ n: "urn:dev:mac:1:t", u: "Cel", v: value }]));

before(async () => {
  if (skip !== false) return;
  folder = await mkdtemp(join(tmpdir(), "lhg-bridge-"));
  node = await startDevNode(folder);
  const port = await findFreePort();
  brokerUrl = `mqtt://127.0.0.1:${port}`;
  mosquitto = await startMosquitto(port);
  ({ client, devices } = await registerDevices(node, 3));
  bridge = await startBridge();
});

after(async () => {
  await end(bridge, "SIGKILL");
  await end(mosquitto, "SIGKILL");
  await node?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test("readings go through Mosquitto to the chain, and the answers come back", { skip }, async () => {
  const { kit, address } = devices[0]!;
  const mqtt = await connect(devices[0]!);
  try {
    const replies: GatewayReply[] = [];
    const provable = Promise.withResolvers<void>();
    const send = createMqttSend(mqtt, {
      address: kit.address,
      onReply: (reply) => {
        replies.push(reply);
        if (replies.filter(({ state }) => state === "provable").length === 3) provable.resolve();
      },
    });
    for (let value = 0; value < 3; value++) await kit.record(reading(value));
    assert.deepEqual(await kit.flush(send), { acknowledged: 3, pending: 0 });
    await provable.promise;
    assert.ok(replies.some(({ state, status }) => state === "committed" && status === "ok"));
    assert.equal((await client.getStream(address, 0)).headSeq, 3);
  } finally {
    await mqtt.endAsync();
  }
});

test("an answer goes to the response topic with its correlation data, below the own reply topic only", {
  skip,
}, async () => {
  const { address } = devices[1]!;
  const mqtt = await connect(devices[1]!);
  try {
    const heard: IPublishPacket[] = [];
    const both = Promise.withResolvers<void>();
    mqtt.on("message", (_topic, _payload, packet) => {
      heard.push(packet);
      if (heard.length === 3) both.resolve();
    });
    await mqtt.subscribeAsync([`lhg/v1/${address}/reply/#`, "elsewhere/#"], { qos: 1 });
    const publish = (responseTopic: string): Promise<unknown> =>
      mqtt.publishAsync(`lhg/v1/${address}/up`, "no statement", {
        qos: 1,
        properties: { responseTopic, correlationData: Buffer.from("42") },
      });
    await publish("elsewhere/valve");
    await publish(`lhg/v1/${address}/reply/7`);
    await both.promise;
    assert.deepEqual(heard.map(({ topic }) => topic.replace(address, "own")).sort(), [
      "lhg/v1/own/reply",
      "lhg/v1/own/reply",
      "lhg/v1/own/reply/7",
    ]);
    const answered = heard.find(({ topic }) => topic.endsWith("/7"));
    assert.equal(String(answered?.properties?.correlationData), "42");
    assert.equal(JSON.parse(String(answered?.payload)).state, "refused");
  } finally {
    await mqtt.endAsync();
  }
});

test("while the node is away messages wait at the broker, also when the bridge is killed", {
  skip,
}, async () => {
  const { kit, address } = devices[2]!;
  const port = Number(new URL(node.url).port);
  await end(node.process, "SIGKILL");
  const mqtt = await connect(devices[2]!);
  try {
    const send = createMqttSend(mqtt, { address: kit.address, timeoutMs: 60_000 });
    await kit.record(reading(1));
    const waiting = waitForText(bridge, /messages wait/);
    const flushed = kit.flush(send);
    await waiting;
    await end(bridge, "SIGKILL");
    node = await startDevNode(folder, { port });
    bridge = await startBridge();
    assert.deepEqual(await flushed, { acknowledged: 1, pending: 0 });
    const { state } = await client.waitFor(toHex(kit.state.headId));
    assert.match(state, /committed|provable/);
    assert.deepEqual((await client.listCollections(address)).items.length, 1);
  } finally {
    await mqtt.endAsync();
  }
});

test("Ctrl-C ends the bridge cleanly, also while it waits for a broker", { skip }, async () => {
  const exited = once(bridge, "exit");
  bridge.kill("SIGINT");
  assert.deepEqual(await exited, [0, null]);
  const child = spawnBridge("mqtt://127.0.0.1:1", node.url);
  const closed = once(child, "close");
  await waitForText(child, /no connection to the broker; trying again/);
  child.kill("SIGINT");
  assert.deepEqual(await closed, [0, null]);
});

test("a bridge that starts before its broker says so once and begins when the broker is there", {
  skip,
}, async () => {
  await using stub = await startStub(() => undefined);
  const port = await findFreePort();
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, "secret\n");
  const access = ["--username", "name", "--password-file", passwordFile];
  const child = spawnBridge(`mqtt://127.0.0.1:${port}`, stub.url, access);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => {
      said += String(chunk);
    });
  let broker: ChildProcess | undefined;
  try {
    await waitForText(child, /no connection to the broker; trying again/);
    const ready = waitForText(child, /Ctrl-C ends it/);
    broker = await startMosquitto(port);
    await ready;
    assert.equal(said.match(/no connection/g)?.length, 1);
    assert.doesNotMatch(said, /secret/);
  } finally {
    await end(child, "SIGKILL");
    await end(broker, "SIGKILL");
  }
});

test("a broker that refuses the bridge ends it with a reason", { skip }, async () => {
  const port = await findFreePort();
  const broker = await startMosquitto(port, false);
  const child = spawnBridge(`mqtt://127.0.0.1:${port}`, node.url);
  try {
    const closed = once(child, "close");
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += String(chunk);
    });
    assert.deepEqual(await closed, [1, null]);
    assert.match(said, /does not let the bridge in: .*[Nn]ot authorized/);
    assert.doesNotMatch(said, /trying again/);
  } finally {
    await end(child, "SIGKILL");
    await end(broker, "SIGKILL");
  }
});

test("nothing is lost or told refused while the node fails, and the largest collection comes through", {
  skip,
}, async () => {
  const failures = [
    { status: 503, code: "inbox.full" },
    { status: 502, code: undefined },
    { status: 500, code: "internal" },
    { status: 429, code: "rate.limited" },
  ];
  await using stub = await startStub(() => failures.shift());
  const port = await findFreePort();
  const url = `mqtt://127.0.0.1:${port}`;
  const broker = await startMosquitto(port);
  const child = spawnBridge(url, stub.url);
  await waitForText(child, /Ctrl-C ends it/);
  const mqtt = await connectAsync(url, { protocolVersion: 5 });
  try {
    const address = "ab".repeat(20);
    const states: string[] = [];
    const all = Promise.withResolvers<void>();
    mqtt.on("message", (_topic, payload) => {
      states.push(JSON.parse(String(payload)).state);
      if (states.length === 4) all.resolve();
    });
    await mqtt.subscribeAsync(`lhg/v1/${address}/reply`, { qos: 1 });
    for (const [i, sizeBytes] of [100, 100, 100, 256 << 10].entries()) {
      const statement = Buffer.alloc(sizeBytes, i);
      statement[0] = 0xd2;
      await mqtt.publishAsync(`lhg/v1/${address}/up`, statement, { qos: 1 });
    }
    await all.promise;
    assert.deepEqual(states, Array(4).fill("accepted"));
    assert.equal(stub.taken, 4);
    assert.deepEqual(failures, []);
  } finally {
    await mqtt.endAsync();
    await end(child, "SIGKILL");
    await end(broker, "SIGKILL");
  }
});

test("an address that lets no bridge in ends it with a reason, and the broker keeps the message", {
  skip,
}, async () => {
  let isBarred = true;
  await using stub = await startStub(() =>
    isBarred ? { status: 421, code: "host.not-allowed" } : undefined,
  );
  const port = await findFreePort();
  const url = `mqtt://127.0.0.1:${port}`;
  const broker = await startMosquitto(port);
  let child = spawnBridge(url, stub.url);
  const mqtt = await connectAsync(url, { protocolVersion: 5 });
  try {
    await waitForText(child, /Ctrl-C ends it/);
    const address = "ab".repeat(20);
    const replied = new Promise<Buffer>((resolve) =>
      mqtt.once("message", (_topic, payload) => resolve(payload)),
    );
    await mqtt.subscribeAsync(`lhg/v1/${address}/reply`, { qos: 1 });
    const closed = once(child, "close");
    const explained = waitForText(child, /lets no bridge in \(HTTP 421, host\.not-allowed/);
    await mqtt.publishAsync(`lhg/v1/${address}/up`, Buffer.alloc(100, 0xd2), { qos: 1 });
    await explained;
    assert.deepEqual(await closed, [1, null]);
    assert.equal(stub.taken, 0);
    isBarred = false;
    child = spawnBridge(url, stub.url);
    assert.equal(JSON.parse(String(await replied)).state, "accepted");
    assert.equal(stub.taken, 1);
  } finally {
    await mqtt.endAsync();
    await end(child, "SIGKILL");
    await end(broker, "SIGKILL");
  }
});
