import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { decodeUtf8, encodeUtf8 } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { connectRawEngine, encodeRequest, type RequestInit, startTestServer } from "./testing.ts";

const FLUSH: RequestInit = { case: "flush", value: {} };
const INFO: RequestInit = { case: "info", value: {} };
const COMMIT: RequestInit = { case: "commit", value: {} };
const QUERY: RequestInit = { case: "query", value: {} };
const FINALIZE: RequestInit = { case: "finalizeBlock", value: {} };

const echo = (message: string): RequestInit => ({ case: "echo", value: { message } });
const check = (tx: string): RequestInit => ({ case: "checkTx", value: { tx: encodeUtf8(tx) } });

/** Answers that the test gives when it likes. */
function makeGate<T>() {
  const gate = Promise.withResolvers<T>();
  const begun = Promise.withResolvers<void>();
  return {
    open: gate.resolve,
    begun: begun.promise,
    enter: async (): Promise<T> => {
      begun.resolve();
      return await gate.promise;
    },
  };
}

test("answers have the order of their requests, however long each takes", async (t) => {
  const waiting: (() => void)[] = [];
  const server = await startTestServer({
    checkTx: async ({ tx }) => {
      if (Number(decodeUtf8(tx)) % 3 > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return { data: tx.slice() };
    },
  });
  t.after(server.stop);
  const engine = await connectRawEngine(server.address);
  const names = Array.from({ length: 300 }, (_, i) => String(i));
  engine.send(...names.flatMap((name) => [check(name), FLUSH, echo(name)]));
  const answers = (async () => {
    for (const name of names) {
      const answer = await engine.next();
      assert.equal(answer.case === "checkTx" && decodeUtf8(answer.value.data), name);
      assert.equal((await engine.next()).case, "flush");
      const echoed = await engine.next();
      assert.equal(echoed.case === "echo" && echoed.value.message, name);
    }
  })();
  while (waiting.length < 200) await turn();
  // The last ones first.
  for (const resolve of waiting.splice(0).reverse()) {
    resolve();
    await turn();
  }
  await answers;
});

test("one method at a time over all connections; questions and transactions pass by", async (t) => {
  const gate = makeGate<object>();
  const begun: string[] = [];
  const server = await startTestServer({
    finalizeBlock: gate.enter,
    info: async () => {
      begun.push("info");
      return { lastBlockHeight: 3_000_000_000n };
    },
    commit: async () => {
      begun.push("commit");
      return {};
    },
    query: async () => ({ height: -1n }),
    checkTx: async () => ({ code: 7 }),
  });
  t.after(server.stop);
  const [consensus, mempool, query, other] = await Promise.all(
    Array.from({ length: 4 }, () => connectRawEngine(server.address)),
  );
  consensus!.send(FINALIZE, COMMIT);
  await gate.begun;
  other!.send(INFO);
  query!.send(QUERY);
  mempool!.send(check("a"));
  const [answer, checked] = [await query!.next(), await mempool!.next()];
  assert.equal(answer.case === "query" && answer.value.height, -1n);
  assert.equal(checked.case === "checkTx" && checked.value.code, 7);
  assert.deepEqual(begun, []);
  gate.open({ appHash: Uint8Array.of(1) });
  const finalized = await consensus!.next();
  assert.deepEqual(finalized.case === "finalizeBlock" && finalized.value.appHash, Uint8Array.of(1));
  assert.equal((await consensus!.next()).case, "commit");
  const info = await other!.next();
  assert.equal(info.case === "info" && info.value.lastBlockHeight, 3_000_000_000n);
  assert.deepEqual(begun.sort(), ["commit", "info"]);
});

test("no CheckTx beside Commit: those under way end before, others begin after its answer", async (t) => {
  const checks = makeGate<object>();
  const commit = makeGate<object>();
  const events: string[] = [];
  const server = await startTestServer({
    checkTx: async ({ tx }) => {
      const name = decodeUtf8(tx);
      events.push(`check ${name}`);
      if (name === "before") await checks.enter();
      return {};
    },
    commit: async () => {
      events.push("commit");
      await commit.enter();
      return {};
    },
  });
  t.after(server.stop);
  const [mempool, consensus] = [
    await connectRawEngine(server.address),
    await connectRawEngine(server.address),
  ];
  mempool.send(check("before"));
  await checks.begun;
  consensus.send(COMMIT);
  // The consensus connection is heard while Commit waits, and this one still answers questions.
  mempool.send(echo("meanwhile"));
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(events, ["check before"]);
  checks.open({});
  await commit.begun;
  assert.equal((await mempool.next()).case, "checkTx");
  assert.equal((await mempool.next()).case, "echo");
  mempool.send(check("during"), echo("behind"));
  consensus.send(check("same connection"));
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(events, ["check before", "commit"]);
  commit.open({});
  assert.equal((await consensus.next()).case, "commit");
  assert.equal((await consensus.next()).case, "checkTx");
  assert.equal((await mempool.next()).case, "checkTx");
  assert.equal((await mempool.next()).case, "echo");
});

test("an error of LHG is an exception with code and reason, in its place; then the connection closes and others live", async (t) => {
  const slow = makeGate<object>();
  const begun: string[] = [];
  const server = await startTestServer({
    checkTx: async ({ tx }) => {
      const name = decodeUtf8(tx);
      begun.push(name);
      if (name === "slow") await slow.enter();
      if (name === "bad") throw new LhgError("block.app-hash", "is not\nwhat was executed", "header");
      return {};
    },
  });
  t.after(server.stop);
  const [engine, other] = [await connectRawEngine(server.address), await connectRawEngine(server.address)];
  engine.send(check("slow"), check("bad"));
  await slow.begun;
  while (begun.length < 2) await turn();
  engine.send(check("later"));
  other.send(echo("lives"));
  assert.equal((await other.next()).case, "echo");
  slow.open({});
  assert.equal((await engine.next()).case, "checkTx");
  const exception = await engine.next();
  assert.equal(exception.case === "exception" && exception.value.error, "block.app-hash: header: is not");
  assert.deepEqual(await engine.closed, []);
  assert.deepEqual(begun, ["slow", "bad"]);
  assert.deepEqual(server.fatal, []);
  other.send(echo("still lives"));
  assert.equal((await other.next()).case, "echo");
});

const FAILURES: readonly [name: string, fail: () => Promise<object>][] = [
  ["rejects", async () => Promise.reject(new TypeError(`x is undefined\n    at ${"y".repeat(1_000)}`))],
  [
    "throws at once",
    () => {
      throw new TypeError("x is undefined");
    },
  ],
  ["answers what can't be encoded", async () => ({ retainHeight: 2n ** 64n })],
];

for (const [name, fail] of FAILURES)
  test(`a handler that ${name} is fatal, and its stack stays here`, async (t) => {
    const server = await startTestServer({ commit: fail });
    t.after(server.stop);
    const engine = await connectRawEngine(server.address);
    engine.send(COMMIT);
    const exception = await engine.next();
    assert.ok(exception.case === "exception");
    assert.match(exception.value.error, /^the application has failed: \w*Error: .{1,256}$/);
    await engine.closed;
    assert.equal(server.fatal.length, 1);
    assert.ok(server.lines.some((line) => line.startsWith("an ABCI request was answered with an exception")));
  });

test("requests of a mempool inside of the application are refused by name", async (t) => {
  const server = await startTestServer();
  t.after(server.stop);
  const engine = await connectRawEngine(server.address);
  engine.send({ case: "reapTxs", value: {} });
  const exception = await engine.next();
  assert.match(exception.case === "exception" ? exception.value.error : "", /^abci.unsupported: .*flood/);
  await engine.closed;
});

test("a question's path may be any bytes", async (t) => {
  const server = await startTestServer({ query: async ({ path }) => ({ key: path.slice() }) });
  t.after(server.stop);
  const engine = await connectRawEngine(server.address);
  engine.send({ case: "query", value: { path: Uint8Array.of(0xff, 0xfe) } });
  const answer = await engine.next();
  assert.deepEqual(answer.case === "query" && answer.value.key, Uint8Array.of(0xff, 0xfe));
});

const GARBAGE: readonly [name: string, bytes: Uint8Array, reason: RegExp][] = [
  ["no length", Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), /at most 1048576 bytes/],
  ["a request above the limit", Uint8Array.from([0x81, 0x80, 0x40]), /at most 1048576 bytes, not 1048577/],
  ["a length that is too long", Uint8Array.from([0x80, 0x00]), /shortest form/],
  ["an empty message", Uint8Array.from([0x00]), /none of the requests/],
  ["a request of another version", Uint8Array.from([0x02, 0x22, 0x00]), /none of the requests/],
  ["a message cut short", Uint8Array.from([0x02, 0x0a, 0x05]), /no ABCI request/],
  ["a group without an end", Uint8Array.from([0x01, 0x0b]), /no ABCI request/],
  ["text", encodeUtf8("GET / HTTP/1.1\r\n\r\n".repeat(9)), /no ABCI request|none of the requests/],
];

