import assert from "node:assert/strict";
import { test } from "node:test";
import type { SubmitResult } from "../api/service.ts";
import { createSubmitter } from "./submitter.ts";

const accepted = (id: string): SubmitResult => ({ id, state: "accepted" });
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("each sender's order is kept, and each has its own answer", async () => {
  const seen: string[] = [];
  const submitter = createSubmitter(async (all) => {
    seen.push(...all.map(textOf));
    // The calls of different lanes end in any order.
    await new Promise((resolve) => setImmediate(resolve));
    return all.map((each) => accepted(textOf(each)));
  });
  const senders = ["0a", "0b", "0c", "0d", "1a"];
  const sent = senders.flatMap((sender) =>
    Array.from({ length: 700 }, (_, i) => [sender, `${sender} ${i}`] as const),
  );
  const results = await Promise.all(
    sent.map(([sender, text]) => submitter.submit(sender, Buffer.from(text))),
  );
  assert.deepEqual(
    results.map(({ id }) => id),
    sent.map(([, text]) => text),
  );
  for (const sender of senders)
    assert.deepEqual(
      seen.filter((text) => text.startsWith(sender)),
      sent.filter(([each]) => each === sender).map(([, text]) => text),
    );
});

test("a call that fails fails for its own messages alone, and the next one goes", async () => {
  let calls = 0;
  const submitter = createSubmitter(async (all) => {
    calls += 1;
    if (calls === 1) throw new Error("disk gone");
    return all.map(() => accepted("x"));
  });
  await assert.rejects(submitter.submit("0a", Buffer.from("first")), /disk gone/);
  assert.equal((await submitter.submit("0a", Buffer.from("second"))).state, "accepted");
  await submitter.drain();
});

test("beyond its bound it is busy, until the node has answered", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const submitter = createSubmitter(async (all) => {
    await promise;
    return all.map(() => accepted("x"));
  });
  const large = Buffer.alloc(32 << 20);
  const waiting = [submitter.submit("0a", large), submitter.submit("0b", large)];
  await assert.rejects(submitter.submit("0c", Buffer.from("x")), { code: "gateway.busy" });
  resolve();
  await Promise.all(waiting);
  assert.equal((await submitter.submit("0c", Buffer.from("x"))).state, "accepted");
});

test("nobody waits for all that another one sends, and who is known waits for no stranger", async () => {
  const batches: string[][] = [];
  const submitter = createSubmitter(async (all) => {
    batches.push(all.map(textOf));
    await new Promise((resolve) => setImmediate(resolve));
    return all.map((each) => accepted(textOf(each)));
  });
  // Of strangers, all share the flooder's lane.
  const flood = Array.from({ length: 5_000 }, (_, i) => submitter.submit("00", Buffer.from(`flood ${i}`)));
  const other = submitter.submit("02", Buffer.from("other"));
  const known = submitter.submit("00", Buffer.from("known"), true);
  await Promise.all([...flood, other, known]);
  const batchOf = (text: string): number => batches.findIndex((batch) => batch.includes(text));
  assert.ok(batchOf("other") <= 1, `batch ${batchOf("other")}`);
  assert.deepEqual(batches[batchOf("known")], ["known"]);
});
