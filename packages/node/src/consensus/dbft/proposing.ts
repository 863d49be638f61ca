/** Proposals and what follows from them: rules 1, 2, 5, 6 and 8. */
import {
  COMMIT,
  isCommitQuorum,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
} from "@lhg/protocol/core/block/certificate";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { assembleJustification, assemblePrepared, isJustified } from "./certificates.ts";
import { changeView } from "./changing.ts";
import type { AcceptedRequest, Core, CoreState, ProposalFacts, Recorded, Vote } from "./core.ts";
import { type Justification, MAX_PROPOSAL_BYTES, type PrepareRequest } from "./messages.ts";
import { hadEveryTurn, hasMutation, isPrimary, primaryOf, quorum } from "./quorum.ts";
import { requestRecovery } from "./recovery.ts";
import { findProposal, findRequest, isSameRequest, keepRequest } from "./requests.ts";
import { enterView, extendView } from "./timers.ts";
import { castVote, hasVoted, recordVote, votesOf } from "./votes.ts";

/** Rule 5, the primary: in view 0 when there is work; later with M ChangeViews, the highest certificate's block or a new one. */
export function proposeIfDue(core: Core): boolean {
  const { state } = core;
  const { view } = state;
  if (!isPrimary(state) || !state.hasWork || state.building?.view === view) return false;
  if (hasVoted(state, PREPARE_REQUEST, view)) return false;
  if (view === 0) return requestBuild(core, null);
  const justification = justifyProposal(core);
  if (justification === undefined) return false;
  if (justification.certificate === null) return requestBuild(core, justification);
  const { blockHash } = justification.certificate;
  const proposal = findProposal(state, blockHash);
  assertInvariant(proposal !== undefined, "a justification is chosen among known proposals");
  sendRequest(core, blockHash, proposal, justification);
  return true;
}

/**
 * M ChangeViews whose certified blocks are at hand. Any M are safe; a certificate whose block nobody can show (its M - F honest
 * preparers all lost it, none committed) must not stop the chain, so it is waited for only while there is no other choice.
 */
function justifyProposal(core: Core): Justification | undefined {
  const { state } = core;
  const entries = state.changeViews.flatMap((held) => held.slice(0, 1));
  const here = entries.filter((entry) => entry.vote.view === state.view);
  const isAtHand = (hash: Uint8Array | undefined): boolean =>
    hash === undefined || findProposal(state, hash) !== undefined;
  const usable = here.filter((entry) => isAtHand(entry.certificate?.blockHash));
  const justification = assembleJustification(core, usable);
  if (justification !== undefined || here.length < quorum(core)) return justification;
  const wanted = here.find((entry) => !usable.includes(entry))!.certificate!.blockHash;
  if (state.wantedHash === undefined || !equalBytes(state.wantedHash, wanted)) {
    state.wantedHash = wanted;
    requestRecovery(core);
  }
  return undefined;
}

function requestBuild(core: Core, justification: Justification | null): boolean {
  const { state } = core;
  state.building = { view: state.view, justification };
  const { height, view } = state;
  core.effects.push({ kind: "build-proposal", height, view, usesParentTime: hadEveryTurn(state) });
  return true;
}

/** The driver built what `build-proposal` asked for; ignored if the core moved on meanwhile. */
export function takeBuiltProposal(core: Core, height: number, view: number, proposal: Uint8Array): void {
  const { state } = core;
  const { building } = state;
  if (state.decision !== undefined || height !== state.height) return;
  if (building === undefined || building.view !== view || view !== state.view) return;
  if (hasVoted(state, PREPARE_REQUEST, view)) return;
  const facts = core.config.openProposal(proposal);
  assertInvariant(proposal.length <= MAX_PROPOSAL_BYTES, "an own proposal fits a message");
  assertInvariant(facts !== undefined && isPlaced(state, facts), "an own proposal follows its parent");
  sendRequest(core, facts.blockHash, proposal, building.justification);
}

