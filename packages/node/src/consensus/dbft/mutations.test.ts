/** Every safety rule is needed: with the rule broken its directed case forks, with the rule in force it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_REQUEST,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import {
  blockOf,
  decidedBlocks,
  give,
  hasSent,
  makePuppets,
  type Puppets,
  pass,
  restart,
  sentBy,
  settle,
  timeOut,
} from "../../../simulation/puppets.ts";
import { openProposal } from "../../../simulation/toys.ts";
import type { Mutation } from "./core.ts";
import type { Message, PrepareRequest } from "./messages.ts";

const HEIGHT = 20;
const SCOPE = { chainId: "test-00", epoch: 0, height: HEIGHT };

// Primaries: view 0 validator 0, view 1 validator 3, view 2 validator 2, view 3 validator 1, which is the traitor where there is one.
const TRAITOR = 1;

function gate(mutation: Mutation, name: string, play: (net: Puppets) => void): void {
  test(`${mutation}: ${name}`, () => {
    const sound = makePuppets({ height: HEIGHT });
    play(sound);
    assert.ok(decidedBlocks(sound).length <= 1, "no fork with the rule in force");
    const broken = makePuppets({ height: HEIGHT, mutations: [mutation] });
    play(broken);
    assert.equal(decidedBlocks(broken).length, 2, "the case catches the broken rule");
  });
}

gate("quorum-minus-one", "two halves of a partition decide apart", (net) => {
  settle(net, [0, 1]);
  timeOut(net, 2, 3);
  settle(net, [2, 3]);
});

/** Validator 0 alone decides in view 0; validators 1 and 2 hold its certificate. */
function decideAlone(net: Puppets): void {
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0, 1, 2]);
  pass(net, "commit", 0, [1, 2], [0]);
  assert.ok(net.nodes[0]!.decision);
  net.sent.length = 0;
}

gate("ignore-highest-certificate", "a decided block is proposed away", (net) => {
  decideAlone(net);
  timeOut(net, 1, 2, 3);
  settle(net, [1, 2, 3]);
});

gate("no-persistence", "restarted validators forget the certificate", (net) => {
  decideAlone(net);
  restart(net, 1);
  restart(net, 2);
  timeOut(net, 1, 2, 3);
  settle(net, [1, 2, 3]);
});

/** H is prepared in view 0 by validator 0, H2 in view 1 by validator 3, H again in view 2 by validator 2 and `alsoIn2`. */
function prepareInTurns(net: Puppets, alsoIn2: readonly number[]): void {
  pass(net, "prepare-request", 0, [0], [1, 2]);
  pass(net, "prepare-response", 0, [1, 2], [0]);
  timeOut(net, 1, 2, 3);
  pass(net, "change-view", 1, [1, 2], [3]);
  pass(net, "prepare-request", 1, [3], [1, 2]);
  pass(net, "prepare-response", 1, [1, 2], [3]);
  timeOut(net, 0, 0, 1, 2);
  pass(net, "change-view", 2, [0, 1], [2]);
  pass(net, "prepare-request", 2, [2], [0, 1]);
  pass(net, "prepare-response", 2, [0, 1], [2]);
  pass(net, "prepare-response", 2, [1], alsoIn2);
  assert.deepEqual(
    [hasSent(net, 0, "commit", 0), hasSent(net, 3, "commit", 1), hasSent(net, 2, "commit", 2)],
    [true, true, true],
  );
}

function commitOfTraitor(net: Puppets, view: number, like: Message): Message {
  assert.ok(like.type === "prepare-request");
  const { blockHash } = like.body;
  const signature = net.nodes[TRAITOR]!.config.signing.sign(voteSignBytes(SCOPE, view, COMMIT, blockHash));
  return { type: "commit", body: { height: HEIGHT, view, validatorIndex: TRAITOR, blockHash, signature } };
}

gate("commits-across-views", "four views and one traitor decide twice", (net) => {
  prepareInTurns(net, []);
  timeOut(net, 0, TRAITOR, 3, 3);
  pass(net, "change-view", 3, [0, 3], [TRAITOR]);
  pass(net, "prepare-request", 3, [TRAITOR], [0, 3]);
  pass(net, "prepare-response", 3, [0], [3]);
  pass(net, "prepare-response", 3, [3], [0]);
  give(net, 3, commitOfTraitor(net, 3, sentBy(net, TRAITOR, "prepare-request", 3)));
  pass(net, "commit", 3, [0], [3]);
  assert.ok(net.nodes[3]!.decision);
  pass(net, "commit", 0, [0], [2]);
  give(net, 2, commitOfTraitor(net, 2, sentBy(net, 2, "prepare-request", 2)));
});

