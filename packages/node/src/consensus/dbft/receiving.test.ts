/** What a driver passes on, and what strangers, traitors, replays and observers must not bring about. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  COMMIT,
  changeViewSignBytes,
  MAX_VIEW,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  type VoteType,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { evidence as evidenceCodec } from "@lhg/protocol/core/block/evidence";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import {
  blockOf,
  decidedBlocks,
  feed,
  give,
  hasSent,
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
import { makeValidators, openProposal } from "../../../simulation/toys.ts";
import type { Effect, Received } from "./core.ts";
import type { Message, RecoveryMessage } from "./messages.ts";
import { createState, step } from "./step.ts";

// With makePuppets' height the primary of view v is validator (N - v) mod N: 0, 3, 2, 1 for four.
const HEIGHT = 20;
const SCOPE = { chainId: "test-00", epoch: 0, height: HEIGHT };

function receive(net: Puppets, to: number, message: Message): Received | undefined {
  const { config, state, nowMs, clockMs } = net.nodes[to]!;
  return step(config, state, { kind: "message", nowMs, clockMs, message }).received;
}

function signVote(net: Puppets, type: VoteType, validatorIndex: number, view: number, blockHash: Uint8Array) {
  const signature = net.nodes[validatorIndex]!.config.signing.sign(
    voteSignBytes(SCOPE, view, type, blockHash),
  );
  return { height: HEIGHT, view, validatorIndex, blockHash, signature };
}

function signChangeView(net: Puppets, validatorIndex: number, view: number): Message {
  const signature = net.nodes[validatorIndex]!.config.signing.sign(changeViewSignBytes(SCOPE, view, null));
  const vote = { validatorIndex, view, prepared: null, signature };
  return { type: "change-view", body: { height: HEIGHT, vote, certificate: null } };
}

/** Another block of validator 0 in view 0. */
function rivalOf(net: Puppets, label = "rival"): Message {
  const proposal = blockOf(HEIGHT, label);
  const { blockHash } = openProposal(proposal)!;
  const vote = signVote(net, PREPARE_REQUEST, 0, 0, blockHash);
  return { type: "prepare-request", body: { ...vote, proposal, justification: null } };
}

test("a message is recorded once, held again, and judged by its height", () => {
  const net = makePuppets();
  const request = sentBy(net, 0, "prepare-request", 0);
  assert.equal(receive(net, 1, request), "recorded");
  assert.equal(receive(net, 1, structuredClone(request)), "held");
  assert.equal(
    receive(net, 1, rivalOf(net)),
    "dropped",
    "its vote was kept as evidence, its proposal was not judged",
  );
  assert.equal(receive(makePuppets({ height: 19 }), 1, request), "ahead");
  assert.equal(receive(makePuppets({ height: 21 }), 1, request), "behind");
  settle(net);
  assert.equal(receive(net, 1, request), "behind");
  assert.equal(
    step(net.nodes[0]!.config, net.nodes[0]!.state, { kind: "timer", nowMs: 0 }).received,
    undefined,
  );
});

/** What a relay can change in an honest message without the signer. */
function tamperings(message: Message): Message[] {
  const signature = new Uint8Array(64);
  if (message.type === "prepare-request") {
    const { body } = message;
    const { justification } = body;
    const stripped = justification && { ...justification, certificate: null };
    return [
      { ...message, body: { ...body, signature } },
      { ...message, body: { ...body, proposal: blockOf(HEIGHT, "forged") } },
      { ...message, body: { ...body, justification: stripped } },
    ].filter((_, i) => i < 2 || justification !== null);
  }
  if (message.type === "change-view") {
    const { vote, certificate } = message.body;
    const forged = certificate && {
      ...certificate,
      signatures: certificate.signatures.map((entry) => ({ ...entry, signature })),
    };
    return [
      { ...message, body: { ...message.body, vote: { ...vote, signature } } },
      { ...message, body: { ...message.body, certificate: forged } },
    ];
  }
  if (message.type === "prepare-response" || message.type === "commit")
    return [{ ...message, body: { ...message.body, signature } } as Message];
  return [];
}

