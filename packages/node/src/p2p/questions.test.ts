import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { QUESTION_BYTES_MAX, QUESTIONS_OPEN_MAX } from "./bounds.ts";
import type { AskLimits } from "./network.ts";
import { meet, startTestingNode, type TestingNode } from "./testing-libp2p.ts";

const LIMITS: AskLimits = { timeoutMs: 20_000, answerBytesMax: 80 << 20 };
const SERVE = { requestBytesMax: 1_000, perSecond: 100_000 };
const NOTHING = new Uint8Array(0);

async function startPair(): Promise<readonly [TestingNode, TestingNode]> {
  const server = await startTestingNode(1);
  const client = await startTestingNode(2, { peers: server.network.listenAddresses() });
  await meet(server, client);
  return [server, client];
}

async function stopAll(nodes: readonly TestingNode[]): Promise<void> {
  await Promise.all(nodes.map(({ network }) => network.stop()));
}

const rejects = (promise: Promise<unknown>, code: string, message = /./): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof LhgError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });

test("questions are answered both ways, whoever dialled", async () => {
  const pair = await startPair();
  const [a, b] = pair;
  a.network.serve("name", SERVE, async (body, from) => encodeUtf8(`${from} said ${body.length}`));
  b.network.serve("echo", SERVE, async (body) => body);
  const answer = await b.network.ask(a.network.id, "name", encodeUtf8("hello"), LIMITS);
  assert.deepEqual(answer, encodeUtf8(`${b.network.id} said 5`));
  assert.deepEqual(await a.network.ask(b.network.id, "echo", NOTHING, LIMITS), NOTHING);
  await stopAll(pair);
});

test("small answers overtake big ones", async () => {
  const pair = await startPair();
  const [{ network: server }, { network: client }] = pair;
  const big = new Uint8Array(6 << 20);
  for (let i = 0; i < big.length; i += 1_000) big[i] = i / 1_000;
  const order: string[] = [];
  server.serve("big", SERVE, async () => big);
  server.serve("small", SERVE, async () => encodeUtf8("small"));
  const bigs = [1, 2].map(async () => {
    const answer = await client.ask(server.id, "big", NOTHING, LIMITS);
    assert.equal(Buffer.compare(answer, big), 0);
    order.push("big");
  });
  for (let i = 0; i < 5; i++) {
    await client.ask(server.id, "small", NOTHING, LIMITS);
    order.push("small");
  }
  await Promise.all(bigs);
  assert.deepEqual(order, ["small", "small", "small", "small", "small", "big", "big"]);
  await stopAll(pair);
});

test("every way to get no answer has its code", async () => {
  const pair = await startPair();
  const [{ network: server }, { network: client }] = pair;
  server.serve("refuse", SERVE, () =>
    Promise.reject(new LhgError("block.unknown", "is not there", "height")),
  );
  server.serve("break", SERVE, () => Promise.reject(new TypeError("secret detail")));
  server.serve("rare", { requestBytesMax: 0, perSecond: 1 }, async () => NOTHING);
  server.serve("long", SERVE, async () => new Uint8Array(1_001));
  server.serve("never", SERVE, () => new Promise(() => {}));
  const ask = (name: string, body = NOTHING, limits = LIMITS): Promise<Uint8Array> =>
    client.ask(server.id, name, body, limits);

  await rejects(ask("refuse"), "peer.refused", /^peer: height: is not there$/);
  await rejects(ask("break"), "peer.refused", /^peer: internal fault$/);
  await rejects(ask("unknown"), "peer.refused", /no such question/);
  await rejects(ask("refuse", new Uint8Array(1_001)), "peer.refused", /too long/);
  await rejects(ask("refuse", new Uint8Array(QUESTION_BYTES_MAX + 1)), "peer.refused");
  await rejects(ask("Not A Name"), "peer.refused");
  await ask("rare");
  await rejects(ask("rare"), "peer.busy", /1 a second/);
  await rejects(ask("long", NOTHING, { ...LIMITS, answerBytesMax: 1_000 }), "peer.answer-too-large");
  assert.equal(client.peers()[0]?.score, -34);
  await rejects(ask("never", NOTHING, { ...LIMITS, timeoutMs: 20 }), "peer.timeout");
  await rejects(client.ask(client.id, "refuse", NOTHING, LIMITS), "peer.gone");
  const lost = ask("never");
  await server.stop();
  await rejects(lost, "peer.gone");
  await rejects(ask("refuse"), "peer.gone");
  await stopAll(pair);
});

test("open questions are bounded on either side; what was called off counts until its handler ends", async () => {
  const pair = await startPair();
  const [{ network: server }, { network: client }] = pair;
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.serve("slow", SERVE, async () => {
    await held;
    return NOTHING;
  });
  server.serve("fast", SERVE, async () => NOTHING);
  const ask = (name: string, timeoutMs: number): Promise<Uint8Array> =>
    client.ask(server.id, name, NOTHING, { ...LIMITS, timeoutMs });
  const open = Array.from({ length: QUESTIONS_OPEN_MAX }, () => ask("slow", 30));
  await rejects(ask("slow", 30), "peer.busy", /our questions open/);
  for (const question of open) await rejects(question, "peer.timeout");
  await rejects(ask("fast", 20_000), "peer.busy", /at once/);
  release();
  // The handlers end after this turn of the loop, the next question comes over a socket.
  await ask("fast", 20_000);
  assert.equal(server.peers().length, 1);
  await stopAll(pair);
});

test("a long answer that nobody wants any more stops", async () => {
  const pair = await startPair();
  const [{ network: server }, { network: client }] = pair;
  server.serve("long", SERVE, async () => new Uint8Array(20 << 20));
  server.serve("small", SERVE, async () => NOTHING);
  for (let i = 0; i < 2; i++) {
    const limits = { ...LIMITS, answerBytesMax: 1 << 20 };
    await rejects(client.ask(server.id, "long", NOTHING, limits), "peer.answer-too-large");
  }
  await client.ask(server.id, "small", NOTHING, LIMITS);
  assert.equal(client.peers().length, 1);
  await stopAll(pair);
});
