import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAGS } from "@lhg/protocol/modules/trace/messages";
import { describeFlags } from "./event-findings.ts";
import { formatJourney, type JourneyStep } from "./journey.ts";

const step: JourneyStep = {
  id: `${"ab".repeat(32)}:0`,
  eventTime: "2026-01-01T00:00:00.000Z",
  type: "ObjectEvent",
  action: "OBSERVE",
  bizStep: null,
  readPoint: null,
  items: [],
  captor: "cd".repeat(20),
  height: 1,
  depth: 0,
  log: "observation",
  isRetracted: false,
  flags: [],
};
const noteOf = (changed: Partial<JourneyStep>): string | undefined =>
  formatJourney([{ ...step, ...changed }], () => undefined).find((line) => line.includes("note:"));

test("every flag is said in words", () => {
  for (const flag of Object.keys(FLAGS)) {
    const [text] = describeFlags([flag]);
    assert.match(text!, / /, flag);
  }
  assert.deepEqual(describeFlags(["flagOfTheFuture"]), ["flagOfTheFuture"]);
});

test("an item of nobody's namespace is not said to be another vendor's", () => {
  const note = noteOf({ flags: ["unowned", "observed"] });
  assert.match(note!, /nobody was granted the namespace/);
  assert.doesNotMatch(note!, /another vendor|does not answer/);
});

test("an observation is said once", () => {
  assert.match(noteOf({ flags: ["observed"] })!, /^ +note: [^;]*another vendor answers for[^;]*$/);
  assert.match(noteOf({ flags: [] })!, /does not answer for the item/);
  assert.equal(noteOf({ flags: [], log: "custody" }), undefined);
});