gate("unsigned-prepared-fields", "a traitor swaps a certificate of view 2 for one of view 0", (net) => {
  prepareInTurns(net, [0]);
  const { blockHash } = net.nodes[0]!.state.prepared!.certificate;
  give(net, 0, commitOfTraitor(net, 2, sentBy(net, 2, "prepare-request", 2)));
  pass(net, "commit", 2, [2], [0]);
  assert.ok(net.nodes[0]!.decision);
  timeOut(net, 2, 3, 3);
  decideForged(net, forgeProposal(net, blockHash));
});

/** A proposal of view 1 to 3 by its primary, signed as it stands. */
function propose(
  net: Puppets,
  view: number,
  proposal: Uint8Array,
  justification: PrepareRequest["justification"],
): Message {
  const validatorIndex = 4 - view;
  const { blockHash } = openProposal(proposal)!;
  const { sign } = net.nodes[validatorIndex]!.config.signing;
  const signature = sign(voteSignBytes(SCOPE, view, PREPARE_REQUEST, blockHash));
  const vote = { height: HEIGHT, view, validatorIndex, blockHash, signature };
  return { type: "prepare-request", body: { ...vote, proposal, justification } };
}

/** Backups 2 and 3 vote for the traitor's proposal of view 3 and, with the traitor's Commit, validator 3 decides it. */
function decideForged(net: Puppets, request: Message): void {
  for (const backup of [2, 3]) give(net, backup, request);
  if (!hasSent(net, 2, "prepare-response", 3)) return;
  pass(net, "prepare-response", 3, [2], [3]);
  pass(net, "prepare-response", 3, [3], [2]);
  give(net, 3, commitOfTraitor(net, 3, request));
  pass(net, "commit", 3, [2], [3]);
}

gate("vote-below-view", "late prepares complete a certificate of the view that was left", (net) => {
  pass(net, "prepare-request", 0, [0], [1, 2]);
  timeOut(net, 1, 2, 3);
  pass(net, "change-view", 1, [1, 2], [3]);
  pass(net, "prepare-request", 1, [3], [1, 2]);
  pass(net, "prepare-response", 1, [1], [2, 3]);
  pass(net, "prepare-response", 1, [2], [1, 3]);
  pass(net, "commit", 1, [1, 2], [3]);
  assert.ok(net.nodes[3]!.decision);
  pass(net, "prepare-response", 0, [1], [0, 2]);
  pass(net, "prepare-response", 0, [2], [0, 1]);
  for (const late of [1, 2]) if (hasSent(net, late, "commit", 0)) pass(net, "commit", 0, [late], [0]);
});

gate("accept-unjustified", "a traitor proposes in its view as if nobody had been there before", (net) => {
  decideAlone(net);
  timeOut(net, 2, 2, 2, 3, 3, 3);
  decideForged(net, propose(net, 3, blockOf(HEIGHT, "unjustified"), null));
});

gate("unproven-certificates", "a traitor claims a certificate that nobody signed", (net) => {
  decideAlone(net);
  timeOut(net, 2, 2, 2, 3, 3, 3);
  const proposal = blockOf(HEIGHT, "never prepared");
  const prepared = { view: 2, blockHash: openProposal(proposal)!.blockHash };
  const signature = net.nodes[TRAITOR]!.config.signing.sign(changeViewSignBytes(SCOPE, 3, prepared));
  const honest = [2, 3].map((from) => {
    const { body } = sentBy(net, from, "change-view", 3);
    assert.ok("vote" in body);
    return body.vote;
  });
  const signatures = [0, 1, 2].map((validatorIndex) => ({ validatorIndex, signature: new Uint8Array(64) }));
  decideForged(
    net,
    propose(net, 3, proposal, {
      changeViews: [{ validatorIndex: TRAITOR, view: 3, prepared, signature }, ...honest],
      certificate: { ...prepared, signatures },
    }),
  );
});

/** The traitor's proposal of view 3: H2, as if nobody had prepared later than in view 1. */
function forgeProposal(net: Puppets, decided: Uint8Array): Message {
  const honest = sentBy(net, 2, "change-view", 3);
  const stale = sentBy(net, 3, "change-view", 3);
  const source = sentBy(net, 3, "prepare-request", 1);
  assert.ok(
    honest.type === "change-view" && stale.type === "change-view" && source.type === "prepare-request",
  );
  assert.equal(honest.body.vote.prepared?.view, 2);
  const { sign } = net.nodes[TRAITOR]!.config.signing;
  const own = {
    validatorIndex: TRAITOR,
    view: 3,
    prepared: null,
    signature: sign(changeViewSignBytes(SCOPE, 3, null)),
  };
  const swapped = { ...honest.body.vote, prepared: { view: 0, blockHash: decided } };
  const changeViews = [own, swapped, stale.body.vote];
  return propose(net, 3, source.body.proposal, { changeViews, certificate: stale.body.certificate });
}
