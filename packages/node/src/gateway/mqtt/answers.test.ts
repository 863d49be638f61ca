import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { SubmitResult } from "../../api/service.ts";
import { acceptAll, closeOf, hearReplies, idOf, makeKey, QOS1, startTestGateway, upOf } from "./testing.ts";

/** A node that has what it is given, and answers once it is let. */
function holdAnswers() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const submit: typeof acceptAll = async (submissions) => {
    reached.resolve();
    await promise;
    return acceptAll(submissions);
  };
  return { submit, reached: reached.promise, resolve };
}

test("a message is acknowledged after the node's answer and not before", async (t) => {
  const { submit, reached, resolve } = holdAnswers();
  const gateway = await startTestGateway(t, { submit });
  const client = await gateway.connect();
  let isAcknowledged = false;
  const published = client.publishAsync(upOf(client), "bytes", QOS1).then(() => {
    isAcknowledged = true;
  });
  await reached;
  // A ping travels the same way and is answered: an early acknowledgement would have come before it.
  client.sendPing();
  await new Promise((resolve) => client.once("packetreceive", resolve));
  assert.equal(isAcknowledged, false);
  resolve();
  await published;
});

test("a device hears of acceptance, block and proof", async (t) => {
  const gateway = await startTestGateway(t);
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  await client.publishAsync(upOf(client), Buffer.from([0x82, 1, 2]), QOS1);
  const id = idOf(Buffer.from([0x82, 1, 2]));
  assert.deepEqual(await next(), { id, state: "accepted" });
  const executed = [{ id: fromHex(id, "id"), status: "ok" }];
  gateway.announce({ height: 5, executed });
  assert.deepEqual(await next(), { id, state: "committed", height: 5, status: "ok" });
  gateway.announce({ height: 6 });
  assert.deepEqual(await next(), { id, state: "provable", height: 5 });
});

test("a device that comes back after the block is told of it, after the acceptance", async (t) => {
  const gateway = await startTestGateway(t);
  const [first, second] = [await gateway.connect(), await gateway.connect()];
  const id = idOf(Buffer.from([0x82, 1, 2]));
  const early = await hearReplies(first);
  await first.publishAsync(upOf(first), Buffer.from([0x82, 1, 2]), QOS1);
  assert.deepEqual(await early.next(), { id, state: "accepted" });
  gateway.announce({ height: 5, executed: [{ id: fromHex(id, "id"), status: "ok" }] });
  const late = await hearReplies(second);
  await second.publishAsync(upOf(second), Buffer.from([0x82, 1, 2]), QOS1);
  assert.deepEqual(await late.next(), { id, state: "accepted" });
  assert.deepEqual(await late.next(), { id, state: "committed", height: 5, status: "ok" });
  await first.endAsync(true);
  gateway.announce({ height: 6 });
  assert.deepEqual(await late.next(), { id, state: "provable", height: 5 });
});

test("a COSE_Sign1 is taken as it is, a submission record too", async (t) => {
  const gateway = await startTestGateway(t);
  const client = await gateway.connect();
  const cose = Buffer.from([0xd2, 0x84, 1, 2, 3]);
  const record = Buffer.from([0x82, 0x41, 7, 0xf6]);
  for (const payload of [cose, record, Buffer.alloc(0)])
    await client.publishAsync(upOf(client), payload, QOS1);
  assert.deepEqual(
    gateway.calls.flat().map((each) => Buffer.from(each)),
    [Buffer.from([0x82, 0x45, ...cose, 0xf6]), record, Buffer.alloc(0)],
  );
});

test("what comes together is submitted together, in the device's order", async (t) => {
  const gateway = await startTestGateway(t);
  const client = await gateway.connect();
  const sent = Array.from({ length: 100 }, (_, i) => `message ${i}`);
  await Promise.all(sent.map((text) => client.publishAsync(upOf(client), text, QOS1)));
  assert.deepEqual(
    gateway.calls.flat().map((each) => Buffer.from(each).toString()),
    sent,
  );
  assert.ok(gateway.calls.length < 50, `${gateway.calls.length} calls`);
});

const REFUSED: SubmitResult = {
  id: "ab",
  state: "refused",
  code: "device.revoked",
  field: "f",
  message: "m",
};
const NOT_YET: SubmitResult = { id: "cd", state: "not-yet", code: "mempool.full", field: "", message: "m" };

test("a gateway that stops answers what it has read, lets nobody in, and leaves nothing open", async (t) => {
  const { submit, reached, resolve } = holdAnswers();
  const gateway = await startTestGateway(t, { submit });
  const client = await gateway.connect();
  const published = client.publishAsync(upOf(client), "x", QOS1);
  await reached;
  const stopped = gateway.gateway.stop();
  await assert.rejects(gateway.connect());
  resolve();
  await published;
  await stopped;
  await gateway.gateway.stop();
});

