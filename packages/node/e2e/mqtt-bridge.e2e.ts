/** `lhg bridge` between a real Mosquitto and a real node, each of which goes away once. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Client } from "@lhg/sdk/client/client";
import { createMqttSend, type GatewayReply } from "@lhg/sdk/device/mqtt-send";
import type { IPublishPacket, MqttClient } from "mqtt";
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

async function startMosquitto(port: number): Promise<ChildProcess> {
  const config = join(folder, "mosquitto.conf");
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const child = spawn(MOSQUITTO!, ["-c", config], { stdio: ["ignore", "pipe", "pipe"] });
  await waitForText(child, /running/);
  return child;
}

async function startBridge(): Promise<ChildProcess> {
  const args = [LHG, "bridge", "--broker", brokerUrl, "--url", node.url, "--connections", "2"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  await waitForText(child, /Ctrl-C ends it/);
  return child;
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

test("Ctrl-C ends the bridge cleanly, and a broker that is not there is said in one line", {
  skip,
}, async () => {
  const exited = once(bridge, "exit");
  bridge.kill("SIGINT");
  assert.deepEqual(await exited, [0, null]);
  const args = [LHG, "bridge", "--broker", "mqtt://127.0.0.1:1", "--url", node.url];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  const [code] = await once(child, "close");
  assert.notEqual(code, 0);
  assert.match(said, /ECONNREFUSED|cannot be reached/);
});
