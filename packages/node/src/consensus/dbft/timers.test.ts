/** Rules 7 and 7': when views end, and whom nobody waits for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  blockOf,
  decidedBlocks,
  feed,
  give,
  makePuppets,
  type Puppets,
  pass,
  restart,
  sentBy,
  settle,
  T,
  timeOut,
  wait,
} from "../../../simulation/puppets.ts";
import { makeValidators } from "../../../simulation/toys.ts";
import type { Input } from "./core.ts";

// With makePuppets' height the primary of view v is validator (N - v) mod N: 0, 3, 2, 1 for four.

test("rule 7: the view timer doubles and is capped, own votes are resent every T", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  const durations: number[] = [];
  for (let view = 0; view < 8; view++) {
    durations.push(node.state.viewDeadlineMs! - node.nowMs);
    timeOut(net, 0, 1, 2);
    pass(net, "change-view", view + 1, [0, 2], [1]);
  }
  assert.deepEqual(durations, [2 * T, 4 * T, 8 * T, 16 * T, 32 * T, 64 * T, 64 * T, 64 * T]);
  net.sent.length = 0;
  wait(net, 1, T);
  assert.deepEqual(
    net.sent.map((sent) => sent.message.type),
    ["recovery-message", "recovery-request"],
  );
});

test("rule 7: the timer of a higher view waits until M validators have come as far", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  timeOut(net, 1);
  assert.equal(node.state.view, 1);
  assert.equal(node.state.viewDeadlineMs, undefined);
  wait(net, 1, 1000 * T);
  assert.equal(node.state.view, 1, "alone it goes no further");
  timeOut(net, 0, 2);
  pass(net, "change-view", 1, [0], [1]);
  assert.equal(node.state.viewDeadlineMs, undefined);
  pass(net, "change-view", 1, [2], [1]);
  assert.equal(node.state.viewDeadlineMs, node.nowMs + 4 * T);
});

test("rule 7: a vote or a justified proposal of the view shows as much as a ChangeView into it", () => {
  const net = makePuppets();
  timeOut(net, 0, 1, 3);
  pass(net, "change-view", 1, [0, 1], [3]);
  pass(net, "prepare-request", 1, [3], [2]);
  assert.equal(net.nodes[2]!.state.view, 1);
  assert.notEqual(net.nodes[2]!.state.viewDeadlineMs, undefined);
  assert.equal(net.nodes[0]!.state.viewDeadlineMs, undefined);
  pass(net, "prepare-response", 1, [2], [0]);
  pass(net, "change-view", 1, [3], [0]);
  assert.notEqual(net.nodes[0]!.state.viewDeadlineMs, undefined);
});

/** Virtual time for the validators of `up`, messages at once, until they decide or `endMs` is over. */
function live(net: Puppets, up: readonly number[], endMs: number, beginMs = 0): void {
  for (let nowMs = beginMs; nowMs < endMs; nowMs += T / 4) {
    for (const index of up) {
      const node = net.nodes[index]!;
      node.nowMs = Math.max(node.nowMs, nowMs);
      if ((node.state.timerAtMs ?? Number.POSITIVE_INFINITY) <= node.nowMs)
        feed(net, index, { kind: "timer", nowMs: node.nowMs });
    }
    settle(net, up);
    if (up.every((index) => net.nodes[index]!.decision !== undefined)) return;
  }
}

test("rule 7: a validator that was cut off for long finds the others again, with F silent", () => {
  const net = makePuppets();
  live(net, [1], 500 * T);
  live(net, [1, 2, 3], 1000 * T, 500 * T);
  assert.equal(decidedBlocks(net).length, 1);
});

test("rule 7: those left behind by one that is views ahead catch up, although timers are capped", () => {
  const net = makePuppets();
  timeOut(net, ...Array<number>(12).fill(1));
  const { nowMs } = net.nodes[1]!;
  live(net, [1, 2, 3], nowMs + 1000 * T, nowMs);
  assert.equal(decidedBlocks(net).length, 1);
  // View 12 is the silent validator's.
  assert.equal(net.nodes[2]!.decision!.view, 13);
});

test("rule 7: validators that followed a proposal into a view and forgot it are known to be there by what they ask", () => {
  const net = makePuppets({ count: 7 });
  // Primary of view 1 is 6. With 5 it falls silent later.
  timeOut(net, 1, 2, 3, 5, 6);
  pass(net, "change-view", 1, [1, 2, 3, 5], [6]);
  for (const index of [0, 4]) {
    net.nodes[index]!.check = undefined;
    pass(net, "prepare-request", 1, [6], [index]);
    restart(net, index);
    assert.equal(net.nodes[index]!.state.view, 1);
    net.nodes[index]!.check = () => "valid";
  }
  net.sent.length = 0;
  live(net, [0, 1, 2, 3, 4], 200 * T);
  assert.equal(decidedBlocks(net).length, 1);
});

test("an idle chain changes no view; the heartbeat proposes", () => {
  const net = makePuppets({ hasWork: false });
  for (const index of [0, 1, 2, 3]) wait(net, index, 19 * T);
  assert.equal(net.sent.length, 0);
  for (const index of [1, 2, 3, 0]) wait(net, index, T);
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
});

test("work shortens the timer of a backup", () => {
  const net = makePuppets({ hasWork: false });
  feed(net, 1, { kind: "work", nowMs: 0 });
  assert.equal(net.nodes[1]!.state.viewDeadlineMs, 2 * T);
  assert.equal(net.nodes[1]!.state.timerAtMs, T);
});

