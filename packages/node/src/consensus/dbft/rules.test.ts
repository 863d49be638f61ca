import assert from "node:assert/strict";
import { test } from "node:test";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import {
  blockOf,
  decidedBlocks,
  feed,
  give,
  hasSent,
  makePuppets,
  PARENT_TIME_MS,
  pass,
  restart,
  sentBy,
  settle,
  T,
  timeOut,
  wait,
} from "../../../simulation/puppets.ts";
import { openProposal } from "../../../simulation/toys.ts";
import type { Effect } from "./core.ts";
import { primaryIndex } from "./quorum.ts";

// With makePuppets' height the primary of view v is validator (N - v) mod N: 0, 3, 2, 1 for four.

function kinds(effects: readonly Effect[]): string[] {
  return effects.map((effect) => effect.kind);
}

for (const count of [1, 2, 3, 4, 5, 7, 10])
  test(`${count} validators decide one block`, () => {
    const net = makePuppets({ count });
    settle(net);
    assert.equal(decidedBlocks(net).length, 1);
    assert.ok(net.nodes.every((node) => node.decision?.view === 0));
  });

test("the primary is (height - view) mod N, for views above the height too", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 9].map((view) => primaryIndex(2, view, 4)),
    [2, 1, 0, 3, 2, 1, 1],
  );
});

test("persist comes before every other effect of its step", () => {
  const net = makePuppets();
  settle(net);
  for (const node of net.nodes) {
    const send = node.effects.findIndex((effect) => effect.kind === "send");
    assert.ok(node.effects.slice(0, send).some((effect) => effect.kind === "persist"));
  }
});

test("rule 1: a second proposal of the view is not voted for", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1]);
  const rival = makeRival(net.nodes[0]!.config.chainId);
  const effects = give(net, 1, rival);
  assert.deepEqual(
    kinds(effects).filter((kind) => kind !== "set-timer"),
    ["evidence"],
  );
  assert.equal(net.nodes[1]!.state.requests.length, 1);
});

/** What validator 0 proposes in view 0 when it builds another block. */
function makeRival(chainId: string) {
  const net = makePuppets({ hasWork: false });
  assert.equal(net.nodes[0]!.config.chainId, chainId);
  net.nodes[0]!.build = () => blockOf(20, "rival");
  feed(net, 0, { kind: "work", nowMs: 0 });
  return sentBy(net, 0, "prepare-request", 0);
}

test("rule 2: M prepares with the request give a certificate, and only then a Commit", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  assert.equal(hasSent(net, 1, "commit", 0), false);
  pass(net, "prepare-response", 0, [2], [1, 3]);
  assert.equal(hasSent(net, 1, "commit", 0), true);
  const { durable } = net.nodes[1]!;
  assert.deepEqual(
    durable?.prepared?.certificate.signatures.map((entry) => entry.validatorIndex),
    [0, 1, 2],
  );
  pass(net, "prepare-response", 0, [1, 2], [3]);
  assert.equal(hasSent(net, 3, "commit", 0), false, "the request itself is missing");
});

test("rule 3: after a timeout no vote in the old view, but its commits still decide", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2, 3]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  pass(net, "prepare-response", 0, [1], [2]);
  pass(net, "prepare-response", 0, [2], [1]);
  timeOut(net, 3);
  assert.equal(hasSent(net, 3, "change-view", 1), true);
  pass(net, "prepare-response", 0, [1, 2], [3]);
  assert.equal(hasSent(net, 3, "commit", 0), false);
  pass(net, "commit", 0, [0, 1, 2], [3]);
  assert.equal(net.nodes[3]!.decision?.view, 0);
});

test("rule 4: F + 1 higher ChangeViews are joined, at the (F + 1)th-highest view", () => {
  const net = makePuppets();
  timeOut(net, 1);
  pass(net, "change-view", 1, [1], [3]);
  assert.equal(net.nodes[3]!.state.view, 0);
  timeOut(net, 2, 2);
  pass(net, "change-view", 2, [2], [3]);
  assert.equal(net.nodes[3]!.state.view, 1);
});