test("a port that is taken is named", async (t) => {
  const gateway = await startTestGateway(t);
  await assert.rejects(startTestGateway(t, { config: { port: gateway.port } }), {
    code: "mqtt.port-taken",
    field: "mqttPort",
  });
});

test("a refusal is acknowledged, told, and the connection stays", async (t) => {
  const gateway = await startTestGateway(t, { submit: async (all) => all.map(() => REFUSED) });
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  await client.publishAsync(upOf(client), "x", QOS1);
  assert.deepEqual(await next(), REFUSED);
  await client.publishAsync(upOf(client), "y", QOS1);
  assert.deepEqual(await next(), REFUSED);
});

test("'not yet' is acknowledged to who hears it; who doesn't is cut and sends again", async (t) => {
  const gateway = await startTestGateway(t, { submit: async (all) => all.map(() => NOT_YET) });
  const listening = await gateway.connect();
  const { next } = await hearReplies(listening);
  await listening.publishAsync(upOf(listening), "x", QOS1);
  assert.deepEqual(await next(), NOT_YET);
  const deaf = await gateway.connect();
  const closed = closeOf(deaf);
  let isAcknowledged = false;
  deaf.publish(upOf(deaf), "x", QOS1, (error) => {
    isAcknowledged = error === undefined || error === null;
  });
  await closed;
  assert.equal(isAcknowledged, false);
});

test("an answer that comes before the device has subscribed waits for it", async (t) => {
  const gateway = await startTestGateway(t, { submit: async (all) => all.map(() => NOT_YET) });
  const client = await gateway.connect();
  const published = client.publishAsync(upOf(client), "x", QOS1);
  const { next } = await hearReplies(client);
  assert.deepEqual(await next(), NOT_YET);
  await published;
});

test("a node that is full says so; a node that fails cuts the device, which keeps its message", async (t) => {
  let error: Error = new LhgError("mempool.full", "no room");
  const gateway = await startTestGateway(t, { submit: () => Promise.reject(error) });
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  await client.publishAsync(upOf(client), "x", QOS1);
  assert.deepEqual(await next(), {
    id: "",
    state: "not-yet",
    code: "mempool.full",
    field: "",
    message: "no room",
  });
  error = new Error("disk gone");
  const closed = closeOf(client);
  client.publish(upOf(client), "y", QOS1, () => {});
  await closed;
  assert.equal(gateway.failures.length, 1);
});

test("a topic that is not the device's own is swallowed with a refusal", async (t) => {
  const gateway = await startTestGateway(t);
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  const other = makeKey().address;
  const own = String(client.options.clientId);
  for (const topic of [`lhg/v1/${other}/up`, `lhg/v1/${own}/commands`, "$SYS/x", "lhg/v1/up", `${own}/up`]) {
    await client.publishAsync(topic, "x", { qos: 1, retain: true });
    const reply = await next();
    assert.deepEqual([reply.state, "code" in reply && reply.code], ["refused", "mqtt.topic"], topic);
  }
  assert.equal(gateway.calls.length, 0);
});

test("QoS 0 and 2 get the same answers", async (t) => {
  const gateway = await startTestGateway(t);
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  for (const qos of [0, 2] as const) {
    await client.publishAsync(upOf(client), `qos ${qos}`, { qos });
    assert.equal((await next()).state, "accepted");
  }
});

test("what was on chain already is asked for, and told", async (t) => {
  const gateway = await startTestGateway(t, {
    statementState: async () => ({ state: "provable", height: 3, status: "ok" }),
  });
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  await client.publishAsync(upOf(client), "x", QOS1);
  assert.deepEqual(
    [(await next()).state, (await next()).state, (await next()).state],
    ["accepted", "committed", "provable"],
  );
});

test("a device gets its pending commands in order, then those of later blocks", async (t) => {
  const device = makeKey();
  const pending = [
    { id: "01", number: 1 },
    { id: "02", number: 2 },
  ];
  const gateway = await startTestGateway(t, {
    registered: [device],
    named: () => [device.address],
    commands: {
      listPending: async (asked) => (asked === device.address ? pending : []),
      getReceipt: async (id) => new TextEncoder().encode(`receipt ${id}`),
    },
  });
  const client = await gateway.connectKnown(device);
  const heard: string[] = [];
  const hear = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (heard.length === count) resolve();
      };
      client.on("message", look);
      look();
    });
  client.on("message", (_topic, payload) => heard.push(String(payload)));
  await client.subscribeAsync(`lhg/v1/${device.address}/commands`, QOS1);
  await hear(2);
  pending.push({ id: "03", number: 3 });
  gateway.announce({ height: 8, executed: [{ id: new Uint8Array(32), status: "ok" }] });
  gateway.announce({ height: 9 });
  await hear(3);
  assert.deepEqual(heard, ["receipt 01", "receipt 02", "receipt 03"]);
});