for (const [name, bytes, reason] of GARBAGE)
  test(`cut off with the reason in the log: ${name}`, async (t) => {
    const server = await startTestServer();
    t.after(server.stop);
    const [engine, other] = [await connectRawEngine(server.address), await connectRawEngine(server.address)];
    engine.socket.write(bytes);
    assert.deepEqual(await engine.closed, []);
    assert.ok(
      server.lines.some((line) => line.startsWith("an ABCI connection was cut off") && reason.test(line)),
    );
    other.send(echo("lives"));
    assert.equal((await other.next()).case, "echo");
    assert.deepEqual(server.fatal, []);
  });

test("who has sent everything still gets the answers", async (t) => {
  const gate = makeGate<object>();
  const server = await startTestServer({ finalizeBlock: gate.enter });
  t.after(server.stop);
  const engine = await connectRawEngine(server.address);
  engine.socket.end(Buffer.concat([FINALIZE, echo("last")].map(encodeRequest)));
  await gate.begun;
  gate.open({});
  assert.equal((await engine.next()).case, "finalizeBlock");
  assert.equal((await engine.next()).case, "echo");
  assert.deepEqual(await engine.closed, []);
});

test("half a message at the end is told, and what came before it answered", async (t) => {
  const server = await startTestServer();
  t.after(server.stop);
  for (const kept of [1, 5]) {
    const engine = await connectRawEngine(server.address);
    engine.send(echo("whole"));
    engine.socket.end(encodeRequest(echo("half a message")).slice(0, kept));
    assert.equal((await engine.next()).case, "echo");
    await engine.closed;
  }
  const told = server.lines.filter((line) => line.startsWith("an ABCI connection ended within a message"));
  assert.equal(told.length, 2);
});

