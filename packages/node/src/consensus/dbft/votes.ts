/**
 * Votes as kept: per type and validator at most `VIEW_SLOTS` views, the highest ones, and per view at most two block hashes. A validator
 * can fill only its own slots. Keeping both votes of an equivocator makes counting independent of the order of arrival and is the evidence.
 */
import {
  type CHANGE_VIEW,
  COMMIT,
  changeViewSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  type VoteType,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import type { EvidenceVote } from "@lhg/protocol/core/block/evidence";
import { compareBytes, equalBytes } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import type { Core, CoreState, Recorded, Vote } from "./core.ts";
import type { ChangeViewVote } from "./messages.ts";
import { hasMutation, scopeOf } from "./quorum.ts";
import { enterView, noteAlive } from "./timers.ts";

/** Commits of older views may be dropped: the highest certificate brings a block they could have decided back. */
export const VIEW_SLOTS = 8;

export const VOTE_TYPES: readonly VoteType[] = [PREPARE_REQUEST, PREPARE_RESPONSE, COMMIT];

export function votesOf(state: CoreState, type: VoteType, validator: number, view: number): Vote[] {
  return state.votes[type][validator]!.filter((vote) => vote.view === view);
}

function findVote(
  state: CoreState,
  type: VoteType,
  validator: number,
  view: number,
  blockHash: Uint8Array,
): Vote | undefined {
  return state.votes[type][validator]!.find(
    (vote) => vote.view === view && equalBytes(vote.blockHash, blockHash),
  );
}

export function hasVoted(state: CoreState, type: VoteType, view: number): boolean {
  return state.ownIndex >= 0 && votesOf(state, type, state.ownIndex, view).length > 0;
}

/** Whether a vote would find a place: not held yet, not a third hash of its view, not below full slots. */
function hasPlace(slots: readonly Vote[], view: number): boolean {
  const views = new Set(slots.map((vote) => vote.view));
  if (views.has(view)) return slots.filter((vote) => vote.view === view).length < 2;
  return views.size < VIEW_SLOTS || view > slots[0]!.view;
}

/** Keeps slots ascending by view and drops the lowest view when there are too many. */
function insertVote(slots: Vote[], vote: Vote): void {
  const views = new Set(slots.map((held) => held.view));
  const at = slots.findIndex((held) => held.view > vote.view);
  slots.splice(at < 0 ? slots.length : at, 0, vote);
  if (views.has(vote.view) || views.size < VIEW_SLOTS) return;
  const lowest = slots[0]!.view;
  slots.splice(0, slots.filter((held) => held.view === lowest).length);
}

/**
 * Checks and records a vote from the network; a conflicting one becomes evidence. Of a known vote another signature is no second vote, but
 * it is checked: the owner of a key can make as many that are valid as it likes, and who passes on one of them is not to blame.
 */
export function recordVote(core: Core, type: VoteType, validator: number, vote: Vote): Recorded {
  const { state } = core;
  const slots = state.votes[type][validator]!;
  if (findVote(state, type, validator, vote.view, vote.blockHash) !== undefined)
    return isVoteSigned(core, type, validator, vote) ? "held" : "invalid";
  if (!hasPlace(slots, vote.view)) return "dropped";
  if (!isVoteSigned(core, type, validator, vote)) return "invalid";
  noteAlive(core, validator);
  const rival = votesOf(state, type, validator, vote.view)[0];
  insertVote(slots, { view: vote.view, blockHash: vote.blockHash, signature: vote.signature });
  if (type === COMMIT) core.freshCommits.push(vote);
  if (validator === state.ownIndex) keepToOwnVote(core, vote.view);
  else if (rival !== undefined)
    accuse(core, type, validator, vote.view, evidenceVote(rival), evidenceVote(vote));
  return "recorded";
}

/** An own vote learnt from the network was cast before the durable record was lost: behave as if it had been kept. */
export function keepToOwnVote(core: Core, view: number): void {
  core.durableChanged = true;
  if (view > core.state.view) enterView(core, view);
}

function evidenceVote(vote: Vote): EvidenceVote {
  return { blockHash: vote.blockHash, preparedView: null, signature: vote.signature };
}

/** Evidence of two votes that differ, in the order of their contents: whoever saw the two, in whatever order, writes the same bytes. */
export function accuse(
  core: Core,
  type: VoteType | typeof CHANGE_VIEW,
  validatorIndex: number,
  view: number,
  one: EvidenceVote,
  other: EvidenceVote,
): void {
  const { epoch, height } = core.state;
  const [first, second] = isBefore(one, other) ? [one, other] : [other, one];
  core.effects.push({
    kind: "evidence",
    evidence: { epoch, height, view, type, validatorIndex, first, second },
  });
}

function isBefore(a: EvidenceVote, b: EvidenceVote): boolean {
  if (a.blockHash === null || b.blockHash === null) return a.blockHash === null;
  const order = compareBytes(a.blockHash, b.blockHash);
  return order === 0 ? (a.preparedView ?? 0) < (b.preparedView ?? 0) : order < 0;
}

/** Signs and records an own vote; the caller sends it. Rule 1: one vote of a type per view, and only in the current view. */
export function castVote(core: Core, type: VoteType, view: number, blockHash: Uint8Array): Vote {
  const { state } = core;
  assertInvariant(!hasVoted(state, type, view), "a validator votes once per type and view");
  assertInvariant(
    view === state.view || hasMutation(core, "vote-below-view"),
    "a validator votes in its view only",
  );
  const signature = core.config.signing.sign(voteSignBytes(scopeOf(core), view, type, blockHash));
  const vote: Vote = { view, blockHash, signature };
  insertVote(state.votes[type][state.ownIndex]!, vote);
  if (type === COMMIT) core.freshCommits.push(vote);
  core.durableChanged = true;
  return vote;
}

/** Verifies a vote, or recognises one that was verified before. */
export function isVoteSigned(core: Core, type: VoteType, validator: number, vote: Vote): boolean {
  const { state, config } = core;
  const held = findVote(state, type, validator, vote.view, vote.blockHash);
  if (held !== undefined && equalBytes(held.signature, vote.signature)) return true;
  return config.signing.verify(
    state.validators[validator]!.consensusKey,
    voteSignBytes(scopeOf(core), vote.view, type, vote.blockHash),
    vote.signature,
  );
}

export function signChangeView(
  core: Core,
  view: number,
  prepared: ChangeViewVote["prepared"],
): ChangeViewVote {
  const signature = core.config.signing.sign(changeViewBytes(core, view, prepared));
  return { validatorIndex: core.state.ownIndex, view, prepared, signature };
}

export function isChangeViewSigned(core: Core, vote: ChangeViewVote): boolean {
  const held = core.state.changeViews[vote.validatorIndex]![0]?.vote;
  if (held !== undefined && isSameChangeView(held, vote) && equalBytes(held.signature, vote.signature))
    return true;
  return core.config.signing.verify(
    core.state.validators[vote.validatorIndex]!.consensusKey,
    changeViewBytes(core, vote.view, vote.prepared),
    vote.signature,
  );
}

export function isSameChangeView(a: ChangeViewVote, b: ChangeViewVote): boolean {
  if (a.view !== b.view) return false;
  if (a.prepared === null || b.prepared === null) return a.prepared === b.prepared;
  return a.prepared.view === b.prepared.view && equalBytes(a.prepared.blockHash, b.prepared.blockHash);
}

function changeViewBytes(core: Core, view: number, prepared: ChangeViewVote["prepared"]): Uint8Array {
  const signed = hasMutation(core, "unsigned-prepared-fields") ? null : prepared;
  return changeViewSignBytes(scopeOf(core), view, signed);
}
