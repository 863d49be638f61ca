import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { createTurns } from "./turns.ts";

const isBusy = (error: unknown): boolean => error instanceof LhgError && error.code === "sync.busy";

/** Takes a turn; `end` ends its task once it runs. */
function takeTurn(turns: ReturnType<typeof createTurns>, peer: string, started: string[], name = peer) {
  const gate = Promise.withResolvers<string>();
  const done = turns.take(peer, () => {
    started.push(name);
    return gate.promise;
  });
  return { done, end: () => gate.resolve(name) };
}

test("so many run at a time, the others in the order of arrival", async () => {
  const turns = createTurns();
  const started: string[] = [];
  const taken = ["a", "b", "c", "d", "e", "f"].map((peer) => takeTurn(turns, peer, started));
  assert.deepEqual(started, ["a", "b", "c", "d"]);
  taken[2]!.end();
  await taken[2]!.done;
  assert.deepEqual(started, ["a", "b", "c", "d", "e"]);
  for (const { end } of taken) end();
  assert.deepEqual(await Promise.all(taken.map(({ done }) => done)), ["a", "b", "c", "d", "e", "f"]);
});

test("one peer does not fill the line, and a task that fails gives its turn back", async () => {
  const turns = createTurns();
  const started: string[] = [];
  const taken = Array.from({ length: 4 }, (_, i) => takeTurn(turns, "greedy", started, `${i}`));
  await assert.rejects(
    turns.take("greedy", async () => assert.fail("does not run")),
    isBusy,
  );
  const other = takeTurn(turns, "other", started);
  taken[0]!.end();
  await taken[0]!.done;
  other.end();
  assert.equal(await other.done, "other");
  await assert.rejects(
    turns.take("greedy", async () => {
      throw new LhgError("snapshot.not-found", "there is none");
    }),
    (error) => !isBusy(error),
  );
  const again = takeTurn(turns, "greedy", started, "again");
  again.end();
  assert.equal(await again.done, "again");
  for (const { end } of taken) end();
});
