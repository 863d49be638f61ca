import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { createClient } from "@lhg/sdk/client/client";
import type { SubmitResult } from "@lhg/sdk/client/types";
import { leanFetch } from "./lean-fetch.ts";
import { createPost } from "./post.ts";

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof LhgError && error.code === code;

test("submissions of one moment travel together, and each learns what became of itself", async () => {
  const requests: number[][] = [];
  const post = createPost({
    submitMany: async (submissions) => {
      requests.push(submissions.map(([first]) => first!));
      return submissions.map(
        ([first]): SubmitResult =>
          first === 2
            ? { id: "", state: "refused", code: "collection.fork", field: "", message: "forks" }
            : { id: "", state: "accepted" },
      );
    },
  });
  const [first, second, third] = [1, 2, 3].map((byte) => post(new Uint8Array([byte])));
  await first;
  await assert.rejects(second!, hasCode("collection.fork"));
  await third;
  await post(new Uint8Array([4]));
  assert.deepEqual(requests, [[1, 2, 3], [4]]);
});

test("when the node is away, all that travelled together learn it", async () => {
  const away = new LhgError("client.unreachable", "cannot be reached");
  const post = createPost({ submitMany: () => Promise.reject(away) });
  const sent = [1, 2].map((byte) => post(new Uint8Array([byte])));
  for (const one of sent) await assert.rejects(one, hasCode("client.unreachable"));
});

async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("the client of the sdk works over the lean fetch: answers, problems, bodies", async () => {
  const answer: RequestListener = (request, response) => {
    if (request.url !== "/api/v1/statements") {
      response.writeHead(404, { "content-type": "application/problem+json" });
      response.end(JSON.stringify({ code: "route.not-found", detail: "is no route", field: "path" }));
      return;
    }
    let sizeBytes = 0;
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
    });
    request.on("end", () => response.end(JSON.stringify({ id: `${sizeBytes}`, state: "accepted" })));
  };
  await withServer(answer, async (url) => {
    const client = createClient({ url, fetch: leanFetch });
    assert.deepEqual(await client.submit(new Uint8Array(5_000)), { id: "5000", state: "accepted" });
    await assert.rejects(client.getStatus(), hasCode("route.not-found"));
  });
});

test("over the lean fetch, a node that does not answer in time and one that is away are told apart", async () => {
  await withServer(
    () => {},
    async (url) => {
      const client = createClient({ url, fetch: leanFetch, timeoutMs: 20, retries: 0 });
      await assert.rejects(client.getStatus(), hasCode("client.timeout"));
    },
  );
  const client = createClient({ url: "http://127.0.0.1:1", fetch: leanFetch, retries: 0 });
  await assert.rejects(client.getStatus(), hasCode("client.unreachable"));
});