test("a message may come in single bytes", async (t) => {
  const server = await startTestServer();
  t.after(server.stop);
  const engine = await connectRawEngine(server.address);
  engine.socket.setNoDelay(true);
  for (const byte of encodeRequest(echo("slowly"))) {
    engine.socket.write(Uint8Array.of(byte));
    await turn();
  }
  const answer = await engine.next();
  assert.equal(answer.case === "echo" && answer.value.message, "slowly");
});

test("what a lost connection asked for and was not begun is forgotten", async (t) => {
  const gate = makeGate<object>();
  let commits = 0;
  const server = await startTestServer({
    finalizeBlock: gate.enter,
    commit: async () => {
      commits++;
      return {};
    },
  });
  t.after(server.stop);
  const [first, second, third] = await Promise.all(
    Array.from({ length: 3 }, () => connectRawEngine(server.address)),
  );
  first!.send(FINALIZE);
  await gate.begun;
  second!.send(echo("first"), COMMIT);
  await second!.next();
  second!.socket.resetAndDestroy();
  while (server.counts.join() !== "1,2,3,2") await turn();
  gate.open({});
  assert.equal((await first!.next()).case, "finalizeBlock");
  third!.send(INFO);
  await third!.next();
  assert.equal(commits, 0);
});

test("stop answers what is under way, begins nothing more, and waits for the handler", async () => {
  const [block, transaction] = [makeGate<object>(), makeGate<object>()];
  const begun: string[] = [];
  const server = await startTestServer({
    finalizeBlock: block.enter,
    checkTx: transaction.enter,
    commit: async () => {
      begun.push("commit");
      return {};
    },
    info: async () => {
      begun.push("info");
      return {};
    },
  });
  const [consensus, mempool, other, idle] = await Promise.all(
    Array.from({ length: 4 }, () => connectRawEngine(server.address)),
  );
  consensus!.send(FINALIZE, COMMIT);
  mempool!.send(check("a"), check("b"));
  await Promise.all([block.begun, transaction.begun]);
  other!.send(INFO);
  for (let i = 0; i < 20; i++) await turn();
  let isStopped = false;
  const stopped = server.stop().then(() => {
    isStopped = true;
  });
  await idle!.closed;
  await other!.closed;
  await assert.rejects(connectRawEngine(server.address));
  transaction.open({});
  assert.deepEqual(
    (await mempool!.closed).map((answer) => answer.case),
    ["checkTx", "checkTx"],
  );
  assert.equal(isStopped, false);
  block.open({});
  await stopped;
  assert.deepEqual(
    (await consensus!.closed).map((answer) => answer.case),
    ["finalizeBlock"],
  );
  assert.deepEqual(begun, []);
});

