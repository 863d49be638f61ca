/** Devices over MQTT against a real node: published, acknowledged after the fsync, committed, provable; presence and TLS. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Client } from "@lhg/sdk/client/client";
import { createMqttSend, type GatewayReply } from "@lhg/sdk/device/mqtt-send";
import { type DevNode, startDevNode } from "./dev-node.ts";
import { connectDevice, registerDevices, type TestDevice } from "./mqtt-devices.ts";

let folder: string;
let node: DevNode;
let client: Client;
let chainId: string;
let devices: TestDevice[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-mqtt-"));
  node = await startDevNode(folder);
  ({ client, chainId, devices } = await registerDevices(node, 4));
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true, force: true });
});

const reading = (value: number): Uint8Array =>
  new TextEncoder().encode(JSON.stringify([{ n: "urn:dev:mac:1:t", u: "Cel", v: value }]));

/** Resolves with the first reply of this state. */
function collectReplies() {
  const replies: GatewayReply[] = [];
  let look = (): void => {};
  return {
    replies,
    onReply: (reply: GatewayReply) => {
      replies.push(reply);
      look();
    },
    until: (state: string) =>
      new Promise<GatewayReply>((resolve) => {
        look = () => {
          const found = replies.find((reply) => reply.state === state);
          if (found !== undefined) resolve(found);
        };
        look();
      }),
  };
}

test("readings go from the device kit over MQTT into provable blocks", async () => {
  const { kit, address } = devices[0]!;
  const mqtt = await connectDevice(node.mqttUrl, devices[0]!, chainId);
  try {
    const { onReply, until } = collectReplies();
    const send = createMqttSend(mqtt, { address: kit.address, onReply });
    for (let value = 0; value < 5; value++) await kit.record(reading(value));
    assert.deepEqual(await kit.flush(send), { acknowledged: 5, pending: 0 });
    await until("provable");
    const state = await client.waitFor(toHex(kit.state.headId), { until: "provable" });
    assert.equal(state.state, "provable");
    const stream = await client.getStream(address, 0);
    assert.deepEqual([stream.headSeq, stream.gaps], [5, []]);
    const { online, items } = await client.listPresence();
    assert.deepEqual([online, items[0]?.device, items[0]?.via], [1, address, "mqtt"]);
  } finally {
    await mqtt.endAsync();
  }
  const metrics = await (await fetch(`${node.url}/api/v1/metrics`)).text();
  assert.match(metrics, /lhg_gateway_messages_total\{answer="accepted"\} 5/);
  assert.match(metrics, /lhg_gateway_connections \d/);
});
