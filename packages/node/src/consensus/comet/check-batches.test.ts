import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SubmitResult } from "../../api/service.ts";
import { createCheckBatches } from "./check-batches.ts";

const accepted = (bytes: Uint8Array): SubmitResult => ({ id: String(bytes[0]), state: "accepted" });
const tx = (number: number): Uint8Array => Uint8Array.of(number & 0xff, number >> 8);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what comes at once is judged at once, and everybody gets the answer of their own", async () => {
  const batches: number[] = [];
  const { check } = createCheckBatches(async (submissions) => {
    batches.push(submissions.length);
    return submissions.map(accepted);
  });
  const answers = await Promise.all([1, 2, 3].map((number) => check(tx(number))));
  assert.deepEqual(
    answers.map(({ id }) => id),
    ["1", "2", "3"],
  );
  assert.deepEqual(batches, [3]);
});

test("while a batch is judged the next one gathers, and one batch is judged at a time", async () => {
  const open: PromiseWithResolvers<void>[] = [];
  const batches: number[] = [];
  const { check } = createCheckBatches(async (submissions) => {
    batches.push(submissions.length);
    const gate = Promise.withResolvers<void>();
    open.push(gate);
    await gate.promise;
    return submissions.map(accepted);
  });
  const first = check(tx(1));
  await turn();
  const rest = [2, 3, 4].map((number) => check(tx(number)));
  await turn();
  assert.deepEqual(batches, [1]);
  open[0]!.resolve();
  await first;
  await turn();
  assert.deepEqual(batches, [1, 3]);
  open[1]!.resolve();
  await Promise.all(rest);
});

test("a batch is bounded; the rest comes with the next ones, in order", async () => {
  const batches: number[] = [];
  const seen: number[] = [];
  const { check } = createCheckBatches(async (submissions) => {
    batches.push(submissions.length);
    for (const bytes of submissions) seen.push(bytes[0]! + (bytes[1]! << 8));
    return submissions.map(accepted);
  });
  await Promise.all(Array.from({ length: 2_500 }, (_, i) => check(tx(i))));
  assert.deepEqual(batches, [1_024, 1_024, 452]);
  assert.deepEqual(seen, [...Array(2_500).keys()]);
});

test("a batch that fails fails those in it alone", async () => {
  let calls = 0;
  const { check } = createCheckBatches((submissions) => {
    if (calls++ === 0) throw new Error("no room");
    return Promise.resolve(submissions.map(accepted));
  });
  const outcomes = await Promise.allSettled([check(tx(1)), check(tx(2))]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal((await check(tx(3))).id, "3");
});

test("whenever they come, all are answered", async () => {
  const pauses = fc.array(fc.record({ microtasks: fc.nat(6), turns: fc.nat(2) }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pauses, pauses, async (asking, judging) => {
      const pause = async (at: (typeof asking)[0] | undefined): Promise<void> => {
        for (let i = 0; i < (at?.turns ?? 0); i++) await turn();
        for (let i = 0; i < (at?.microtasks ?? 0); i++) await Promise.resolve();
      };
      let calls = 0;
      const { check } = createCheckBatches(async (submissions) => {
        await pause(judging[calls++]);
        return submissions.map(accepted);
      });
      const answers: Promise<SubmitResult>[] = [];
      for (const [i, each] of asking.entries()) {
        await pause(each);
        answers.push(check(tx(i)));
      }
      assert.deepEqual(
        (await Promise.all(answers)).map(({ id }) => id),
        asking.map((_, i) => String(i)),
      );
    }),
  );
});
