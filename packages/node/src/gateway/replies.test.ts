import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fromHex } from "@lhg/protocol/core/bytes";
import type { ChainUpdate, StatementState } from "../api/service.ts";
import { createOutcomeTracker, type Reply } from "./replies.ts";

const ID = "0a".repeat(32);
const COMMITTED: Reply = { id: ID, state: "committed", height: 5, status: "ok" };
const PROVABLE: Reply = { id: ID, state: "provable", height: 5 };

/** A tracker whose blocks come when the test says so. */
function openTracker(t: TestContext) {
  let announce: (update: ChainUpdate) => void = () => {};
  const tracker = createOutcomeTracker(
    {
      statementState: async (): Promise<StatementState> => ({ state: "pending" }),
      subscribe: (listener) => {
        announce = listener;
        return () => {};
      },
    },
    { askAfterMs: 60_000, askMax: 10, onError: (error) => assert.fail(String(error)) },
  );
  t.after(() => tracker.stop());
  const update = { timeMs: 0, isWorking: true };
  return {
    tracker,
    commit: () =>
      announce({
        ...update,
        height: 5,
        provableHeight: 4,
        executed: [{ id: fromHex(ID, "id"), status: "ok" }],
      }),
    prove: () => announce({ ...update, height: 6, provableHeight: 5, executed: [] }),
    /** Tracks for a new owner. */
    listen: () => {
      const owner = {};
      const heard: Reply[] = [];
      tracker.track(ID, owner, (reply) => heard.push(reply));
      return { owner, heard };
    },
  };
}

test("who comes after the commit is told the height at once, and the proof with the others", (t) => {
  const { commit, prove, listen } = openTracker(t);
  const early = listen();
  commit();
  const late = listen();
  assert.deepEqual(late.heard, [COMMITTED]);
  prove();
  assert.deepEqual(
    [early.heard, late.heard],
    [
      [COMMITTED, PROVABLE],
      [COMMITTED, PROVABLE],
    ],
  );
});

test("of many owners of one statement the newest are told", (t) => {
  const { commit, prove, listen } = openTracker(t);
  const all = Array.from({ length: 6 }, listen);
  commit();
  prove();
  assert.deepEqual(
    all.map(({ heard }) => heard.length),
    [0, 0, 2, 2, 2, 2],
  );
});

test("who sends again on the same connection is told once, and stands in nobody's way", (t) => {
  const { tracker, commit, listen } = openTracker(t);
  const [first, second] = [listen(), listen()];
  for (let i = 0; i < 10; i++) tracker.track(ID, second.owner, (reply) => second.heard.push(reply));
  commit();
  assert.deepEqual([first.heard, second.heard], [[COMMITTED], [COMMITTED]]);
});

test("a connection that has ended is told nothing; where it was the last, the statement is forgotten", (t) => {
  const { tracker, commit, prove, listen } = openTracker(t);
  const [gone, stays] = [listen(), listen()];
  tracker.leave(gone.owner);
  commit();
  tracker.leave(stays.owner);
  const back = listen();
  prove();
  assert.deepEqual([gone.heard, stays.heard, back.heard], [[], [COMMITTED], []]);
});
