/** What the bridge makes of the answers of a node, or of what stands before it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { array, decode } from "@lhg/protocol/core/codec/definition";
import { submission, wrapStatement } from "@lhg/protocol/core/statement/submission";
import { createDelivery, type RequestFailure } from "../../gateway/bridge/delivery.ts";
import type { Reply } from "../../gateway/replies.ts";
import { createBridgeSubmit } from "./bridge.ts";

const ID = "ab".repeat(32);
const DEVICE = "cd".repeat(20);

interface StubAnswer {
  readonly status: number;
  readonly body: string;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const problem = (status: number, code: string): StubAnswer => ({
  status,
  body: JSON.stringify({ status, title: "x", detail: "says the node", code }),
});
const accept = (count: number): StubAnswer => ({
  status: 202,
  body: JSON.stringify({ results: Array.from({ length: count }, () => ({ id: ID, state: "accepted" })) }),
});

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new Uint8Array(Buffer.concat(chunks));
}

/** `answer` is given the first byte of each statement of a request. */
async function start(answer: (marks: readonly number[]) => StubAnswer | undefined) {
  const server = createServer(async (request, response) => {
    const batch = decode(array(submission, { min: 1, max: 64 }), await readBody(request), "body");
    const said = answer(batch.map(({ statement }) => statement[0]!));
    if (said === undefined) {
      request.socket.destroy();
      return;
    }
    response.writeHead(said.status, { "content-type": "application/json" }).end(said.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const ending = new AbortController();
  closers.push(() => {
    ending.abort();
    server.close();
    server.closeAllConnections();
  });
  const waits: string[] = [];
  const barred = Promise.withResolvers<RequestFailure>();
  const deliver = createDelivery({
    submit: createBridgeSubmit(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    retryMs: 1,
    signal: ending.signal,
    onWaiting: (message) => waits.push(message),
    onBarred: barred.resolve,
  });
  const send = (mark: number): Promise<Reply> =>
    deliver(DEVICE, wrapStatement(new Uint8Array(100).fill(mark)));
  return { send, waits, barred: barred.promise };
}

test("whatever fails but the statement itself is tried again until the node recovers", async () => {
  const failures: (StubAnswer | undefined)[] = [
    problem(503, "inbox.full"),
    problem(503, "inbox.failed"),
    problem(503, "body.busy"),
    problem(503, "mempool.full"),
    problem(503, "some.code-of-tomorrow"),
    problem(500, "internal"),
    problem(429, "rate.limited"),
    problem(408, "request.timeout"),
    { status: 429, body: "slow down" },
    { status: 500, body: "" },
    { status: 502, body: "<h1>Bad Gateway</h1>" },
    { status: 504, body: "" },
    { status: 400, body: "<h1>plain HTTP to an HTTPS port</h1>" },
    problem(404, "route.not-found"),
    { status: 404, body: "no such backend" },
    { status: 401, body: "" },
    { status: 200, body: "<h1>Welcome to this network</h1>" },
    { status: 202, body: "{}" },
    { status: 202, body: "null" },
    { status: 202, body: `{"results":[]}` },
    { status: 202, body: `{"results":[null]}` },
    { status: 202, body: `{"results":[{"id":"","state":"odd"}]}` },
    undefined,
  ];
  const left = new Map(failures.map((_failure, i) => [i, 3]));
  const taken: number[] = [];
  const { send, waits } = await start((marks) => {
    const bad = marks.find((mark) => left.get(mark)! > 0);
    if (bad === undefined) {
      taken.push(...marks);
      return accept(marks.length);
    }
    left.set(bad, left.get(bad)! - 1);
    return failures[bad];
  });
  const replies = await Promise.all(failures.map((_failure, mark) => send(mark)));
  for (const [i, reply] of replies.entries()) assert.deepEqual(reply, { id: ID, state: "accepted" }, `${i}`);
  assert.deepEqual(
    taken.toSorted((a, b) => a - b),
    failures.map((_failure, i) => i),
  );
  assert.equal(waits.length, 1);
});

test("of a request that is refused as a whole only the culprit is refused, with the node's code", async () => {
  for (const [culprit, code] of [
    [problem(413, "body.too-large"), "body.too-large"],
    [{ status: 413, body: "<h1>Request Entity Too Large</h1>" }, "body.too-large"],
    [problem(400, "submission.body"), "submission.body"],
  ] as const) {
    const { send, waits } = await start((marks) => (marks.includes(2) ? culprit : accept(marks.length)));
    const replies = await Promise.all([1, 2, 3, 4].map(send));
    assert.deepEqual(
      replies.map(({ state }) => state),
      ["accepted", "refused", "accepted", "accepted"],
    );
    assert.equal((replies[1] as { code?: string }).code, code);
    assert.deepEqual(waits, []);
  }
});

test("the node's answer for the statement is passed on as it is", async () => {
  const refused = {
    id: ID,
    state: "refused",
    code: "statement.signature",
    field: "",
    message: "does not hold",
  };
  const notYet = { id: ID, state: "not-yet", code: "mempool.full", field: "", message: "is full" };
  const { send } = await start((marks) => ({
    status: 202,
    body: JSON.stringify({ results: marks.map((mark) => (mark === 1 ? refused : notYet)) }),
  }));
  assert.deepEqual(await Promise.all([send(1), send(2)]), [refused, notYet]);
});

test("an address at which nobody is let in leaves every message unanswered", async () => {
  for (const answer of [problem(421, "host.not-allowed"), { status: 403, body: "forbidden" }]) {
    const { send, barred } = await start(() => answer);
    const first = await Promise.race([send(1), barred]);
    assert.equal((first as RequestFailure).status, answer.status);
  }
});
