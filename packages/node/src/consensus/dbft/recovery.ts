/** Resending and answering: what keeps lost messages and restarts from stopping a height. */
import {
  COMMIT,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type VoteType,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { Core, HeldChangeView, Recorded, Vote } from "./core.ts";
import {
  MAX_CERTIFICATES,
  type PreparedCertificate,
  type RecoveryMessage,
  type RecoveryRequest,
} from "./messages.ts";
import { isPrimary, maxFaulty, scopeOf } from "./quorum.ts";
import { findProposal, findRequest } from "./requests.ts";
import { noteAlive } from "./timers.ts";
import { votesOf } from "./votes.ts";

/**
 * Asks F + 1 other validators, so an honest one, for what they know. The ring of those asked moves on each time: the one that holds
 * what is missing may be any.
 */
export function requestRecovery(core: Core): void {
  const { state, config } = core;
  const { height, view, ownIndex } = state;
  const others = state.validators.length - 1;
  if (others === 0) return;
  const to: number[] = [];
  for (let i = 0; i <= maxFaulty(state) && i < others; i++)
    to.push((ownIndex + 1 + ((state.recoveryOffset + i) % others)) % (others + 1));
  state.recoveryOffset = (state.recoveryOffset + maxFaulty(state) + 1) % others;
  const wantedHash = state.wantedHash ?? null;
  const signature = config.signing.sign(voteSignBytes(scopeOf(core), view, RECOVERY_REQUEST, wantedHash));
  const body = { height, view, validatorIndex: ownIndex, wantedHash, signature };
  core.effects.push({ kind: "send", to, message: { type: "recovery-request", body } });
}

/** Sends everything again that this validator voted for and that still counts. */
export function resendVotes(core: Core): void {
  const body = summarise(core, [core.state.ownIndex], isPrimary(core.state));
  if (!isEmpty(body))
    core.effects.push({ kind: "send", to: "all", message: { type: "recovery-message", body } });
}

/** Rule 7: every T the own votes go out again, and whoever lacks the proposal of its view asks for it. */
export function resend(core: Core): void {
  const { state } = core;
  state.resendAtMs = core.nowMs + core.config.baseTimeoutMs;
  resendVotes(core);
  if (state.wantedHash !== undefined || findRequest(state, state.view) === undefined) requestRecovery(core);
}

/**
 * Answers at most once in T / 2 per validator, so that a requester's own period of T is never missed. Requests for a block have a clock of
 * their own: somebody who replays the others must not keep a primary from the block it has to propose again.
 */
export function answerRecovery(core: Core, request: RecoveryRequest): Recorded {
  const { state, config, nowMs } = core;
  const { validatorIndex, view, wantedHash, signature } = request;
  const answeredAtMs = wantedHash === null ? state.repliedAtMs : state.suppliedAtMs;
  const lastMs = answeredAtMs[validatorIndex];
  const { consensusKey } = state.validators[validatorIndex]!;
  const signed = voteSignBytes(scopeOf(core), view, RECOVERY_REQUEST, wantedHash);
  // Before anything else: what is passed on unverified would be blamed on whoever passed it on.
  if (!config.signing.verify(consensusKey, signed, signature)) return "invalid";
  if (validatorIndex === state.ownIndex || state.ownIndex < 0) return "held";
  noteAlive(core, validatorIndex);
  if (lastMs !== undefined && 2 * (nowMs - lastMs) < config.baseTimeoutMs) return "held";
  answeredAtMs[validatorIndex] = nowMs;
  state.askedInView[validatorIndex] = Math.max(view, state.askedInView[validatorIndex]!);
  const summary = summarise(core, [...state.validators.keys()], view <= state.view);
  const wantedProposal = (wantedHash && findProposal(state, wantedHash)) ?? null;
  const body = { ...summary, wantedProposal };
  if (!isEmpty(body))
    core.effects.push({ kind: "send", to: [validatorIndex], message: { type: "recovery-message", body } });
  return "recorded";
}

/**
 * The commits that decided, to all, at most once in T / 2. A validator may have decided without the proposal; those who prepared it must
 * learn that it is decided, or nobody could give anybody the block.
 */
export function tellDecision(core: Core): void {
  const { state, config, nowMs, effects } = core;
  const { decision, toldAtMs } = state;
  if (decision === undefined || state.ownIndex < 0) return;
  if (toldAtMs !== undefined && 2 * (nowMs - toldAtMs) < config.baseTimeoutMs) return;
  state.toldAtMs = nowMs;
  const { view, blockHash, certificate } = decision;
  const commits = certificate.signatures.map((entry) => ({ ...entry, view, blockHash }));
  const body = { ...summarise(core, [], false), commits };
  effects.push({ kind: "send", to: "all", message: { type: "recovery-message", body } });
}

function isEmpty(body: RecoveryMessage): boolean {
  const { request, responses, commits, changeViews, wantedProposal } = body;
  return (
    request === null &&
    wantedProposal === null &&
    responses.length + commits.length + changeViews.length === 0
  );
}

/** The votes of these validators that still count. */
function summarise(core: Core, signers: readonly number[], withRequest: boolean): RecoveryMessage {
  const { state } = core;
  const { height, view } = state;
  const changeViews: HeldChangeView[] = [];
  for (const i of signers) {
    const entry = state.changeViews[i]![0];
    if (entry !== undefined && entry.vote.view >= view) changeViews.push(entry);
  }
  const listed = withCertificates(changeViews);
  const commitsOf = (i: number): readonly Vote[] =>
    i === state.ownIndex ? state.votes[COMMIT][i]! : latestVotes(core, COMMIT, i);
  return {
    height,
    request: (withRequest && findRequest(state, view)?.message) || null,
    responses: listVotes(signers, (i) => votesOf(state, PREPARE_RESPONSE, i, view)),
    commits: listVotes(signers, commitsOf),
    changeViews: listed.changeViews.map((entry) => entry.vote),
    certificates: listed.certificates,
    wantedProposal: null,
  };
}

function latestVotes(core: Core, type: VoteType, validator: number): readonly Vote[] {
  const view = core.state.votes[type][validator]!.at(-1)?.view;
  return view === undefined ? [] : votesOf(core.state, type, validator, view);
}

function listVotes(
  signers: readonly number[],
  votes: (validator: number) => readonly Vote[],
): (Vote & { readonly validatorIndex: number })[] {
  return signers.flatMap((validatorIndex) =>
    votes(validatorIndex).map((vote) => ({ validatorIndex, ...vote })),
  );
}

/** Each certificate once, however many ChangeViews claim it; ChangeViews beyond the bound of certificates are left out. */
function withCertificates(changeViews: readonly HeldChangeView[]): {
  changeViews: HeldChangeView[];
  certificates: PreparedCertificate[];
} {
  const certificates: PreparedCertificate[] = [];
  const included = changeViews.filter(({ certificate }) => {
    if (certificate === null) return true;
    const isListed = certificates.some(
      (held) => held.view === certificate.view && equalBytes(held.blockHash, certificate.blockHash),
    );
    if (!isListed && certificates.length === MAX_CERTIFICATES) return false;
    if (!isListed) certificates.push(certificate);
    return true;
  });
  return { changeViews: included, certificates };
}