test("rule 5: the new primary re-proposes the highest certificate's block", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2, 3]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  const { blockHash } = net.nodes[0]!.state.prepared!.certificate;
  timeOut(net, 0, 1, 3);
  pass(net, "change-view", 1, [0, 1], [3]);
  const request = sentBy(net, 3, "prepare-request", 1);
  assert.equal(request.type, "prepare-request");
  assert.ok(request.type === "prepare-request" && equalBytes(request.body.blockHash, blockHash));
  settle(net);
  assert.deepEqual(decidedBlocks(net), [toHex(blockHash)]);
});

test("rule 5: backups refuse a free proposal while a certificate exists", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2, 3]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0, 1, 2, 3);
  const rogue = makePuppets({ mutations: ["ignore-highest-certificate"] });
  pass(rogue, "prepare-request", 0, [0], [3]);
  timeOut(rogue, 3);
  for (const from of [0, 1]) give(rogue, 3, sentBy(net, from, "change-view", 1));
  const effects = give(net, 2, sentBy(rogue, 3, "prepare-request", 1));
  assert.deepEqual(kinds(effects), ["invalid"]);
});

test("rule 5: a primary without the certified block asks for it first", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0, 1, 3);
  pass(net, "change-view", 1, [0, 1], [3]);
  assert.equal(hasSent(net, 3, "prepare-request", 1), false);
  const asked = sentBy(net, 3, "recovery-request", 1);
  give(net, 0, asked);
  const answer = net.sent.findLast((sent) => sent.from === 0 && sent.message.type === "recovery-message");
  assert.deepEqual(answer?.to, [3]);
  give(net, 3, answer!.message);
  assert.equal(hasSent(net, 3, "prepare-request", 1), true);
});

test("rule 5: a certificate whose block nobody has is left aside when M other ChangeViews allow it", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0, 1, 2, 3);
  pass(net, "change-view", 1, [0, 1], [3]);
  assert.equal(hasSent(net, 3, "prepare-request", 1), false);
  pass(net, "change-view", 1, [2], [3]);
  assert.equal(hasSent(net, 3, "prepare-request", 1), true);
});

test("rule 6: commits of different views or blocks do not add up", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2, 3]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0, 1, 2, 3);
  pass(net, "change-view", 1, [0, 1, 2], [3]);
  pass(net, "prepare-request", 1, [3], [0, 1, 2]);
  pass(net, "prepare-response", 1, [0, 1], [2, 3]);
  pass(net, "commit", 0, [0], [1]);
  pass(net, "commit", 1, [2, 3], [1]);
  assert.deepEqual(decidedBlocks(net), []);
  pass(net, "prepare-response", 1, [0, 2], [1]);
  assert.equal(net.nodes[1]!.decision?.view, 1);
});

test("rule 7: a validator is answered at most twice in T", () => {
  const net = makePuppets();
  wait(net, 3, T);
  const asked = sentBy(net, 3, "recovery-request", 0);
  const answers = () => net.sent.filter((sent) => sent.from === 0 && Array.isArray(sent.to)).length;
  give(net, 0, asked);
  give(net, 0, asked);
  assert.equal(answers(), 1);
  net.nodes[0]!.nowMs += T;
  give(net, 0, asked);
  assert.equal(answers(), 2);
});

test("rule 8: missing statements are fetched, the timer is extended once, then the view changes", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  node.check = () => "missing";
  node.nowMs = T;
  pass(net, "prepare-request", 0, [0], [1]);
  const fetch = node.effects.find((effect) => effect.kind === "fetch-statements");
  assert.deepEqual(fetch?.from, [0]);
  assert.equal(node.state.viewDeadlineMs, 3 * T);
  const blockHash = node.state.requests[0]!.message.blockHash;
  const { height } = node.state;
  feed(net, 1, { kind: "proposal-checked", nowMs: 2 * T, height, blockHash, verdict: "missing" });
  assert.equal(node.state.viewDeadlineMs, 3 * T);
  assert.equal(hasSent(net, 1, "prepare-response", 0), false);
  timeOut(net, 1);
  assert.equal(node.state.view, 1);
});

