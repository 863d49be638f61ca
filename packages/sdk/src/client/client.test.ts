import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createClient } from "./client.ts";
import { parseMessage } from "./event-stream.ts";

const URL_OF_NODE = "http://node.example.com/";

/** Answers in turn; the last one for ever. */
function fakeFetch(...answers: readonly (() => Response)[]): { fetch: typeof fetch; calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    fetch: async (input) => {
      calls.push(String(input));
      return answers[Math.min(calls.length, answers.length) - 1]!();
    },
  };
}

const json = (value: unknown, init?: ResponseInit) => (): Response => Response.json(value, init);
const refuse = () => (): Response => {
  throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
};

test("questions are asked again where the node is away or busy, a bounded number of times", async () => {
  const back = fakeFetch(refuse(), json({}, { status: 503 }), json({ height: 3 }));
  const client = createClient({ url: URL_OF_NODE, retries: 2, fetch: back.fetch });
  assert.equal((await client.getStatus()).height, 3);
  assert.deepEqual(new Set(back.calls), new Set(["http://node.example.com/api/v1/status"]));
  const away = fakeFetch(refuse());
  const patient = createClient({ url: URL_OF_NODE, retries: 1, fetch: away.fetch });
  await assert.rejects(patient.getStatus(), { code: "client.unreachable", message: /ECONNREFUSED/ });
  assert.equal(away.calls.length, 2);
});

test("a statement that got no answer is not sent again by itself", async () => {
  const away = fakeFetch(refuse());
  const client = createClient({ url: URL_OF_NODE, retries: 5, fetch: away.fetch });
  await assert.rejects(client.submit(Uint8Array.of(0)), { code: "client.unreachable" });
  assert.equal(away.calls.length, 1);
});

test("whatever answers, there is an error with a code", async () => {
  const answers: [() => Response, string][] = [
    [json({ code: "a.b", detail: "no", field: "f" }, { status: 404 }), "a.b"],
    [json({ code: 5 }, { status: 400 }), "client.answer"],
    [() => new Response("<html>", { status: 502 }), "client.answer"],
    [() => new Response("<html>"), "client.answer"],
    [() => new Response("", { status: 500 }), "client.answer"],
  ];
  for (const [answer, code] of answers) {
    const client = createClient({ url: URL_OF_NODE, retries: 0, fetch: fakeFetch(answer).fetch });
    await assert.rejects(client.getStatus(), { code });
  }
});

test("an answer that takes too long is a timeout", async () => {
  const slow: typeof fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      setTimeout(() => undefined, 1_000).unref();
    });
  const client = createClient({ url: URL_OF_NODE, retries: 0, timeoutMs: 10, fetch: slow });
  await assert.rejects(client.getStatus(), { code: "client.timeout" });
});

test("parameters stand in the query, identifiers escaped", async () => {
  const { fetch, calls } = fakeFetch(json({ items: [] }));
  const client = createClient({ url: URL_OF_NODE, fetch });
  await client.listEvents({ item: "https://example.com/a?b&c", limit: 3 });
  await client.getPartition("vendor:00");
  assert.deepEqual(
    calls.map((call) => call.replace("http://node.example.com/api/v1", "")),
    ["/events?item=https%3A%2F%2Fexample.com%2Fa%3Fb%26c&limit=3", "/partitions/vendor%3A00"],
  );
});

test("messages of a stream are read as the HTML standard has it", () => {
  assert.deepEqual(parseMessage('id: 5\nevent: block\ndata: {"a":1}'), {
    event: "block",
    data: '{"a":1}',
    id: "5",
  });
  assert.deepEqual(parseMessage(": alive"), { event: "message", data: "", id: undefined });
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseMessage(text);
    }),
  );
});
