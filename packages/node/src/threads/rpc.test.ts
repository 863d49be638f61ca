import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { LhgError } from "@lhg/protocol/core/errors";
import { Background, connectCalls, serveCalls } from "./rpc.ts";

test("calls are served while one goes on in the background, which answers or fails when it is done", async (context) => {
  const { port1, port2 } = new MessageChannel();
  context.after(() => port1.close());
  const ends: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const methods = {
    begin: () => new Background(new Promise<number>((resolve, reject) => ends.push({ resolve, reject }))),
    add: (a: number, b: number) => a + b,
  };
  const fatal: unknown[] = [];
  serveCalls(port1, methods, (error) => fatal.push(error));
  const { remote } = connectCalls<typeof methods>(port2);
  const first = remote.begin();
  const second = remote.begin();
  const third = remote.begin();
  assert.equal(await remote.add(2, 3), 5);
  ends[1]!.reject(new LhgError("snapshot.stopped", "the node stops", "height"));
  await assert.rejects(second, { code: "snapshot.stopped", field: "height" });
  ends[0]!.resolve(7);
  assert.equal(await first, 7);
  assert.deepEqual(fatal, []);
  ends[2]!.reject(new Error("broken"));
  await assert.rejects(third, { code: "internal" });
  assert.equal(fatal.length, 1);
});