function sendRequest(
  core: Core,
  blockHash: Uint8Array,
  proposal: Uint8Array,
  justification: Justification | null,
): void {
  const { state } = core;
  const { height, view, ownIndex } = state;
  const { signature } = castVote(core, PREPARE_REQUEST, view, blockHash);
  const message = { height, view, validatorIndex: ownIndex, blockHash, signature, proposal, justification };
  const certified = justification !== null && justification.certificate !== null;
  keepRequest(state, { message, certified, check: certified ? "pending" : "valid" });
  core.effects.push({ kind: "send", to: "all", message: { type: "prepare-request", body: message } });
  if (certified) requestCheck(core, message, certified);
}

function requestCheck(core: Core, message: PrepareRequest, certified: boolean): void {
  const { height, view, blockHash, proposal } = message;
  core.effects.push({ kind: "check-proposal", height, view, blockHash, proposal, certified });
}

/** Height, parent and order in time; the clock is no part of it. */
function isPlaced(state: CoreState, facts: ProposalFacts): boolean {
  return (
    facts.height === state.height &&
    facts.timeMs > state.parentTimeMs &&
    equalBytes(facts.parentHash, state.parentHash)
  );
}

/** |t - clock| <= maxDrift or t = parent + 1: no clock, however wrong, can stop the chain. */
function isTimely(core: Core, timeMs: number): boolean {
  if (timeMs === core.state.parentTimeMs + 1 || core.clockMs === undefined) return true;
  return Math.abs(timeMs - core.clockMs) <= core.config.maxDriftMs;
}

/** Checks a proposal from the network and, if it is justified, accepts it as the one of its view. */
export function receiveRequest(core: Core, message: PrepareRequest): Recorded {
  const { state, config } = core;
  const { view, validatorIndex, blockHash, justification } = message;
  if (validatorIndex !== primaryOf(state, view)) return "invalid";
  const recorded = recordVote(core, PREPARE_REQUEST, validatorIndex, message);
  if (recorded === "invalid" || recorded === "dropped") return recorded;
  const accepted = findRequest(state, view)?.message;
  if (accepted !== undefined && isSameRequest(accepted, message)) return "held";
  if (view < state.view || accepted !== undefined) return "dropped";
  if (!isJustified(core, view, blockHash, justification)) return "invalid";
  const facts = config.openProposal(message.proposal);
  if (facts === undefined || !equalBytes(facts.blockHash, blockHash)) return "invalid";
  if (view > state.view) enterView(core, view);
  return acceptRequest(core, message, facts) ? "recorded" : "dropped";
}

function acceptRequest(core: Core, message: PrepareRequest, facts: ProposalFacts): boolean {
  const { state } = core;
  const { view, blockHash, justification } = message;
  const own = state.ownIndex < 0 ? [] : votesOf(state, PREPARE_RESPONSE, state.ownIndex, view);
  const voted = own.some((vote) => equalBytes(vote.blockHash, blockHash));
  // Voted for another proposal of this view before a crash: this one cannot be helped any more.
  if (own.length > 0 && !voted) return false;
  const certified = justification !== null && justification.certificate !== null;
  const sound = isPlaced(state, facts) && (certified || voted || isTimely(core, facts.timeMs));
  keepRequest(state, { message, certified, check: sound ? "pending" : "rejected" });
  if (sound) requestCheck(core, message, certified);
  return true;
}

export function takeVerdict(core: Core, blockHash: Uint8Array, verdict: "valid" | "bad" | "missing"): void {
  const { state } = core;
  const request = findRequest(state, state.view);
  if (request === undefined || request.check !== "pending") return;
  if (!equalBytes(request.message.blockHash, blockHash)) return;
  if (verdict === "missing") {
    extendView(core);
    core.effects.push({ kind: "fetch-statements", blockHash, from: holdersOf(core, request) });
  } else request.check = verdict === "valid" ? "valid" : "rejected";
}

