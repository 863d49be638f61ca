import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DEFAULT_TRACE_QUERY,
  OBSERVATIONS_IGNORE,
  TRACE_BACK,
  TRACE_FORWARD,
  type TraceQuery,
} from "@lhg/protocol/modules/trace/trace-query";
import { describeQuestion, formatQuestion, listCuts } from "./trace-question.ts";

test("a question about everything cuts nothing", () => {
  assert.deepEqual(listCuts(DEFAULT_TRACE_QUERY), []);
  assert.equal(
    formatQuestion(describeQuestion("urn:x:1", DEFAULT_TRACE_QUERY)),
    "urn:x:1, origins and destinations, any depth, any time, observations shown",
  );
});

test("every restriction is said", () => {
  const restrictions: readonly [change: Partial<TraceQuery>, said: RegExp][] = [
    [{ direction: TRACE_BACK }, /direction back/],
    [{ direction: TRACE_FORWARD }, /direction forward/],
    [{ maxDepth: 0 }, /depth 0/],
    [{ fromMs: 0 }, /before 1970-01-01T00:00:00.000Z/],
    [{ untilMs: 1000 }, /after 1970-01-01T00:00:01.000Z/],
    [{ observations: OBSERVATIONS_IGNORE }, /observations/],
  ];
  for (const [change, said] of restrictions) {
    const cuts = listCuts({ ...DEFAULT_TRACE_QUERY, ...change });
    assert.equal(cuts.length, 1);
    assert.match(cuts[0]!, said);
  }
  const all = Object.assign({}, DEFAULT_TRACE_QUERY, ...restrictions.map(([change]) => change)) as TraceQuery;
  assert.equal(listCuts(all).length, restrictions.length - 1, "one direction at a time");
});