/** Validator `index` goes on to another height; the primary of its view 0 is validator height mod N. */
function startHeight(
  net: Puppets,
  index: number,
  height: number,
  more: Partial<Extract<Input, { kind: "start-height" }>> = {},
): void {
  const { nowMs, state } = net.nodes[index]!;
  const { validators, parentHash, parentTimeMs } = state;
  const at = { nowMs, height, epoch: 0, validators, parentHash, parentTimeMs };
  feed(net, index, { kind: "start-height", ...at, hasWork: true, ...more });
}

/** How long validator `index` waits in its view from now on. */
function waitMs(net: Puppets, index: number): number {
  const { state, nowMs } = net.nodes[index]!;
  return state.viewDeadlineMs! - nowMs;
}

/** Validator 0 is silent in its view at height 20; at height 24 it is primary again. */
function missTurn(): Puppets {
  const net = makePuppets();
  assert.equal(waitMs(net, 1), 2 * T);
  timeOut(net, 1);
  startHeight(net, 1, 24);
  return net;
}

test("rule 7': a primary that missed its last turn has a quarter of T the next time", () => {
  const net = missTurn();
  assert.equal(waitMs(net, 1), T / 4);
  startHeight(net, 1, 26);
  assert.equal(waitMs(net, 1), 2 * T, "others keep their time");
  startHeight(net, 1, 27, { validators: makeValidators(3) });
  startHeight(net, 1, 32, { validators: makeValidators(4) });
  assert.equal(waitMs(net, 1), T / 4, "changes of the set do not matter to it");
});

test("rule 7': one that left the set is forgotten", () => {
  const net = missTurn();
  startHeight(net, 1, 25, { validators: makeValidators(4).slice(1) });
  assert.deepEqual(net.nodes[1]!.state.absent, []);
  startHeight(net, 1, 28, { validators: makeValidators(4) });
  assert.equal(waitMs(net, 1), 2 * T);
});

test("rule 7': anything signed by it gives it its full time again, in this view too", () => {
  const heard = makePuppets({ height: 24, hasWork: false });
  timeOut(heard, 0);
  const net = missTurn();
  give(net, 1, sentBy(heard, 0, "change-view", 1));
  assert.equal(waitMs(net, 1), 2 * T);
  assert.deepEqual(net.nodes[1]!.state.absent, []);
});

test("rule 7': what it signed counts after the decision too, what it did not sign never does", () => {
  const net = makePuppets();
  settle(net, [0, 1, 2]);
  const late = makePuppets();
  timeOut(late, 3);
  const message = sentBy(late, 3, "change-view", 1);
  assert.ok(message.type === "change-view" && net.nodes[1]!.decision);
  const { state } = net.nodes[1]!;
  state.absent = [state.validators[3]!.consensusKey];
  const vote = { ...message.body.vote, signature: new Uint8Array(64) };
  give(net, 1, { type: "change-view", body: { ...message.body, vote } });
  assert.equal(state.absent.length, 1);
  give(net, 1, message);
  assert.deepEqual(state.absent, []);
});

test("rule 7': a primary whose proposal was seen is not absent, whatever became of it", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1]);
  timeOut(net, 1);
  assert.deepEqual(net.nodes[1]!.state.absent, []);
});

test("rule 7': from view N on nobody's time is short", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  const durations: number[] = [];
  for (let view = 0; view < 8; view++) {
    // The ChangeViews of 0 and 2 start the timer of this view, and clear the marks of these two; 3 stays absent.
    if (view > 0) pass(net, "change-view", view, [0, 2], [1]);
    durations.push(waitMs(net, 1));
    node.state.absent = [node.state.validators[3]!.consensusKey];
    timeOut(net, 0, 1, 2);
  }
  assert.deepEqual(durations, [2 * T, T / 4, 8 * T, 16 * T, 32 * T, 64 * T, 64 * T, 64 * T]);
});

test("rule 7': a quiet height with an absent primary changes no view", () => {
  const net = makePuppets();
  timeOut(net, 1);
  startHeight(net, 1, 24, { hasWork: false });
  wait(net, 1, 19 * T);
  assert.equal(net.nodes[1]!.state.view, 0);
  assert.equal(net.nodes[1]!.state.viewDeadlineMs, undefined);
  feed(net, 1, { kind: "work", nowMs: net.nodes[1]!.nowMs });
  assert.equal(waitMs(net, 1), T / 4);
});

test("rule 7': with one of four dead, its turns cost T / 4 after the first", () => {
  const net = makePuppets();
  const up = [1, 2, 3];
  const durations: number[] = [];
  for (let height = 20; height <= 28; height++) {
    const beginMs = Math.max(...up.map((index) => net.nodes[index]!.nowMs));
    for (const index of up) {
      const node = net.nodes[index]!;
      node.nowMs = beginMs;
      node.decision = undefined;
      node.build = () => blockOf(height, `${height}`);
      if (height > 20) startHeight(net, index, height);
    }
    live(net, up, beginMs + 10 * T, beginMs);
    assert.ok(up.every((index) => net.nodes[index]!.decision !== undefined));
    durations.push(Math.max(...up.map((index) => net.nodes[index]!.nowMs)) - beginMs);
  }
  assert.deepEqual(durations, [2 * T, 0, 0, 0, T / 4, 0, 0, 0, T / 4]);
});