test("rule 8: a proposal whose statements arrive is voted for", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  node.check = () => "missing";
  pass(net, "prepare-request", 0, [0], [1]);
  const { blockHash } = node.state.requests[0]!.message;
  feed(net, 1, { kind: "proposal-checked", nowMs: 0, height: 20, blockHash, verdict: "valid" });
  assert.equal(hasSent(net, 1, "prepare-response", 0), true);
});

test("a bad proposal is left at once, but only in the first N views", () => {
  const net = makePuppets();
  for (const node of net.nodes) node.check = () => "bad";
  settle(net);
  assert.deepEqual(
    net.nodes.map((node) => node.state.view),
    [4, 4, 4, 4],
  );
  const last = net.nodes[0]!.effects.findLast((effect) => effect.kind === "build-proposal");
  assert.deepEqual(last, { kind: "build-proposal", height: 20, view: 4, usesParentTime: true });
});

test("time: drift is refused, except parent + 1 and certified re-proposals", () => {
  const propose = (timeMs: number, clockMs: number): boolean => {
    const net = makePuppets({ hasWork: false });
    net.nodes[0]!.build = () => blockOf(20, "timed", timeMs);
    net.nodes[0]!.state.parentTimeMs = 0;
    net.nodes[1]!.clockMs = clockMs;
    feed(net, 0, { kind: "work", nowMs: 0 });
    pass(net, "prepare-request", 0, [0], [1]);
    return hasSent(net, 1, "prepare-response", 0);
  };
  const clockMs = PARENT_TIME_MS + 100 * T;
  assert.equal(propose(clockMs - 5 * T, clockMs), true);
  assert.equal(propose(clockMs - 5 * T - 1, clockMs), false);
  assert.equal(propose(clockMs + 5 * T + 1, clockMs), false);
  assert.equal(propose(PARENT_TIME_MS + 1, clockMs), true);
  assert.equal(propose(PARENT_TIME_MS, PARENT_TIME_MS), false);

  const net = makePuppets({ hasWork: false });
  net.nodes[0]!.build = () => blockOf(20, "late", PARENT_TIME_MS + T);
  feed(net, 0, { kind: "work", nowMs: 0 });
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  for (const node of net.nodes) node.clockMs += 3600 * T;
  timeOut(net, 0, 1, 2, 3);
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
});

test("a tampered proposal or justification does not count against an honest primary", () => {
  const net = makePuppets();
  const request = sentBy(net, 0, "prepare-request", 0);
  assert.ok(request.type === "prepare-request");
  const proposal = blockOf(20, "forged");
  const effects = give(net, 1, { type: "prepare-request", body: { ...request.body, proposal } });
  assert.ok(kinds(effects).includes("invalid"));
  give(net, 1, request);
  assert.equal(hasSent(net, 1, "prepare-response", 0), true);
});

test("only the verified signature of a proposal goes into a certificate", () => {
  const net = makePuppets();
  const request = sentBy(net, 0, "prepare-request", 0);
  assert.ok(request.type === "prepare-request");
  const { body } = request;
  give(net, 1, { type: "prepare-request", body: { ...body, proposal: blockOf(20, "forged") } });
  const unsigned = { ...body, signature: new Uint8Array(64) };
  assert.ok(kinds(give(net, 1, { type: "prepare-request", body: unsigned })).includes("invalid"));
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [2], [1]);
  assert.deepEqual(net.nodes[1]!.state.prepared?.certificate.signatures[0]?.signature, body.signature);
});

test("a message of another chain or epoch is invalid", () => {
  const net = makePuppets();
  const vote = makePuppets();
  pass(vote, "prepare-request", 0, [0], [1]);
  net.nodes[2]!.state.epoch = 1;
  assert.ok(kinds(give(net, 2, sentBy(vote, 1, "prepare-response", 0))).includes("invalid"));
  const stranger = makePuppets({ chainId: "test-01" });
  assert.ok(kinds(give(stranger, 2, sentBy(vote, 1, "prepare-response", 0))).includes("invalid"));
});

