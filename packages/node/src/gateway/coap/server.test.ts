import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import { decodeUtf8, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import { Agent, type IncomingMessage, type ObserveReadStream } from "coap";
import { createRateLimiter } from "../../api/rate-limit.ts";
import type { ChainUpdate, StatementState, SubmitResult } from "../../api/service.ts";
import { CODES, type CoapMessage, decodeMessage, encodeMessage, OPTIONS } from "./message.ts";
import { type CoapParts, startCoapServer } from "./server.ts";

const ID = "ab".repeat(32);
const DEVICE = "cd".repeat(20);

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Fake {
  readonly submitted: Uint8Array[];
  readonly failures: object[];
  result: SubmitResult | Error;
  state: StatementState;
  announce(): void;
}

const UPDATE: ChainUpdate = { height: 1, provableHeight: 0, timeMs: 0, isWorking: true, executed: [] };

async function start(over: Partial<CoapParts> = {}) {
  const listeners = new Set<(update: ChainUpdate) => void>();
  const fake: Fake = {
    submitted: [],
    failures: [],
    result: { id: ID, state: "accepted" },
    state: { state: "pending" },
    announce: () => {
      for (const listener of listeners) listener(UPDATE);
    },
  };
  const server = await startCoapServer({
    service: {
      submit: async (submissions) => {
        fake.submitted.push(...submissions);
        if (fake.result instanceof Error) throw fake.result;
        return [fake.result];
      },
      statementState: async () => fake.state,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    host: "127.0.0.1",
    port: 0,
    rateLimiter: createRateLimiter(0, 0),
    log: (fields) => fake.failures.push(fields),
    ...over,
  });
  closers.push(() => server.stop());
  const ask = async (
    method: "GET" | "POST",
    pathname: string,
    options: {
      format?: number;
      payload?: Uint8Array;
      block1?: number;
      accept?: number;
      observe?: boolean;
    } = {},
  ): Promise<IncomingMessage> => {
    const [path = "", query] = pathname.split("?");
    // An implementation by others on the device's side; it closes its socket after its last answer.
    const request = new Agent({ type: "udp4" }).request({
      host: "127.0.0.1",
      port: server.port,
      method,
      pathname: path,
      ...(query === undefined ? {} : { query }),
      observe: options.observe ?? false,
    });
    if (options.format !== undefined) request.setOption("Content-Format", Buffer.of(options.format));
    if (options.accept !== undefined) request.setOption("Accept", Buffer.of(options.accept));
    if (options.block1 !== undefined) request.setOption("Block1", Buffer.of(options.block1));
    request.end(options.payload === undefined ? undefined : Buffer.from(options.payload));
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    return answer;
  };
  return { server, fake, ask };
}

const readJson = ({ payload }: IncomingMessage) => JSON.parse(payload.toString());

async function openSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  closers.push(() => new Promise<void>((resolve) => socket.close(resolve)));
  return socket;
}

function makeMessage(over: Partial<CoapMessage> = {}): CoapMessage {
  return {
    type: 0,
    code: CODES.get,
    messageId: 7,
    token: new Uint8Array([9]),
    options: [],
    payload: new Uint8Array(0),
    ...over,
  };
}

const pathOptions = (path: string) =>
  path.split("/").map((segment) => ({ number: OPTIONS.uriPath, value: encodeUtf8(segment) }));

async function exchange(socket: Socket, port: number, bytes: Uint8Array): Promise<CoapMessage> {
  const answered = once(socket, "message");
  socket.send(bytes, port, "127.0.0.1");
  const [answer] = (await answered) as [Buffer];
  return decodeMessage(answer);
}

test("a statement is submitted as it is, and its answer comes after the node's", async () => {
  const { fake, ask } = await start();
  const answer = await ask("POST", "/v1/up", { format: 18, payload: encodeUtf8("statement".repeat(20)) });
  assert.deepEqual([answer.code, readJson(answer)], ["2.04", { id: ID, state: "accepted" }]);
  const { statement, body } = decode(submission, fake.submitted[0]!, "submission");
  assert.deepEqual([decodeUtf8(statement), body], ["statement".repeat(20), null]);
  await ask("POST", "/v1/up", { format: 60, payload: fake.submitted[0]! });
  assert.deepEqual(fake.submitted[1], fake.submitted[0]);
});

test("refused, not yet and busy are three answers", async () => {
  const { fake, ask } = await start();
  const reason = { code: "collection.fork", field: "collection.prevId", message: "is another one" };
  const up = () => ask("POST", "/v1/up", { format: 18, payload: new Uint8Array(120) });
  fake.result = { id: ID, state: "refused", ...reason };
  const refused = await up();
  assert.deepEqual([refused.code, readJson(refused)], ["4.22", { id: ID, state: "refused", ...reason }]);
  fake.result = { id: ID, state: "not-yet", ...reason };
  assert.equal((await up()).code, "4.09");
  fake.result = new LhgError("mempool.full", "is full");
  const busy = await up();
  assert.deepEqual([busy.code, busy.headers["Max-Age"], readJson(busy).code], ["5.03", 5, "mempool.full"]);
  fake.result = new TypeError("a fault");
  assert.deepEqual([(await up()).code, fake.failures.length], ["5.00", 1]);
});

test("what is not served is answered by its code", async () => {
  const { ask } = await start();
  const payload = encodeUtf8("x");
  assert.equal((await ask("POST", "/v1/up", { format: 50, payload })).code, "4.15");
  assert.equal((await ask("POST", "/v1/up", { payload })).code, "4.15");
  assert.equal((await ask("POST", "/v1/up", { format: 18 })).code, "4.00");
  assert.equal((await ask("POST", "/v1/up", { format: 18, accept: 60, payload })).code, "4.06");
  assert.equal((await ask("GET", "/v1/up")).code, "4.05");
  assert.equal((await ask("POST", `/v1/statements/${ID}`)).code, "4.05");
  assert.equal((await ask("GET", "/v1/statements/xyz")).code, "4.04");
  assert.equal((await ask("GET", "/")).code, "4.04");
  assert.match((await ask("GET", "/.well-known/core")).payload.toString(), /<\/v1\/up>;ct="18 60"/);
});

test("a long statement comes in blocks, and one too long is refused at the block that makes it so", async () => {
  const { server, fake, ask } = await start();
  const payload = new Uint8Array(5_000).map((_, i) => i % 251);
  const answer = await ask("POST", "/v1/up", { format: 18, payload, block1: 0x06 });
  assert.equal(answer.code, "2.04");
  assert.deepEqual(decode(submission, fake.submitted[0]!, "submission").statement, payload);
  assert.equal(server.held.bodies, 0);
  const socket = await openSocket();
  const options = [...pathOptions("v1/up"), { number: OPTIONS.contentFormat, value: new Uint8Array([18]) }];
  let last: CoapMessage | undefined;
  for (let number = 0; number <= 1025; number++) {
    const value = number * 16 + 8 + 6;
    const block1 = {
      number: OPTIONS.block1,
      value: new Uint8Array([value >> 16, (value >> 8) & 255, value & 255]),
    };
    const block = makeMessage({
      code: CODES.post,
      messageId: number,
      options: [...options, block1],
      payload: new Uint8Array(1024),
    });
    last = await exchange(socket, server.port, encodeMessage(block));
    if (last.code !== CODES.continue) break;
  }
  assert.equal(last?.code, CODES.tooLarge);
});

test("a datagram that comes twice is answered twice and acted on once", async () => {
  const { server, fake } = await start();
  const socket = await openSocket();
  const options = [...pathOptions("v1/up"), { number: OPTIONS.contentFormat, value: new Uint8Array([18]) }];
  const bytes = encodeMessage(makeMessage({ code: CODES.post, options, payload: new Uint8Array(100) }));
  const first = await exchange(socket, server.port, bytes);
  const second = await exchange(socket, server.port, bytes);
  assert.deepEqual(second, first);
  assert.equal(fake.submitted.length, 1);
});

test("what repeats a message id with fewer bytes gets no answer that the longer request paid for", async () => {
  const { server } = await start({
    commands: {
      listPending: async () => [{ id: ID, number: 1 }],
      getReceipt: async () => new Uint8Array(3_000),
    },
  });
  const socket = await openSocket();
  const token = new Uint8Array(0);
  const padding = { number: OPTIONS.uriQuery, value: new Uint8Array(400).fill(0x61) };
  const options = [...pathOptions(`v1/devices/${DEVICE}/commands`), padding];
  const first = await exchange(socket, server.port, encodeMessage(makeMessage({ token, options })));
  assert.ok(encodeMessage(first).length > 1_000);
  const short = encodeMessage(makeMessage({ token }));
  assert.equal(short.length, 4);
  for (let i = 0; i < 3; i++) {
    const answer = await exchange(socket, server.port, short);
    assert.deepEqual([answer.code, encodeMessage(answer).length], [CODES.notFound, 4]);
  }
});

test("a repeated last block brings no more than three times its own bytes", async () => {
  const { server, fake } = await start();
  fake.result = {
    id: ID,
    state: "refused",
    code: "statement.signature",
    field: "",
    message: "y".repeat(500),
  };
  const socket = await openSocket();
  const options = [...pathOptions("v1/up"), { number: OPTIONS.contentFormat, value: new Uint8Array([18]) }];
  const block = (number: number, isMore: boolean, sizeBytes: number) =>
    encodeMessage(
      makeMessage({
        code: CODES.post,
        messageId: 20 + number,
        options: [
          ...options,
          { number: OPTIONS.block1, value: new Uint8Array([number * 16 + (isMore ? 8 : 0) + 6]) },
        ],
        payload: new Uint8Array(sizeBytes),
      }),
    );
  assert.equal((await exchange(socket, server.port, block(0, true, 1_024))).code, CODES.continue);
  const last = block(1, false, 4);
  const first = await exchange(socket, server.port, last);
  assert.equal(JSON.parse(decodeUtf8(first.payload)).message, "y".repeat(500));
  const repeated = await exchange(socket, server.port, last);
  assert.equal(repeated.code, first.code);
  assert.ok(encodeMessage(repeated).length <= 3 * last.length, `${encodeMessage(repeated).length}`);
  assert.equal(fake.submitted.length, 1);
});

test("a receipt of a pending command comes in blocks", async () => {
  const receipt = new Uint8Array(3_000).map((_, i) => i % 253);
  const pending = [{ id: ID, number: 1 }];
  const { ask } = await start({
    commands: {
      listPending: async (device) => (device === DEVICE ? pending : []),
      getReceipt: async () => receipt,
    },
  });
  const answer = await ask("GET", `/v1/devices/${DEVICE}/commands`);
  assert.equal(answer.code, "2.05");
  assert.deepEqual(new Uint8Array(answer.payload), receipt);
  assert.equal((await ask("GET", `/v1/devices/${"ef".repeat(20)}/commands`)).code, "4.04");
});

test("a device gets the next command although it has not answered the oldest", async () => {
  const ids = ["01", "02", "03"].map((byte) => byte.repeat(32));
  const { ask } = await start({
    commands: {
      listPending: async () => ids.map((id, i) => ({ id, number: 4 + i })),
      getReceipt: async (id) => encodeUtf8(`receipt of ${id}`.padEnd(900)),
    },
  });
  const path = `/v1/devices/${DEVICE}/commands`;
  const get = async (query: string) => {
    const { code, payload } = await ask("GET", path + query);
    return [code, payload.toString().trim()];
  };
  assert.deepEqual(await get(""), ["2.05", `receipt of ${ids[0]}`]);
  assert.deepEqual(await get("?after=3"), ["2.05", `receipt of ${ids[0]}`]);
  assert.deepEqual(await get("?after=4"), ["2.05", `receipt of ${ids[1]}`]);
  assert.deepEqual(await get("?padding&after=5"), ["2.05", `receipt of ${ids[2]}`]);
  assert.equal((await get("?after=6"))[0], "4.04");
  for (const query of ["?after=", "?after=-1", "?after=x", "?after=9999999999999999", "?after=1&after=2"])
    assert.equal((await get(query))[0], "4.00", query);
});

test("an observer hears of a statement until it is provable", async () => {
  const { server, fake, ask } = await start();
  const stream = (await ask("GET", `/v1/statements/${ID}`, { observe: true })) as ObserveReadStream;
  assert.equal(readJson(stream).state, "pending");
  assert.equal(server.held.observers, 1);
  const hear = async () => {
    const heard = once(stream, "data");
    fake.announce();
    return JSON.parse(String((await heard)[0]));
  };
  if (stream.readableLength > 0) stream.read();
  fake.state = { state: "committed", height: 3, status: "ok" };
  assert.deepEqual(await hear(), { id: ID, state: "committed", height: 3, status: "ok" });
  fake.state = { state: "provable", height: 3, status: "ok" };
  assert.equal((await hear()).state, "provable");
  stream.close();
});

test("no answer is more than three times what was asked", async () => {
  const { server, fake } = await start({
    commands: {
      listPending: async () => [{ id: ID, number: 1 }],
      getReceipt: async () => new Uint8Array(3_000),
    },
  });
  fake.result = {
    id: ID,
    state: "refused",
    code: "statement.signature",
    field: "x".repeat(200),
    message: "y".repeat(500),
  };
  const socket = await openSocket();
  const requests = [
    ...["", ".well-known/core", `v1/statements/${ID}`, `v1/devices/${DEVICE}/commands`].map((path) => ({
      code: CODES.get,
      options: pathOptions(path),
      payload: new Uint8Array(0),
    })),
    {
      code: CODES.post,
      options: [...pathOptions("v1/up"), { number: OPTIONS.contentFormat, value: new Uint8Array([18]) }],
      payload: new Uint8Array(1),
    },
    { code: CODES.post, options: [{ number: 35, value: new Uint8Array(3) }], payload: new Uint8Array(0) },
  ];
  for (const [messageId, request] of requests.entries()) {
    const bytes = encodeMessage(makeMessage({ ...request, messageId, token: new Uint8Array(0) }));
    const answer = await exchange(socket, server.port, bytes);
    assert.ok(
      encodeMessage(answer).length <= 3 * bytes.length,
      `${messageId}: ${encodeMessage(answer).length} for ${bytes.length}`,
    );
  }
});

test("a flood of one address is passed over, a ping is reset, and what is no request is left alone", async () => {
  const { server } = await start({ rateLimiter: createRateLimiter(1, 3) });
  const socket = await openSocket();
  let answers = 0;
  socket.on("message", () => {
    answers += 1;
  });
  const ping = encodeMessage(makeMessage({ code: CODES.empty, token: new Uint8Array(0) }));
  const reset = await exchange(socket, server.port, ping);
  assert.deepEqual([reset.type, reset.code, reset.messageId], [3, 0, 7]);
  socket.send(new Uint8Array([1, 2, 3]), server.port, "127.0.0.1");
  const found = await exchange(
    socket,
    server.port,
    encodeMessage(makeMessage({ options: pathOptions("nothing") })),
  );
  assert.equal(found.code, CODES.notFound);
  for (let i = 0; i < 50; i++)
    socket.send(encodeMessage(makeMessage({ messageId: 100 + i })), server.port, "127.0.0.1");
  const other = await start();
  await exchange(socket, other.server.port, encodeMessage(makeMessage({ options: pathOptions("nothing") })));
  assert.equal(answers, 3);
});

test("any datagrams leave it standing and its memory bounded", async () => {
  const { server, fake, ask } = await start();
  const socket = await openSocket();
  socket.on("message", () => {});
  let seed = 1;
  const random = (bound: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % bound;
  };
  const randomBytes = (size: number) => new Uint8Array(size).map(() => random(256));
  const valid = [
    encodeMessage(
      makeMessage({
        code: CODES.post,
        options: [
          ...pathOptions("v1/up"),
          { number: 12, value: new Uint8Array([18]) },
          { number: 27, value: new Uint8Array([8]) },
        ],
        payload: new Uint8Array(16),
      }),
    ),
    encodeMessage(
      makeMessage({
        options: [
          { number: OPTIONS.observe, value: new Uint8Array(0) },
          ...pathOptions(`v1/statements/${ID}`),
        ],
      }),
    ),
  ];
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 50; i++) {
      const bytes = random(3) === 0 ? randomBytes(random(200)) : valid[random(valid.length)]!.slice();
      for (let flips = random(4); flips > 0 && bytes.length > 0; flips--)
        bytes[random(bytes.length)] = random(256);
      if (bytes.length > 3) bytes[3] = random(256);
      socket.send(bytes, server.port, "127.0.0.1");
    }
    assert.equal((await ask("GET", `/v1/statements/${ID}`)).code, "2.05");
    const { exchanges, bodies, requests, observers } = server.held;
    assert.ok(exchanges <= 16_384 && bodies <= 4 && requests <= 256 && observers <= 16);
  }
  fake.announce();
  assert.deepEqual(fake.failures, []);
});
