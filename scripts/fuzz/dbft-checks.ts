/** What a driver may rely on whatever the core was given: checked after every input. */

import { blockOf } from "../../packages/node/simulation/puppets.ts";
import { openProposal, toyVerifier } from "../../packages/node/simulation/toys.ts";
import type {
  CoreConfig,
  CoreState,
  Durable,
  Effect,
  Input,
} from "../../packages/node/src/consensus/dbft/core.ts";
import { decodeDurable, encodeDurable } from "../../packages/node/src/consensus/dbft/durable.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from "../../packages/node/src/consensus/dbft/messages.ts";
import { primaryIndex } from "../../packages/node/src/consensus/dbft/quorum.ts";
import { KEPT_REQUESTS } from "../../packages/node/src/consensus/dbft/requests.ts";
import { step } from "../../packages/node/src/consensus/dbft/step.ts";
import { VIEW_SLOTS, VOTE_TYPES } from "../../packages/node/src/consensus/dbft/votes.ts";
import {
  COMMIT,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  verifyCertificate,
} from "../../packages/protocol/src/core/block/certificate.ts";
import { verifyEvidence } from "../../packages/protocol/src/core/block/evidence.ts";
import { equalBytes, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { type Cast, HEIGHT, SCOPE } from "./dbft-messages.ts";
import { pick, type Random } from "./mutate.ts";

/** One validator, or an observer, at one height. */
export interface Run {
  readonly random: Random;
  readonly cast: Cast;
  readonly config: CoreConfig;
  state: CoreState;
  nowMs: number;
  /** What the driver wrote last. */
  durable: Durable | undefined;
  /** What this validator has sent, by height, type and view. */
  readonly votes: Map<string, string>;
  /** What the core asked the driver for and has not heard of yet. */
  readonly answers: Input[];
  /** What the core said: it comes back, as on any network. */
  readonly heard: Message[];
  /** What others send: all of the pool, or what concerns early views only. */
  readonly pool: readonly Message[];
  /** Messages change as they travel in this share of 8. */
  readonly damage: number;
}

/** One input, and a check of all that comes of it. `sound` says that it keeps to the protocol. */
export function feed(run: Run, input: Input, sound = false): void {
  const { config, state } = run;
  const { height, view } = state;
  const wasDecided = state.decision !== undefined && input.kind !== "start-height";
  const { effects } = step(config, state, input);
  assertInvariant(state.height > height || state.view >= view, "views rise");
  checkBounds(state);
  for (const [i, effect] of effects.entries()) {
    assertInvariant(!wasDecided || !isVoting(effect), "a decided height is at rest");
    if (effect.kind === "persist") {
      assertInvariant(i === 0, "what is durable is written before anything leaves");
      run.durable = decodeDurable(encodeDurable(effect.durable));
    } else checkEffect(run, effect);
    if (effect.kind === "send") noteSent(run, effect.message, effects[0]!);
    if (effect.kind === "invalid") assertInvariant(!sound, `${effect.reason} keeps to the protocol`);
  }
}

const VOTING: ReadonlySet<Effect["kind"]> = new Set(["persist", "send", "build-proposal", "decide"]);

/** Who still tries is told of the decision. */
function isVoting(effect: Effect): boolean {
  if (effect.kind === "send" && effect.message.type === "recovery-message") return false;
  return VOTING.has(effect.kind);
}

function checkBounds(state: CoreState): void {
  assertInvariant(state.requests.length <= KEPT_REQUESTS, "few proposals are kept");
  for (const type of VOTE_TYPES)
    for (const slots of state.votes[type])
      assertInvariant(slots.length <= 2 * VIEW_SLOTS, "few votes are kept");
  for (const held of state.changeViews) assertInvariant(held.length <= 2, "few ChangeViews are kept");
}

/** Every effect but `persist` is one that its receiver can use as it is; what asks for an answer is noted. */
function checkEffect(run: Run, effect: Exclude<Effect, { kind: "persist" }>): void {
  const { cast, state, answers, random, nowMs } = run;
  const { validators } = cast;
  const { height, ownIndex } = state;
  switch (effect.kind) {
    case "send":
      assertInvariant(ownIndex >= 0, "an observer is silent");
      if (effect.to !== "all") checkOthers(run, effect.to);
      break;
    case "set-timer":
      assertInvariant(effect.atMs === undefined || Number.isFinite(effect.atMs), "a timer has a time");
      break;
    case "build-proposal": {
      const { view } = effect;
      assertInvariant(primaryIndex(height, view, validators.length) === ownIndex, "the primary proposes");
      const proposal = height === HEIGHT ? pick(random, cast.proposals) : blockOf(height, "next");
      answers.push({ kind: "proposal-built", nowMs, height, view, proposal });
      break;
    }
    case "check-proposal": {
      const { blockHash, proposal } = effect;
      assertInvariant(equalBytes(openProposal(proposal)!.blockHash, blockHash), "a proposal is its block's");
      const verdict = pick(random, ["valid", "valid", "valid", "bad", "missing"] as const);
      answers.push({ kind: "proposal-checked", nowMs, height, blockHash, verdict });
      break;
    }
    case "fetch-statements":
      checkOthers(run, effect.from);
      answers.push({
        kind: "proposal-checked",
        nowMs,
        height,
        blockHash: effect.blockHash,
        verdict: "valid",
      });
      break;
    case "decide":
      verifyCertificate(toyVerifier, { ...SCOPE, height }, effect.blockHash, effect.certificate, validators);
      break;
    case "evidence":
      assertInvariant(effect.evidence.validatorIndex !== ownIndex, "nobody accuses itself");
      verifyEvidence(toyVerifier, SCOPE.chainId, effect.evidence, validators);
      break;
    case "peer-behind":
      assertInvariant(effect.height <= height, "who is behind is not ahead");
      break;
    case "ahead":
      assertInvariant(effect.height > height, "who is ahead is not behind");
      break;
    case "invalid":
      break;
  }
}

function checkOthers({ cast, state }: Run, to: readonly number[]): void {
  assertInvariant(new Set(to).size === to.length, "nobody is asked twice");
  const isOther = (i: number): boolean => i >= 0 && i < cast.validators.length && i !== state.ownIndex;
  assertInvariant(to.every(isOther), "others are asked");
}

/** What is sent decodes to itself; of each type and view one vote at most, durable before. */
function noteSent(run: Run, message: Message, first: Effect): void {
  const encoded = encodeMessage(message);
  const heard = decodeMessage(encoded);
  run.heard.push(heard);
  if (run.heard.length > 8) run.heard.shift();
  const vote = voteOf(message);
  if (vote === undefined) return;
  const { type, view, content } = vote;
  const key = `${message.body.height}/${type}/${view}`;
  assertInvariant((run.votes.get(key) ?? content) === content, `one vote of type ${type} in view ${view}`);
  run.votes.set(key, content);
  assertInvariant(first.kind === "persist", "an own vote is durable before it is sent");
  const { durable } = first;
  const isDurable =
    type === "change-view"
      ? durable.changeView?.vote.view === view
      : durable.votes.some(
          (held) => held.type === type && held.view === view && toHex(held.blockHash) === content,
        );
  assertInvariant(isDurable, "an own vote is in the record that is written before it is sent");
}

function voteOf(message: Message) {
  switch (message.type) {
    case "prepare-request":
      return { type: PREPARE_REQUEST, view: message.body.view, content: toHex(message.body.blockHash) };
    case "prepare-response":
      return { type: PREPARE_RESPONSE, view: message.body.view, content: toHex(message.body.blockHash) };
    case "commit":
      return { type: COMMIT, view: message.body.view, content: toHex(message.body.blockHash) };
    case "change-view": {
      const { view, prepared } = message.body.vote;
      const content = prepared === null ? "none" : `${prepared.view}/${toHex(prepared.blockHash)}`;
      return { type: message.type, view, content };
    }
    default:
      return undefined;
  }
}