test("wrong signatures, unknown validators and foreign primaries are invalid", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  const vote = sentBy(net, 1, "prepare-response", 0);
  assert.ok(vote.type === "prepare-response");
  const signature = new Uint8Array(64);
  const cases = [
    { ...vote.body, signature },
    { ...vote.body, validatorIndex: 4 },
    { ...vote.body, view: 1 },
  ];
  for (const body of cases)
    assert.ok(kinds(give(net, 3, { type: "prepare-response", body })).includes("invalid"));
  const request = sentBy(net, 0, "prepare-request", 0);
  assert.ok(request.type === "prepare-request");
  const body = { ...request.body, validatorIndex: 2 };
  assert.ok(kinds(give(net, 3, { type: "prepare-request", body })).includes("invalid"));
});

test("other heights: later ones are announced, of earlier ones only calls for help are", () => {
  const net = makePuppets({ height: 21 });
  const past = makePuppets({ height: 20 });
  pass(past, "prepare-request", 0, [0], [1]);
  timeOut(past, 1);
  assert.deepEqual(kinds(give(net, 2, sentBy(past, 1, "prepare-response", 0))), []);
  assert.deepEqual(give(net, 2, sentBy(past, 1, "change-view", 1)), [{ kind: "peer-behind", height: 20 }]);
  const ahead = give(past, 2, sentBy(net, 1, "prepare-request", 0));
  assert.deepEqual(ahead, [{ kind: "ahead", height: 21 }]);
});

test("votes of different views never accuse", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  timeOut(net, 0, 1, 2, 3);
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
  assert.equal(net.nodes.flatMap((node) => node.effects).filter((e) => e.kind === "evidence").length, 0);
});

test("a decision without the proposal says so", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0, 1, 2]);
  pass(net, "commit", 0, [0, 1, 2], [3]);
  assert.equal(net.nodes[3]!.decision?.proposal, undefined);
  assert.ok(openProposal(net.nodes[0]!.state.prepared!.proposal));
});

test("a restarted validator stands where it stood, and votes once", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  const before = sentBy(net, 1, "prepare-response", 0);
  net.sent.length = 0;
  restart(net, 1);
  give(net, 1, makeRival(net.nodes[1]!.config.chainId));
  assert.equal(hasSent(net, 1, "prepare-response", 0), false);
  const resent = sentBy(net, 1, "recovery-message", 0);
  assert.ok(resent.type === "recovery-message" && before.type === "prepare-response");
  assert.deepEqual(resent.body.responses[0]?.signature, before.body.signature);
});

test("all restart after preparing: the block is decided", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2, 3]);
  pass(net, "prepare-response", 0, [1, 2, 3], [0, 1, 2, 3]);
  net.sent.length = 0;
  for (const index of [0, 1, 2, 3]) restart(net, index);
  for (const index of [0, 1, 2, 3]) wait(net, index, T);
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
  assert.ok(net.nodes.every((node) => node.decision?.view === 0));
});

test("a validator that lost its disk keeps to the votes it learns of", () => {
  const net = makePuppets();
  const rival = makeRival(net.nodes[0]!.config.chainId);
  pass(net, "prepare-request", 0, [0], [1, 2]);
  const vote = sentBy(net, 1, "prepare-response", 0);
  net.nodes[1]!.durable = undefined;
  net.sent.length = 0;
  restart(net, 1);
  give(net, 1, vote);
  give(net, 1, rival);
  assert.equal(hasSent(net, 1, "prepare-response", 0), false);
});

test("an observer decides and sends nothing", () => {
  const net = makePuppets({ observer: 3 });
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
  const effects = kinds(net.nodes[3]!.effects);
  assert.ok(effects.includes("decide"));
  assert.ok(!effects.includes("send") && !effects.includes("persist") && !effects.includes("set-timer"));
});
