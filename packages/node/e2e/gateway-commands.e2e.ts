/** Commands on their way to devices: over MQTT to who waits for them and to who comes later, over CoAP to who asks. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { genesis } from "@lhg/protocol/core/genesis";
import type { Client } from "@lhg/sdk/client/client";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { type CommandReceiver, createCommandReceiver } from "@lhg/sdk/device/commands";
import { createMqttSend } from "@lhg/sdk/device/mqtt-send";
import { type Trust, trustFromGenesis } from "@lhg/sdk/verify/trust";
import { request } from "coap";
import type { MqttClient } from "mqtt";
import { type DevCommand, runLhgJson, startDevCommand } from "./dev-command.ts";
import { connectDevice, registerDevices, type TestDevice } from "./mqtt-devices.ts";

let folder: string;
let dev: DevCommand;
let client: Client;
let chainId: string;
let device: TestDevice;
let receiver: CommandReceiver;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-commands-"));
  dev = await startDevCommand(folder);
  const made = await registerDevices({ url: dev.url, dataDirectory: folder }, 1);
  ({ client, chainId } = made);
  device = made.devices[0]!;
  receiver = await createCommandReceiver({
    device: device.kit,
    trust: await readTrust(),
    store: memoryStore(),
    nowMs: Date.now,
  });
});

after(async () => {
  await dev.stop();
  await rm(folder, { recursive: true, force: true });
});

/** As a device gets it when it is set up: from the vendor, not from the node that serves it. */
async function readTrust(): Promise<Trust> {
  const file = JSON.parse(await readFile(join(folder, "dev-keys.json"), "utf8"));
  return trustFromGenesis(fromJson(genesis, file.genesis, "genesis"), { hasher: nodeCrypto });
}

function memoryStore() {
  let kept: Uint8Array | undefined;
  return {
    load: async () => kept,
    save: async (state: Uint8Array) => {
      kept = state;
    },
  };
}

const send = (name: string): Promise<unknown> => runLhgJson(dev, "command", "send", device.address, name);

/** The next receipt that comes on the device's own topic. */
function nextCommand(mqtt: MqttClient): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const listen = (topic: string, payload: Uint8Array): void => {
      if (topic !== `lhg/v1/${device.address}/commands`) return;
      mqtt.off("message", listen);
      resolve(payload);
    };
    mqtt.on("message", listen);
  });
}

async function follow(receipt: Uint8Array): Promise<readonly string[]> {
  const verdict = await receiver.receive(receipt, () => "done");
  assert.ok(verdict.ok);
  return verdict.answered.map(({ command }) => command.name);
}

test("a device hears of what waited for it and of what comes, follows each once, and its vendor sees the answers", async () => {
  await send("identify");
  const mqtt = await connectDevice(dev.mqtt, device, chainId);
  try {
    const waiting = nextCommand(mqtt);
    await mqtt.subscribeAsync(`lhg/v1/${device.address}/commands`, { qos: 1 });
    const first = await waiting;
    assert.deepEqual(await follow(first), ["identify"]);
    assert.equal((await receiver.receive(first, () => assert.fail("followed twice"))).ok, false);
    const coming = nextCommand(mqtt);
    await send("configure");
    assert.deepEqual(await follow(await coming), ["configure"]);
    const { problem } = await device.kit.flush(createMqttSend(mqtt, { address: device.kit.address }));
    assert.equal(problem, undefined);
  } finally {
    await mqtt.endAsync();
  }
  await client.waitFor(Buffer.from(device.kit.state.headId).toString("hex"));
  const { items } = await client.listCommands(device.address);
  assert.deepEqual(
    items.map(({ name, acknowledgement }) => [name, acknowledgement?.result]),
    [
      ["configure", "done"],
      ["identify", "done"],
    ],
  );
});

test("whoever is not the device hears none of its commands over MQTT", async () => {
  const stranger = await connectDevice(dev.mqtt, device, undefined);
  try {
    const [granted] = await stranger
      .subscribeAsync(`lhg/v1/${device.address}/commands`)
      .catch(() => [undefined]);
    assert.ok(granted === undefined || granted.qos === 128);
  } finally {
    await stranger.endAsync();
  }
});

test("over CoAP the first command that waits is the answer, and none is an answer, too", async () => {
  const ask = (): Promise<{ code: string; payload: Buffer }> =>
    new Promise((resolve, reject) => {
      const asked = request(`coap://127.0.0.1:${dev.coapPort}/v1/devices/${device.address}/commands`);
      asked.on("response", ({ code, payload }) => resolve({ code, payload }));
      asked.on("error", reject);
      asked.end();
    });
  assert.equal((await ask()).code, "4.04");
  await send("reboot");
  const { code, payload } = await ask();
  assert.equal(code, "2.05");
  assert.deepEqual(await follow(payload), ["reboot"]);
});