test("what was tampered with is never passed on, whatever was known before", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0, 1, 3);
  pass(net, "change-view", 1, [1], [0]);
  const messages = net.sent
    .map((sent) => sent.message)
    .filter((message) => message.type !== "recovery-request");
  pass(net, "change-view", 1, [0, 1], [3]);
  const { blockHash } = net.nodes[0]!.state.prepared!.certificate;
  const wanted = sentBy(net, 3, "recovery-request", 1);
  assert.ok(wanted.type === "recovery-request" && equalBytes(wanted.body.wantedHash!, blockHash));
  for (const message of messages)
    for (const forged of tamperings(message)) {
      assert.notEqual(receive(net, 2, forged), "recorded", message.type);
      receive(net, 2, message);
      assert.notEqual(receive(net, 2, forged), "recorded", message.type);
    }
});

test("a recovery message is passed on only if every part of it was judged", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1]);
  restart(net, 1);
  const message = sentBy(net, 1, "recovery-message", 0);
  assert.ok(message.type === "recovery-message");
  const withMore = (more: Partial<RecoveryMessage>): Message => ({
    ...message,
    body: { ...message.body, ...more },
  });
  const wantedProposal = Uint8Array.of(1);
  assert.equal(receive(net, 2, withMore({ wantedProposal })), "invalid", "it is no proposal");
  assert.equal(receive(net, 2, message), "held", "the votes in it were taken all the same");
  assert.equal(receive(net, 3, message), "recorded");
  assert.equal(receive(net, 3, message), "held");
});

test("a gigantic view of one traitor moves nobody, and keeps nobody's votes out", () => {
  const net = makePuppets();
  const hash = new Uint8Array(32).fill(1);
  for (const to of [0, 2, 3]) {
    for (let i = 0; i < 40; i++) {
      give(net, to, signChangeView(net, 1, MAX_VIEW - i));
      // The primary of these views is the traitor every fourth time.
      for (const type of [PREPARE_RESPONSE, COMMIT] as const) {
        const body = signVote(net, type, 1, MAX_VIEW - i, hash);
        give(net, to, type === COMMIT ? { type: "commit", body } : { type: "prepare-response", body });
      }
      const body = { ...signVote(net, PREPARE_REQUEST, 1, MAX_VIEW - i, hash), proposal: Uint8Array.of(1) };
      give(net, to, { type: "prepare-request", body: { ...body, justification: null } });
    }
    assert.equal(net.nodes[to]!.state.view, 0);
  }
  settle(net, [0, 2, 3]);
  assert.equal(decidedBlocks(net).length, 1);
});

test("with a gigantic view of one traitor views change one by one", () => {
  const net = makePuppets();
  for (const to of [0, 2, 3]) give(net, to, signChangeView(net, 1, MAX_VIEW));
  timeOut(net, 0, 2, 3);
  settle(net, [0, 2, 3]);
  assert.ok([0, 2, 3].every((index) => net.nodes[index]!.decision?.view === 1));
});

test("commits of a view that fell out of the slots are not missed: the highest certificate brings their block back", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0, 1, 2]);
  pass(net, "commit", 0, [1, 2], [0]);
  const decided = net.nodes[0]!.decision!.blockHash;
  net.sent.length = 0;
  // Nine views in which validators 1 and 2 prepare, the traitor 3 helping, and nobody decides.
  for (let view = 1; view <= 9; view++) {
    timeOut(net, 1, 2, 3);
    for (const from of [1, 2, 3]) pass(net, "change-view", view, [from], [1, 2, 3]);
    net.sent.splice(
      0,
      net.sent.length,
      ...net.sent.filter((sent) => sent.message.type === "prepare-request"),
    );
    for (const { from, message } of [...net.sent])
      for (const to of [1, 2, 3]) if (to !== from) give(net, to, message);
    net.sent.length = 0;
  }
  timeOut(net, 1, 2, 3);
  settle(net, [1, 2, 3]);
  timeOut(net, 1, 2, 3);
  settle(net, [1, 2, 3]);
  assert.ok(equalBytes(net.nodes[2]!.decision!.blockHash, decided));
  assert.equal(decidedBlocks(net).length, 1);
});

test("a recovery message with the request of a higher view brings a straggler there", () => {
  const net = makePuppets();
  timeOut(net, 0, 1, 3);
  pass(net, "change-view", 1, [0, 1], [3]);
  pass(net, "prepare-request", 1, [3], [1]);
  wait(net, 2, T);
  const asked = sentBy(net, 2, "recovery-request", 0);
  net.sent.length = 0;
  give(net, 1, asked);
  assert.equal(net.sent.length, 1);
  give(net, 2, net.sent[0]!.message);
  assert.equal(net.nodes[2]!.state.view, 1);
  assert.equal(hasSent(net, 2, "prepare-response", 1), true);
});

