import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { createNodeSigner } from "../crypto/node.ts";
import { keyFromSeed } from "../keys/keys.ts";
import { createDevice, type Device } from "./device.ts";
import { createMqttSend, type GatewayReply, type MqttClientLike } from "./mqtt-send.ts";

interface Published {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** A broker that answers what the test says. */
function createFakeClient(answer: (published: Published, turn: number) => readonly Partial<GatewayReply>[]) {
  let listener: (topic: string, payload: Uint8Array) => void = () => {};
  const topics: string[] = [];
  let turn = 0;
  const client: MqttClientLike = {
    subscribe: (topic, _options, done) => {
      topics.push(topic);
      queueMicrotask(() => done(null));
    },
    publish: (topic, payload, _options, done) => {
      for (const reply of answer({ topic, payload }, turn++))
        listener(topic.replace(/up$/, "reply"), Buffer.from(JSON.stringify(reply)));
      done();
    },
    on: (_event, given) => {
      listener = given;
    },
  };
  return { client, topics, say: (topic: string, text: string) => listener(topic, Buffer.from(text)) };
}

function createMemoryStore() {
  let kept: Uint8Array | undefined;
  return {
    load: async () => kept,
    save: async (state: Uint8Array) => {
      kept = state;
    },
  };
}

async function startDevice(): Promise<Device> {
  const signer = createNodeSigner(keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(7)));
  const device = await createDevice({ signer, chainId: "lhg-test-00", store: createMemoryStore() });
  await device.record(new TextEncoder().encode('[{"n":"urn:dev:mac:1:t","u":"Cel","v":21}]'));
  return device;
}

test("a flush ends with the node's word, whatever else is said", async () => {
  const device = await startDevice();
  const id = toHex(device.state.headId);
  const heard: string[] = [];
  const { client, topics } = createFakeClient(() => [
    { id: "00".repeat(32), state: "refused", code: "x.y", message: "another's" },
    { id, state: "accepted" },
    { id, state: "committed", height: 3, status: "ok" },
  ]);
  const send = createMqttSend(client, {
    address: device.address,
    onReply: ({ state }) => heard.push(state),
  });
  assert.deepEqual(await device.flush(send), { acknowledged: 1, pending: 0 });
  assert.deepEqual(topics, [`lhg/v1/${toHex(device.address)}/reply`]);
  assert.deepEqual(heard, ["refused", "accepted", "committed"]);
});

test("a refusal bears the chain's code, and what is no reply is passed over", async () => {
  const device = await startDevice();
  const id = toHex(device.state.headId);
  const { client, say } = createFakeClient(() => [
    { id, state: "refused", code: "device.revoked", field: "device", message: "device: was revoked" },
  ]);
  const send = createMqttSend(client, { address: device.address });
  const own = `lhg/v1/${toHex(device.address)}/reply`;
  for (const text of ["", "null", "7", "{", '{"id":5,"state":"accepted"}', `{"id":"${id}","state":"done"}`])
    say(own, text);
  const { problem } = await device.flush(send);
  assert.ok(problem instanceof LhgError);
  assert.deepEqual([problem.code, problem.message], ["device.revoked", "device: was revoked"]);
  assert.equal(device.state.blocked, "device.revoked");
});

test("silence rejects after its time, and the collection waits for the next flush", async () => {
  const device = await startDevice();
  const id = toHex(device.state.headId);
  const { client } = createFakeClient((_published, turn) => (turn === 0 ? [] : [{ id, state: "accepted" }]));
  const send = createMqttSend(client, { address: device.address, timeoutMs: 1 });
  const first = await device.flush(send);
  assert.equal((first.problem as LhgError).code, "mqtt.timeout");
  assert.equal(first.pending, 1);
  assert.deepEqual(await device.flush(send), { acknowledged: 1, pending: 0 });
});
