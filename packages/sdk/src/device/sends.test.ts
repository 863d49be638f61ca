import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { type CoapAnswer, type CoapRequest, createCoapSend } from "./coap-send.ts";
import { createHttpSend } from "./http-send.ts";

interface Exchange {
  readonly options: Map<string, Buffer>;
  payload?: Buffer;
}

/** A CoAP client as the package `coap` is one, with these answers. */
function fakeRequest(answer: CoapAnswer | Error | undefined) {
  const exchanges: Exchange[] = [];
  const request: CoapRequest = () => {
    const exchange: Exchange = { options: new Map() };
    const listeners = new Map<string, (value: never) => void>();
    exchanges.push(exchange);
    return {
      setOption: (name: string, value: Buffer) => exchange.options.set(name, value),
      on: (event: string, listener: (value: never) => void) => listeners.set(event, listener),
      end: (payload: Buffer) => {
        exchange.payload = payload;
        if (answer !== undefined)
          listeners.get(answer instanceof Error ? "error" : "response")?.(answer as never);
      },
    };
  };
  return { request, exchanges };
}

const answerOf = (code: string, body: unknown): CoapAnswer => ({
  code,
  payload: encodeUtf8(JSON.stringify(body)),
});
const refusal = { code: "collection.fork", field: "collection.prevId", message: "is another one" };

test("a collection goes as one message or in blocks, and is safe when the node says so", async () => {
  const { request, exchanges } = fakeRequest(answerOf("2.04", { id: "", state: "accepted" }));
  const send = createCoapSend(request, { host: "127.0.0.1" });
  await send(new Uint8Array(1024));
  await send(new Uint8Array(1025));
  assert.deepEqual(
    exchanges.map(({ options }) => [...options.keys()]),
    [["Content-Format"], ["Content-Format", "Block1"]],
  );
  assert.equal(exchanges[1]!.payload?.length, 1025);
});

test("refusals bear the node's code, and everything else means that nothing is known", async () => {
  const sendWith = (answer: CoapAnswer | Error | undefined, timeoutMs?: number) =>
    createCoapSend(fakeRequest(answer).request, {
      host: "::1",
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })(new Uint8Array(10));
  await assert.rejects(sendWith(answerOf("4.22", { state: "refused", ...refusal })), {
    code: refusal.code,
    field: refusal.field,
  });
  await assert.rejects(sendWith(answerOf("4.09", { state: "not-yet", code: "credit.insufficient" })), {
    code: "credit.insufficient",
  });
  await assert.rejects(sendWith({ code: "5.00", payload: new Uint8Array(0) }), {
    message: "the node answered 5.00",
  });
  await assert.rejects(sendWith({ code: "4.04", payload: encodeUtf8("null") }), {
    message: "the node answered 4.04",
  });
  await assert.rejects(sendWith(new Error("no route")), { message: "no route" });
  await assert.rejects(sendWith(undefined, 1), { code: "coap.timeout" });
});

test("over HTTP what is not accepted rejects with the node's code", async () => {
  const answers = [
    { status: 202, body: { id: "ab", state: "accepted" } },
    { status: 422, body: { ...refusal, detail: refusal.message, id: "ab", state: "refused" } },
  ];
  const server = createServer((request, response) => {
    request.resume();
    const { status, body } = answers.shift()!;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const send = createHttpSend(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await send(new Uint8Array(10));
    await assert.rejects(send(new Uint8Array(10)), { code: refusal.code, field: refusal.field });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