test("replays of a plain request do not keep a primary from the block it wants", () => {
  const net = makePuppets();
  wait(net, 3, T);
  const plain = sentBy(net, 3, "recovery-request", 0);
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0, 1, 3);
  pass(net, "change-view", 1, [0, 1], [3]);
  const wanting = sentBy(net, 3, "recovery-request", 1);
  give(net, 0, plain);
  net.sent.length = 0;
  give(net, 0, wanting);
  const answer = net.sent[0]?.message;
  assert.ok(answer?.type === "recovery-message" && answer.body.wantedProposal !== null);
  give(net, 0, wanting);
  assert.equal(net.sent.length, 1);
});

function evidenceOf(effects: readonly Effect[]): Uint8Array[] {
  return effects.flatMap((effect) =>
    effect.kind === "evidence" ? [encode(evidenceCodec, effect.evidence)] : [],
  );
}

test("evidence comes once, and is the same bytes whatever came first", () => {
  const net = makePuppets();
  const request = sentBy(net, 0, "prepare-request", 0);
  const rivals = [request, rivalOf(net), rivalOf(net, "third")];
  const seen = [rivals, [rivals[1]!, request]].map((order, i) =>
    [...order, ...order].flatMap((message) => evidenceOf(give(net, 1 + i, message))),
  );
  assert.deepEqual(
    seen.map((pieces) => pieces.length),
    [1, 1],
  );
  assert.deepEqual(seen[0], seen[1]);
  // Neither later views nor what peers resend make it come again.
  for (let view = 1; view <= 12; view++)
    give(net, 1, { type: "commit", body: signVote(net, COMMIT, 0, view, new Uint8Array(32)) });
  for (const message of rivals) assert.deepEqual(evidenceOf(give(net, 1, message)), []);
});

test("two ChangeViews of one view that differ are evidence once", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 0);
  const prepared = sentBy(net, 0, "change-view", 1);
  const pieces = [prepared, signChangeView(net, 0, 1), prepared, signChangeView(net, 0, 1)].flatMap(
    (message) => evidenceOf(give(net, 3, message)),
  );
  assert.equal(pieces.length, 1);
});

test("an equivocating primary: both halves go on, one block is decided", () => {
  const net = makePuppets();
  const rival = rivalOf(net);
  pass(net, "prepare-request", 0, [0], [1]);
  for (const to of [2, 3]) give(net, to, rival);
  settle(net, [1, 2, 3]);
  timeOut(net, 1, 2, 3);
  settle(net, [1, 2, 3]);
  assert.equal(decidedBlocks(net).length, 1);
  assert.ok([1, 2, 3].every((index) => net.nodes[index]!.decision !== undefined));
});

test("an observer has no timers, and no input makes it vote", () => {
  const net = makePuppets({ observer: 3 });
  const { config, state } = net.nodes[3]!;
  for (let i = 1; i <= 3; i++) feed(net, 3, { kind: "timer", nowMs: 100 * T * i });
  feed(net, 3, { kind: "work", nowMs: 0 });
  pass(net, "prepare-request", 0, [0], [3]);
  const { blockHash } = state.requests[0]!.message;
  for (const verdict of ["missing", "valid", "bad"] as const)
    feed(net, 3, { kind: "proposal-checked", nowMs: 0, height: HEIGHT, blockHash, verdict });
  for (const message of [signChangeView(net, 1, 1), signChangeView(net, 2, 1)]) give(net, 3, message);
  feed(net, 3, { kind: "timer", nowMs: 1e6 });
  assert.equal(config.consensusKey, undefined);
  const kinds = new Set(net.nodes[3]!.effects.map((effect) => effect.kind));
  for (const kind of ["send", "persist", "set-timer", "build-proposal"] as const)
    assert.ok(!kinds.has(kind), kind);
});

