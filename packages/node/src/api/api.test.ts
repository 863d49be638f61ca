import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { encodeCbor } from "@lhg/protocol/core/codec/cbor";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import fc from "fast-check";
import type { Problem } from "./problems.ts";
import type { SubmitResult } from "./service.ts";
import { STATUS, startTestApi, type TestApi } from "./testing.ts";

const ID = "ab".repeat(32);

async function readProblem(response: Response): Promise<Problem> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = (await response.json()) as Problem;
  assert.equal(problem.status, response.status);
  assert.equal(problem.type, `urn:lhg:problem:${problem.code}`);
  return problem;
}

async function expectProblem(
  response: Response,
  status: number,
  code: string,
  field?: string,
): Promise<void> {
  const problem = await readProblem(response);
  assert.deepEqual([problem.status, problem.code, problem.field], [status, code, field]);
}

describe("the API over a node that answers anything", () => {
  let node: TestApi;
  before(async () => {
    node = await startTestApi();
  });
  after(() => node.api.stop());

  const post = (type: string, body: Uint8Array): Promise<Response> =>
    fetch(`${node.url}/api/v1/statements`, {
      method: "POST",
      headers: { "content-type": type },
      body: body as Uint8Array<ArrayBuffer>,
    });

  test("status, health, readiness and metrics", async () => {
    assert.deepEqual(await (await node.get("/status")).json(), STATUS);
    assert.equal((await node.get("/health")).status, 200);
    assert.equal((await node.get("/ready")).status, 200);
    assert.equal(await (await node.get("/metrics")).text(), "lhg_height 7\n");
    node.service.status = async () => ({ ...STATUS, isReady: false });
  });

  test("errors of the node keep code and field", async () => {
    await expectProblem(await node.get(`/statements/${ID}`), 404, "thing.not-found", "id");
  });

  test("what is missing, misspelt or out of range is named", async () => {
    await expectProblem(await node.get("/blocks?limit=0"), 400, "request.invalid", "limit");
    await expectProblem(await node.get("/blocks?limit=201"), 400, "request.invalid", "limit");
    await expectProblem(await node.get("/blocks?limt=3"), 400, "request.invalid", "limt");
    await expectProblem(await node.get("/blocks/x"), 400, "request.invalid", "block");
    await expectProblem(await node.get("/items"), 400, "request.invalid", "id");
    await expectProblem(
      await node.get("/items/trace?id=a:b&direction=up"),
      400,
      "request.invalid",
      "direction",
    );
    await expectProblem(await node.get("/statements/ABC"), 400, "request.invalid", "id");
    await expectProblem(await node.get("/nothing"), 404, "route.not-found");
    await expectProblem(await node.get("/blocks/%E0%A4%A"), 400, "url.malformed");
    await expectProblem(await node.get(`/blocks?cursor=${"a".repeat(9_000)}`), 414, "url.too-long");
  });

  test("an error says what would be right", async () => {
    const detailOf = async (path: string): Promise<string> =>
      (await readProblem(await node.get(path))).detail;
    assert.equal(
      await detailOf("/events?type=Foo"),
      "must be one of ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent, AssociationEvent",
    );
    assert.equal(await detailOf("/items/trace?id=a:b&direction=up"), "must be one of back, forward, both");
    for (const path of ["/accounts/Foo", "/events?vendor=Foo"])
      assert.match(await detailOf(path), /^must be 40 hexadecimal digits /);
    for (const path of [`/statements/${ID}0`, "/blocks/x", "/partitions/x", "/stream?types=x", "/events/x"])
      assert.doesNotMatch(await detailOf(path), /pattern|\^/, path);
    await expectProblem(await node.get("/stream?bizStep=word"), 400, "epcis.term", "bizStep");
  });

  test("a path that exists names the methods it has", async () => {
    const ask = (method: string, path: string, headers = {}) =>
      fetch(`${node.url}/api/v1${path}`, { method, headers });
    const blocks = await ask("DELETE", "/blocks/1?proof=true");
    assert.equal(blocks.headers.get("allow"), "GET");
    await expectProblem(blocks, 405, "method.not-allowed");
    const statements = await ask("PUT", "/statements", { "content-type": "application/json" });
    assert.equal(statements.headers.get("allow"), "POST, GET");
    await expectProblem(statements, 405, "method.not-allowed");
    await expectProblem(await ask("DELETE", "/nothing"), 404, "route.not-found");
    await expectProblem(await ask("DELETE", "/blocks/"), 404, "route.not-found");
  });

  test("the root leads to the description", async () => {
    const root = await fetch(`${node.url}/`, { redirect: "manual" });
    assert.deepEqual([root.status, root.headers.get("location")], [302, "/api/v1/docs"]);
  });

  test("what nobody outside should read stays inside", async (t) => {
    const failing = await startTestApi({
      query: async () => {
        throw new TypeError("secret of ours");
      },
      statementState: async () => {
        throw new LhgError("internal", "secret of ours\n at stack");
      },
    });
    t.after(() => failing.api.stop());
    for (const path of ["/blocks", `/statements/${ID}/state`]) {
      const response = await failing.get(path);
      const text = await response.text();
      assert.equal(response.status, 500);
      assert.equal(text.includes("secret"), false);
      assert.ok(JSON.parse(text).requestId);
    }
    assert.equal(failing.failures.length, 2);
  });

  test("only names of this node are answered", async () => {
    const ask = async (host: string): Promise<string> => {
      const answer = await node.writeRaw(
        `GET /api/v1/health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      );
      return answer.split(" ")[1] ?? "";
    };
    for (const host of ["localhost:8080", "127.0.0.1", "[::1]:1", "Node.Example.com", "node.example.com:443"])
      assert.equal(await ask(host), "200", host);
    for (const host of ["evil.example.com", "localhost.evil.com", "node.example.com@evil", "", "[::2]"])
      assert.equal(await ask(host), "421", host);
  });

  test("one statement: taken, refused, or too early", async () => {
    let taken: readonly Uint8Array[] = [];
    let result: SubmitResult = { id: ID, state: "accepted" };
    node.service.submit = async (submissions) => {
      taken = submissions;
      return submissions.map(() => result);
    };
    const statement = Uint8Array.of(1, 2, 3);
    const accepted = await post("application/cose", statement);
    assert.equal(accepted.status, 202);
    assert.deepEqual(await accepted.json(), result);
    assert.deepEqual(decode(submission, taken[0]!), { statement, body: null });

    const refusal = { code: "transaction.nonce-used", field: "transaction.nonce", message: "is used" };
    result = { id: ID, state: "refused", ...refusal };
    await expectProblem(await post("application/cbor", taken[0]!), 422, refusal.code, refusal.field);
    result = { id: ID, state: "not-yet", ...refusal };
    const early = (await (await post("application/cbor", taken[0]!)).json()) as Record<string, unknown>;
    assert.deepEqual([early.status, early.state, early.id], [409, "not-yet", ID]);

    const batch = encodeCbor([
      [statement, null],
      [statement, [statement, statement, statement]],
    ]);
    const many = (await (await post("application/cbor", batch)).json()) as { results: SubmitResult[] };
    assert.equal(many.results.length, 2);
    assert.equal(decode(submission, taken[1]!).body?.length, 3);
  });

  test("bodies that are no statements", async () => {
    await expectProblem(await post("text/plain", Uint8Array.of(1)), 415, "content-type.unsupported");
    await expectProblem(await post("application/json", Uint8Array.of(1)), 415, "content-type.unsupported");
    await expectProblem(await post("application/cbor", new Uint8Array(0)), 400, "body.empty", "body");
    const none = encodeCbor([]);
    await expectProblem(await post("application/cbor", none), 400, "value.count", "body");
    const broken = encodeCbor([[Uint8Array.of(1), null], [7]]);
    const problem = await readProblem(await post("application/cbor", broken));
    assert.equal(problem.field, "body[1]");
    const tooMany = encodeCbor(Array.from({ length: 1_001 }, () => [Uint8Array.of(1), null]));
    await expectProblem(await post("application/cbor", tooMany), 400, "value.count", "body");
    const tooLarge = await readProblem(await post("application/cbor", new Uint8Array(9 << 20)));
    assert.deepEqual([tooLarge.status, tooLarge.code, tooLarge.field], [413, "body.too-large", "body"]);
    assert.equal(tooLarge.detail, "must be at most 8388608 bytes");
  });

  test("garbage is answered with a problem, whatever it is", async () => {
    const mediaTypes = fc.constantFrom("application/cose", "application/cbor");
    await fc.assert(
      fc.asyncProperty(mediaTypes, fc.uint8Array({ maxLength: 64 }), async (type, body) => {
        const response = await post(type, body);
        await response.arrayBuffer();
        assert.ok(response.status < 500, String(response.status));
      }),
      { numRuns: 100 },
    );
    const word = fc.string({ minLength: 1, maxLength: 30 }).map(encodeURIComponent);
    const resources = fc.constantFrom(
      "blocks",
      "accounts",
      "events",
      "items",
      "statements",
      "partitions",
      "stream",
    );
    await fc.assert(
      fc.asyncProperty(resources, word, word, word, async (resource, id, name, value) => {
        const response = await node.get(`/${resource}/${id}?${name}=${value}`);
        await response.arrayBuffer();
        assert.ok(response.status >= 400 && response.status < 500, String(response.status));
      }),
      { numRuns: 100 },
    );
    assert.equal(node.failures.length, 0);
  });

  test("what is no HTTP is answered shortly and cut", async () => {
    assert.match(await node.writeRaw("\x16\x03\x01garbage\r\n\r\n"), /^HTTP\/1.1 400 /);
    const header = `x: ${"y".repeat(20_000)}\r\n`;
    assert.match(
      await node.writeRaw(`GET / HTTP/1.1\r\nhost: localhost\r\n${header}\r\n`),
      /^HTTP\/1.1 431 /,
    );
    assert.match(
      await node.writeRaw(
        "POST /api/v1/statements HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
      ),
      /^HTTP\/1.1 400 /,
    );
  });

  test("the description covers every operation and its page loads nothing from elsewhere", async () => {
    const described = (await (await node.get("/openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { operationId: string; parameters: { name: string }[] }>>;
    };
    assert.equal(described.openapi, "3.1.1");
    const operations = Object.values(described.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.includes("submitStatements") && ids.includes("getOpenApi") && ids.length >= 40);
    assert.equal(described.paths["/blocks/{block}"]?.get?.parameters[0]?.name, "block");
    const page = await node.get("/docs");
    const html = await page.text();
    assert.match(
      page.headers.get("content-security-policy") ?? "",
      /^default-src 'none'; style-src 'sha256-/,
    );
    assert.doesNotMatch(html, /(?:src|href)="?(?:https?:)?\/\//);
    for (const id of ids) assert.ok(html.includes(`id="${id}"`), id);
    const [shown = ""] = html.split("<script>");
    assert.doesNotMatch(shown, /`|\/:\w/);
    assert.ok(shown.includes("/api/v1/statements/{id}/receipt"));
    const commands = [...shown.matchAll(/<pre>(.*?)<\/pre>/g)].map(([, command = ""]) => command);
    assert.equal(commands.length, ids.length);
    for (const command of commands) assert.doesNotMatch(command, /&lt;|[{}]/);
    assert.ok(commands.some((command) => /^curl -o receipt.cbor .*[0-9a-f]{64}\/receipt/.test(command)));
  });
});

describe("limits", () => {
  test("an address that asks too much is told when to come again", async (t) => {
    const node = await startTestApi({}, { requestsPerSecond: 1, requestsBurst: 3 });
    t.after(() => node.api.stop());
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await node.get("/health")).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    const refused = await node.get("/health");
    assert.equal(refused.headers.get("retry-after"), "1");
    await expectProblem(refused, 429, "rate.limited");
  });

  test("silent connections cost each other their place, and not who asks", async (t) => {
    const node = await startTestApi({}, { connectionsMax: 20, headersTimeoutMs: 200 });
    t.after(() => node.api.stop());
    const port = Number(new URL(node.url).port);
    const sockets: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 60; i++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.on("close", () => {
        closed += 1;
      });
      socket.write("GET / HTTP/1.1\r\n");
      sockets.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal((await node.get("/health")).status, 200);
    assert.ok(closed >= 40, `${closed} closed`);
    for (const socket of sockets) socket.destroy();
  });
});