test("a flood of transactions is taken in as they are answered", async (t) => {
  const waiting: (() => void)[] = [];
  const server = await startTestServer({
    checkTx: async () => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return {};
    },
  });
  t.after(server.stop);
  const [engine, other] = [await connectRawEngine(server.address), await connectRawEngine(server.address)];
  const count = 12_000;
  engine.send(...Array.from({ length: count }, () => check("x".repeat(100))));
  let answered = 0;
  let most = 0;
  const answers = (async () => {
    for (; answered < count; answered++) assert.equal((await engine.next()).case, "checkTx");
  })();
  while (answered < count) {
    for (let i = 0; i < 10; i++) {
      other.send(echo("lives"));
      await other.next();
    }
    most = Math.max(most, waiting.length);
    for (const resolve of waiting.splice(0)) resolve();
  }
  await answers;
  assert.equal(most, 4_096);
});

test("who does not read its answers is not asked for more", async (t) => {
  let begun = 0;
  const value = new Uint8Array(1 << 20);
  const server = await startTestServer({
    query: async () => {
      begun++;
      return { value };
    },
  });
  t.after(server.stop);
  const [engine, other] = [await connectRawEngine(server.address), await connectRawEngine(server.address)];
  engine.socket.pause();
  const count = 200;
  engine.send(...Array.from({ length: count }, () => QUERY));
  while (begun < 16) await turn();
  for (let i = 0; i < 100; i++) {
    other.send(echo("lives"));
    await other.next();
  }
  // 16 MiB, and what the system's buffers hold.
  assert.ok(begun < 60, `${begun} begun`);
  engine.socket.resume();
  for (let i = 0; i < count; i++) assert.equal((await engine.next()).case, "query");
});

test("connections are counted, and there are not too many of them", async (t) => {
  const server = await startTestServer();
  t.after(server.stop);
  const engines = [];
  for (let i = 0; i < 16; i++) {
    const engine = await connectRawEngine(server.address);
    engine.send(FLUSH);
    await engine.next();
    engines.push(engine);
  }
  const last = await connectRawEngine(server.address).then((engine) => engine.closed.then(() => "closed"));
  assert.equal(last, "closed");
  assert.ok(server.lines.some((line) => line.startsWith("an ABCI connection was turned away")));
  engines[0]!.socket.destroy();
  while (server.counts.at(-1) !== 15) await turn();
  assert.deepEqual(server.counts, [...engines.keys()].map((i) => i + 1).concat(15));
});
