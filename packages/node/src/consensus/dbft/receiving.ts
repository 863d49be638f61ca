/** Messages from the network: by height first, then by type; a RecoveryMessage is taken apart into its signed parts. */
import {
  COMMIT,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  type VoteType,
} from "@lhg/protocol/core/block/certificate";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { recordChangeView } from "./changing.ts";
import type { Core, Received, Recorded } from "./core.ts";
import type {
  ChangeViewVote,
  Message,
  PreparedCertificate,
  RecoveryMessage,
  VoteMessage,
} from "./messages.ts";
import { receiveRequest } from "./proposing.ts";
import { primaryOf, quorum } from "./quorum.ts";
import { answerRecovery, tellDecision } from "./recovery.ts";
import { isAbsent, noteAlive, noteWork } from "./timers.ts";
import { isChangeViewSigned, isVoteSigned, recordVote } from "./votes.ts";

export function receiveMessage(core: Core, message: Message): Received {
  const { state, effects } = core;
  const { height } = message.body;
  if (height > state.height) {
    effects.push({ kind: "ahead", height });
    return "ahead";
  }
  if (height < state.height || state.decision !== undefined) {
    // Late votes for a decided block are normal; these three come from validators that still try to decide it.
    const isTrying = ["change-view", "recovery-request", "recovery-message"].includes(message.type);
    if (isTrying) effects.push({ kind: "peer-behind", height });
    if (height === state.height) {
      noteLate(core, message);
      if (isTrying && !isDecided(core, message)) tellDecision(core);
    }
    return "behind";
  }
  const recorded = receiveCurrent(core, message);
  if (recorded === "invalid") effects.push({ kind: "invalid", reason: `dbft.${message.type}` });
  if (recorded === "recorded" && message.type !== "recovery-request") noteWork(core);
  return recorded;
}

/** Its sender tells the decision too: the commits of one (view, hash), and enough of them. Answering would go on for ever. */
function isDecided(core: Core, { type, body }: Message): boolean {
  if (type !== "recovery-message" || body.commits.length < quorum(core)) return false;
  const first = body.commits[0]!;
  return body.commits.every(
    (vote) => vote.view === first.view && equalBytes(vote.blockHash, first.blockHash),
  );
}

/** Rule 7': a slow validator's votes may all come after the decision; they show that it is there. */
function noteLate(core: Core, message: Message): void {
  const { state } = core;
  const signer = message.type === "change-view" ? message.body.vote : message.body;
  if (!("validatorIndex" in signer) || signer.validatorIndex >= state.validators.length) return;
  const { validatorIndex } = signer;
  if (!isAbsent(state, validatorIndex)) return;
  const isSigned = (type: VoteType, vote: VoteMessage): boolean =>
    isVoteSigned(core, type, validatorIndex, vote);
  if (
    (message.type === "prepare-request" && isSigned(PREPARE_REQUEST, message.body)) ||
    (message.type === "prepare-response" && isSigned(PREPARE_RESPONSE, message.body)) ||
    (message.type === "commit" && isSigned(COMMIT, message.body)) ||
    (message.type === "change-view" && isChangeViewSigned(core, message.body.vote))
  )
    noteAlive(core, validatorIndex);
}

function receiveCurrent(core: Core, message: Message): Recorded {
  const { body } = message;
  const isKnown = (index: number): boolean => index < core.state.validators.length;
  switch (message.type) {
    case "prepare-request":
      return isKnown(message.body.validatorIndex) ? receiveRequest(core, message.body) : "invalid";
    case "prepare-response":
      return receiveVote(core, PREPARE_RESPONSE, message.body);
    case "commit":
      return receiveVote(core, COMMIT, message.body);
    case "change-view":
      return receiveChangeView(core, message.body.vote, message.body.certificate);
    case "recovery-request":
      return isKnown(message.body.validatorIndex) ? answerRecovery(core, message.body) : "invalid";
    case "recovery-message":
      return receiveRecovery(core, body as RecoveryMessage);
  }
}

function receiveVote(core: Core, type: VoteType, vote: RecoveryMessage["commits"][number]): Recorded {
  const { state } = core;
  if (vote.validatorIndex >= state.validators.length) return "invalid";
  if (type === PREPARE_RESPONSE && vote.validatorIndex === primaryOf(state, vote.view)) return "invalid";
  return recordVote(core, type, vote.validatorIndex, vote);
}

function receiveChangeView(
  core: Core,
  vote: ChangeViewVote,
  certificate: PreparedCertificate | null,
): Recorded {
  if (vote.validatorIndex >= core.state.validators.length || vote.view === 0) return "invalid";
  return recordChangeView(core, vote, certificate);
}

/** Stops at the first invalid part: an attacker pays one connection's score per wrong signature. */
function receiveRecovery(core: Core, message: RecoveryMessage): Recorded {
  const parts: (() => Recorded)[] = [
    ...message.changeViews.map((vote) => () => receiveChangeView(core, vote, certificateFor(vote, message))),
    ...message.responses.map((vote) => () => receiveVote(core, PREPARE_RESPONSE, vote)),
    ...message.commits.map((vote) => () => receiveVote(core, COMMIT, vote)),
    () => receiveRecoveredRequest(core, message),
    () => takeWantedProposal(core, message.wantedProposal),
  ];
  let isNew = false;
  let isJudged = true;
  for (const part of parts) {
    const recorded = part();
    if (recorded === "invalid") return "invalid";
    if (recorded === "recorded") isNew = true;
    if (recorded === "dropped") isJudged = false;
  }
  if (isNew) noteWork(core);
  if (!isJudged) return "dropped";
  return isNew ? "recorded" : "held";
}

function certificateFor(vote: ChangeViewVote, message: RecoveryMessage): PreparedCertificate | null {
  const { prepared } = vote;
  if (prepared === null) return null;
  const found = message.certificates.find(
    (certificate) =>
      certificate.view === prepared.view && equalBytes(certificate.blockHash, prepared.blockHash),
  );
  return found ?? null;
}

function receiveRecoveredRequest(core: Core, { request, height }: RecoveryMessage): Recorded {
  if (request === null) return "held";
  const isSound = request.height === height && request.validatorIndex < core.state.validators.length;
  return isSound ? receiveRequest(core, request) : "invalid";
}

function takeWantedProposal(core: Core, proposal: Uint8Array | null): Recorded {
  const { state, config } = core;
  if (proposal === null) return "held";
  const facts = config.openProposal(proposal);
  if (facts === undefined) return "invalid";
  if (state.wantedHash === undefined || !equalBytes(facts.blockHash, state.wantedHash)) return "held";
  state.fetched = { blockHash: facts.blockHash, proposal };
  state.wantedHash = undefined;
  return "recorded";
}