test("a validator that leaves the set ignores the timer it had, and votes when it is back", () => {
  const net = makePuppets();
  const node = net.nodes[1]!;
  node.build = () => blockOf(node.state.height, "alone");
  const start = (height: number, indexes: readonly number[]): readonly Effect[] => {
    const validators = indexes.map((i) => makeValidators(5)[i]!);
    const { parentHash, parentTimeMs } = node.state;
    const at = { nowMs: 0, height, epoch: 0, validators, parentHash, parentTimeMs };
    return feed(net, 1, { kind: "start-height", ...at, hasWork: true });
  };
  assert.ok(
    start(21, [0, 2, 3, 4]).some((effect) => effect.kind === "set-timer" && effect.atMs === undefined),
  );
  for (let i = 1; i <= 3; i++) assert.deepEqual(feed(net, 1, { kind: "timer", nowMs: 100 * T * i }), []);
  assert.equal(node.state.view, 0);
  start(22, [1, 2]);
  assert.equal(node.state.ownIndex, 0);
  start(24, [1]);
  assert.equal(node.decision?.certificate.signatures.length, 1, "alone it decides at once");
});

test("a validator whose record is of a later height only observes until then", () => {
  const net = makePuppets({ height: 22 });
  pass(net, "prepare-request", 0, [2], [1]);
  const { config, durable, state } = net.nodes[1]!;
  assert.equal(durable?.votes.length, 1);
  const { validators, parentHash, parentTimeMs } = state;
  let fresh = createState();
  const start = (height: number, more: object = {}): readonly Effect[] => {
    const at = { nowMs: 0, height, epoch: 0, validators, parentHash, parentTimeMs, hasWork: true };
    const result = step(config, fresh, { kind: "start-height", ...at, ...more });
    fresh = result.state;
    return result.effects;
  };
  start(20, { restart: { durable } });
  assert.equal(fresh.ownIndex, -1);
  start(21);
  assert.equal(fresh.ownIndex, -1);
  const effects = start(22);
  assert.equal(fresh.ownIndex, 1);
  assert.deepEqual(fresh.votes[PREPARE_RESPONSE][1], state.votes[PREPARE_RESPONSE][1]);
  assert.ok(effects.some((effect) => effect.kind === "send"));
  start(23);
  assert.equal(fresh.ownIndex, 1);
});

test("what was persisted but not sent is sent after the restart", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2, 3]);
  pass(net, "prepare-response", 0, [1, 2, 3], [0, 1, 2, 3]);
  const lost = [0, 1, 2, 3].map((index) => sentBy(net, index, "commit", 0));
  net.sent.length = 0;
  for (const index of [0, 1, 2, 3]) restart(net, index);
  for (const [index, commit] of lost.entries()) {
    const again = sentBy(net, index, "recovery-message", 0);
    assert.ok(again.type === "recovery-message" && commit.type === "commit");
    assert.deepEqual(again.body.commits[0]?.signature, commit.body.signature);
  }
  settle(net);
  assert.equal(decidedBlocks(net).length, 1);
});

test("a decided validator answers those who still try with its height and the commits, at most twice in T", () => {
  const net = makePuppets();
  settle(net, [0, 1, 2]);
  timeOut(net, 3);
  wait(net, 3, T);
  const told: number[] = [];
  for (const type of ["change-view", "recovery-request", "recovery-message"] as const) {
    const found = net.sent.find((sent) => sent.from === 3 && sent.message.type === type)!;
    const effects = give(net, 0, found.message);
    assert.deepEqual(effects[0], { kind: "peer-behind", height: HEIGHT });
    told.push(effects.filter((effect) => effect.kind === "send").length);
  }
  assert.deepEqual(told, [1, 0, 0]);
  const tells = sentBy(net, 0, "recovery-message", 0);
  give(net, 3, tells);
  assert.notEqual(net.nodes[3]!.decision, undefined);
  const answers = give(net, 1, tells).filter((effect) => effect.kind === "send");
  assert.deepEqual(answers, [], "those who have decided do not tell each other");
});

test("who decided without the proposal tells those who have it, though the rest is silent", () => {
  const net = makePuppets();
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0, 1, 2]);
  pass(net, "commit", 0, [0, 1, 2], [3]);
  assert.equal(net.nodes[3]!.decision?.proposal, undefined);
  net.sent.length = 0;
  // Validator 2 is gone; 0 and 1 are too few without 3.
  timeOut(net, 0, 1);
  settle(net, [0, 1, 3]);
  assert.ok([0, 1].every((index) => net.nodes[index]!.decision?.proposal !== undefined));
});
