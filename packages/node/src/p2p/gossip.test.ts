import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { TOPIC_BYTES_MAX } from "./network.ts";
import { collect, meet, startTestingNode, type TestingNode } from "./testing-libp2p.ts";

/** A - B - C: the ends know only the middle. */
async function startLine(): Promise<readonly [TestingNode, TestingNode, TestingNode]> {
  const middle = await startTestingNode(2);
  const peers = middle.network.listenAddresses();
  const first = await startTestingNode(1, { peers });
  const last = await startTestingNode(3, { peers });
  await Promise.all([meet(first, middle), meet(last, middle)]);
  return [first, middle, last];
}

async function stopAll(nodes: readonly TestingNode[]): Promise<void> {
  await Promise.all(nodes.map(({ network }) => network.stop()));
}

test("what is accepted is passed on, once, to those who did not send it", async () => {
  const line = await startLine();
  const [first, middle, last] = line;
  const atFirst = collect(first, "consensus");
  const atMiddle = collect(middle, "consensus");
  const atLast = collect(last, "consensus");
  first.network.publish("consensus", encodeUtf8("vote"));
  first.network.publish("consensus", encodeUtf8("vote"));
  assert.deepEqual(await atLast.next(), encodeUtf8("vote"));
  last.network.publish("consensus", encodeUtf8("answer"));
  await atFirst.next();
  assert.deepEqual(atMiddle.messages, [encodeUtf8("vote"), encodeUtf8("answer")]);
  assert.deepEqual(atLast.messages, [encodeUtf8("vote")]);
  assert.deepEqual(atFirst.messages, [encodeUtf8("answer")]);
  await stopAll(line);
});

test("what is ignored ends where it came, and nobody is blamed", async () => {
  const line = await startLine();
  const [first, middle, last] = line;
  const atLast = collect(last, "statements");
  const atMiddle = collect(middle, "statements", "ignore");
  first.network.publish("statements", encodeUtf8("unwanted"));
  await atMiddle.next();
  middle.network.publish("statements", encodeUtf8("own"));
  assert.deepEqual(await atLast.next(), encodeUtf8("own"));
  assert.deepEqual(atLast.messages, [encodeUtf8("own")]);
  assert.deepEqual(
    middle.network.peers().map(({ score }) => score),
    [0, 0],
  );
  await stopAll(line);
});

test("who hands over what is rejected is scored, and in the end banned", async () => {
  const server = await startTestingNode(1);
  const stranger = await startTestingNode(2, { peers: server.network.listenAddresses() });
  await meet(server, stranger);
  collect(server, "statements", "reject");
  stranger.network.publish("statements", encodeUtf8("bad 0"));
  await server.logged(({ code }) => code === "peer.rejected");
  assert.equal(server.network.peers()[0]?.score, -20);
  for (let i = 1; i < 6; i++) stranger.network.publish("statements", encodeUtf8(`bad ${i}`));
  await server.logged(({ code }) => code === "peer.banned");
  await server.disconnected(stranger.network.id);
  await server.logged(({ code, reason }) => code === "peer.refused" && reason === "is banned");
  assert.deepEqual(server.network.peers(), []);
  await stopAll([server, stranger]);
});

for (const topic of ["consensus", "statements"] as const)
  test(`${topic} has its limit, and a message of that size passes`, async () => {
    const line = await startLine();
    const [first, middle, last] = line;
    collect(middle, topic);
    const atLast = collect(last, topic);
    const whole = new Uint8Array(TOPIC_BYTES_MAX[topic]).fill(7);
    first.network.publish(topic, new Uint8Array(TOPIC_BYTES_MAX[topic] + 1));
    first.network.publish(topic, whole);
    const got = await atLast.next();
    assert.equal(Buffer.compare(got, whole), 0);
    assert.equal(atLast.messages.length, 1);
    await stopAll(line);
  });

test("messages that nobody judges yet wait at the peer that sent them", async () => {
  const server = await startTestingNode(1, {}, { pendingMessagesMax: 2 });
  const client = await startTestingNode(2, { peers: server.network.listenAddresses() });
  await meet(server, client);
  const handed: (() => void)[] = [];
  let note = (): void => {};
  server.network.subscribe("statements", () => {
    note();
    return new Promise((resolve) => handed.push(() => resolve("accept")));
  });
  const count = 40;
  const first = new Promise<void>((resolve) => {
    note = resolve;
  });
  for (let i = 0; i < count; i++) client.network.publish("statements", encodeUtf8(`batch ${i}`));
  await first;
  // A question after them: what was to come before it has come.
  server.network.serve("echo", { requestBytesMax: 9, perSecond: 9 }, async (body) => body);
  await client.network.ask(server.network.id, "echo", encodeUtf8("x"), {
    timeoutMs: 20_000,
    answerBytesMax: 9,
  });
  assert.ok(handed.length < 10, `${handed.length} were handed over`);
  const all = new Promise<void>((resolve) => {
    let left = count - handed.length;
    note = () => {
      left--;
      if (left === 0) resolve();
      setImmediate(() => handed.shift()?.());
    };
  });
  while (handed.length > 0) handed.shift()?.();
  await all;
  await stopAll([server, client]);
});