/** Who has the statements: the primary, and whoever prepared the block in this view. */
function holdersOf(core: Core, request: AcceptedRequest): number[] {
  const { state } = core;
  const { view, blockHash, validatorIndex } = request.message;
  const prepared = [...state.validators.keys()].filter((i) => {
    const votes = votesOf(state, PREPARE_RESPONSE, i, view);
    return votes.some((vote) => equalBytes(vote.blockHash, blockHash));
  });
  return [...new Set([validatorIndex, ...prepared])].filter((i) => i !== state.ownIndex);
}

/** A backup's PrepareResponse to a proposal found valid. */
export function respondIfValid(core: Core): boolean {
  const { state } = core;
  const request = findRequest(state, state.view);
  if (request?.check !== "valid" || isPrimary(state) || hasVoted(state, PREPARE_RESPONSE, state.view))
    return false;
  sendVote(core, PREPARE_RESPONSE, state.view, request.message.blockHash);
  return true;
}

/** A bad proposal is left at once, as waiting would gain nothing; but validators that keep disagreeing must not spin. */
export function leaveIfRejected(core: Core): boolean {
  const { state } = core;
  if (findRequest(state, state.view)?.check !== "rejected" || hadEveryTurn(state)) return false;
  changeView(core, state.view + 1);
  return true;
}

/** Rule 2: M prepares, the request among them: keep the certificate and the block, then commit. */
export function commitIfPrepared(core: Core): boolean {
  const { state } = core;
  const request = hasMutation(core, "vote-below-view")
    ? state.requests.find(
        (held) => !hasVoted(state, COMMIT, held.message.view) && assemblePrepared(core, held),
      )
    : findRequest(state, state.view);
  if (request?.check !== "valid" || hasVoted(state, COMMIT, request.message.view)) return false;
  const certificate = assemblePrepared(core, request);
  if (certificate === undefined) return false;
  state.prepared = { certificate, proposal: request.message.proposal };
  sendVote(core, COMMIT, certificate.view, certificate.blockHash);
  return true;
}

function sendVote(
  core: Core,
  type: typeof PREPARE_RESPONSE | typeof COMMIT,
  view: number,
  blockHash: Uint8Array,
): void {
  const { height, ownIndex } = core.state;
  const { signature } = castVote(core, type, view, blockHash);
  const body = { height, view, validatorIndex: ownIndex, blockHash, signature };
  const message =
    type === COMMIT ? { type: "commit" as const, body } : { type: "prepare-response" as const, body };
  core.effects.push({ kind: "send", to: "all", message });
}

/** Rule 6: M commits of one (view, hash) decide, whatever view this validator is in. */
export function decideIfCommitted(core: Core): boolean {
  for (;;) {
    const fresh = core.freshCommits.pop();
    if (fresh === undefined) return false;
    if (decideOn(core, fresh)) return true;
  }
}

function decideOn(core: Core, { view, blockHash }: Vote): boolean {
  const { state } = core;
  const signatures: { validatorIndex: number; signature: Uint8Array }[] = [];
  const anyView = hasMutation(core, "commits-across-views");
  for (let i = 0; i < state.validators.length; i++) {
    const vote = state.votes[COMMIT][i]!.find(
      (held) => (anyView || held.view === view) && equalBytes(held.blockHash, blockHash),
    );
    if (vote !== undefined) signatures.push({ validatorIndex: i, signature: vote.signature });
  }
  if (!isDecisive(core, signatures)) return false;
  const certificate = { view, signatures };
  state.decision = { view, blockHash, certificate, proposal: findProposal(state, blockHash) };
  core.effects.push({ kind: "decide", height: state.height, ...state.decision });
  return true;
}

function isDecisive(core: Core, signatures: readonly { readonly validatorIndex: number }[]): boolean {
  if (hasMutation(core, "quorum-minus-one")) return signatures.length >= quorum(core);
  return isCommitQuorum(
    core.state.validators,
    signatures.map((entry) => entry.validatorIndex),
  );
}
