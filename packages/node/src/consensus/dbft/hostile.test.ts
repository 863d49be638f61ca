/** Well-signed chaos: every key, the own one too, signs anything. Nothing is agreed then, but the core must not break or grow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type VoteType,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { verifyEvidence } from "@lhg/protocol/core/block/evidence";
import { blockOf, makePuppets } from "../../../simulation/puppets.ts";
import { createRandom, type Random } from "../../../simulation/random.ts";
import { makeSigning, makeValidators, openProposal, toyVerifier } from "../../../simulation/toys.ts";
import type { CoreState, Effect, Input } from "./core.ts";
import { decodeDurable, durableOf, encodeDurable } from "./durable.ts";
import {
  type ChangeViewVote,
  decodeMessage,
  encodeMessage,
  type Justification,
  type Message,
  type PreparedCertificate,
} from "./messages.ts";
import { primaryIndex } from "./quorum.ts";
import { KEPT_REQUESTS } from "./requests.ts";
import { step } from "./step.ts";
import { VIEW_SLOTS, VOTE_TYPES } from "./votes.ts";

const HEIGHT = 20;
const COUNT = 4;
const VIEWS = 14;
const SCOPE = { chainId: "test-00", epoch: 0, height: HEIGHT };
const VALIDATORS = makeValidators(COUNT);
const SIGNERS = VALIDATORS.map(({ consensusKey }) => makeSigning(consensusKey));
const PROPOSALS = ["a", "b", "c"].map((label) => blockOf(HEIGHT, label));
const HASHES = PROPOSALS.map((proposal) => openProposal(proposal)!.blockHash);

function signVote(validatorIndex: number, type: VoteType, view: number, blockHash: Uint8Array) {
  const signature = SIGNERS[validatorIndex]!.sign(voteSignBytes(SCOPE, view, type, blockHash));
  return { validatorIndex, view, blockHash, signature };
}

function certify(view: number, blockHash: Uint8Array): PreparedCertificate {
  const primary = primaryIndex(HEIGHT, view, COUNT);
  const signatures = [...VALIDATORS.keys()].slice(0, COUNT).map((i) => {
    const { signature } = signVote(i, i === primary ? PREPARE_REQUEST : PREPARE_RESPONSE, view, blockHash);
    return { validatorIndex: i, signature };
  });
  return { view, blockHash, signatures };
}

function signChangeView(validatorIndex: number, view: number, prepared: ChangeViewVote["prepared"]) {
  const signature = SIGNERS[validatorIndex]!.sign(changeViewSignBytes(SCOPE, view, prepared));
  return { validatorIndex, view, prepared, signature };
}

function makeMessage(random: Random): Message {
  const view = random.below(VIEWS);
  const block = random.below(PROPOSALS.length);
  const blockHash = HASHES[block]!;
  const signer = random.below(COUNT);
  const lower = view > 0 && random.chance(0.5) ? certify(random.below(view), blockHash) : null;
  const prepared = lower && { view: lower.view, blockHash };
  switch (random.below(6)) {
    case 0: {
      const primary = primaryIndex(HEIGHT, view, COUNT);
      const vote = signVote(primary, PREPARE_REQUEST, view, blockHash);
      const changeViews = [0, 1, 2].map((i) => signChangeView(i, view, random.chance(0.7) ? prepared : null));
      const claimed = changeViews.some((vote) => vote.prepared !== null);
      const justification: Justification | null =
        view === 0 ? null : { changeViews, certificate: claimed ? lower : null };
      const proposal = PROPOSALS[random.chance(0.9) ? block : 0]!;
      return { type: "prepare-request", body: { height: HEIGHT, ...vote, proposal, justification } };
    }
    case 1:
      return {
        type: "prepare-response",
        body: { height: HEIGHT, ...signVote(signer, PREPARE_RESPONSE, view, blockHash) },
      };
    case 2:
      return { type: "commit", body: { height: HEIGHT, ...signVote(signer, COMMIT, view, blockHash) } };
    case 3: {
      const vote = signChangeView(signer, view + 1, prepared);
      return { type: "change-view", body: { height: HEIGHT, vote, certificate: lower } };
    }
    case 4: {
      const signature = SIGNERS[signer]!.sign(voteSignBytes(SCOPE, view, RECOVERY_REQUEST, blockHash));
      const body = { height: HEIGHT, view, validatorIndex: signer, wantedHash: blockHash, signature };
      return { type: "recovery-request", body };
    }
    default: {
      const body = {
        height: HEIGHT,
        request: null,
        responses: [signVote(signer, PREPARE_RESPONSE, view, blockHash)],
        commits: [signVote(signer, COMMIT, view, blockHash)],
        changeViews: [signChangeView(signer, view + 1, prepared)],
        certificates: lower === null ? [] : [lower],
        wantedProposal: PROPOSALS[block]!,
      };
      return { type: "recovery-message", body };
    }
  }
}

function makeInput(random: Random, nowMs: number): Input {
  const blockHash = random.pick(HASHES);
  const kind = random.below(20);
  if (kind === 0) return { kind: "timer", nowMs };
  if (kind === 1) return { kind: "work", nowMs };
  if (kind === 2)
    return {
      kind: "proposal-built",
      nowMs,
      height: HEIGHT,
      view: random.below(VIEWS),
      proposal: random.pick(PROPOSALS),
    };
  const verdict = random.pick(["valid", "valid", "bad", "missing"] as const);
  if (kind < 7) return { kind: "proposal-checked", nowMs, height: HEIGHT, blockHash, verdict };
  return { kind: "message", nowMs, clockMs: nowMs, message: makeMessage(random) };
}

function checkBounds(state: CoreState, effects: readonly Effect[]): void {
  assert.ok(state.requests.length <= KEPT_REQUESTS);
  for (const type of VOTE_TYPES)
    for (const slots of state.votes[type]) assert.ok(slots.length <= 2 * VIEW_SLOTS);
  assert.ok(state.changeViews.every((held) => held.length <= 2));
  for (const effect of effects) {
    if (effect.kind === "evidence") verifyEvidence(toyVerifier, SCOPE.chainId, effect.evidence, VALIDATORS);
    if (effect.kind === "send") decodeMessage(encodeMessage(effect.message));
    if (effect.kind === "persist") assert.ok(decodeDurable(encodeDurable(effect.durable)));
  }
}

test("the core survives validators that sign anything, with its own key as well", () => {
  let decided = 0;
  let passed = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const random = createRandom(seed);
    const { nodes } = makePuppets({ height: HEIGHT, hasWork: false });
    const own = random.below(COUNT);
    const { config, state } = nodes[own]!;
    const peer = nodes[(own + 1) % COUNT]!;
    let nowMs = 0;
    let view = 0;
    for (let i = 0; i < 100 && state.decision === undefined; i++) {
      nowMs += random.below(500);
      const input = makeInput(random, nowMs);
      const { effects, received } = step(config, state, input);
      checkBounds(state, effects);
      // Whoever passes on what it recorded is never blamed for it.
      if (received === "recorded" && peer.state.decision === undefined) {
        assert.notEqual(step(peer.config, peer.state, input).received, "invalid");
        passed++;
      }
      assert.ok(state.view >= view);
      view = state.view;
    }
    if (state.decision !== undefined) decided++;
    assert.ok(decodeDurable(encodeDurable(durableOf(state))));
  }
  assert.ok(decided > 0 && passed > 1000);
});
