/**
 * The dBFT core: a pure function of a validator's state and one input. It has no clock, randomness or IO; the README beside states the
 * protocol rule by rule.
 */
import { COMMIT, PREPARE_REQUEST, PREPARE_RESPONSE } from "@lhg/protocol/core/block/certificate";
import { equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import { changeView, joinHigherView } from "./changing.ts";
import type { Core, CoreConfig, CoreState, Effect, Input, Received } from "./core.ts";
import { durableOf, restoreDurable } from "./durable.ts";
import {
  commitIfPrepared,
  decideIfCommitted,
  leaveIfRejected,
  proposeIfDue,
  respondIfValid,
  takeBuiltProposal,
  takeVerdict,
} from "./proposing.ts";
import { hasMutation } from "./quorum.ts";
import { receiveMessage } from "./receiving.ts";
import { requestRecovery, resend, resendVotes } from "./recovery.ts";
import { armTimer, keepAbsent, noteAbsence, noteWork, startViewTimer } from "./timers.ts";

export function createState(): CoreState {
  return {
    height: 0,
    epoch: 0,
    validators: [],
    ownIndex: -1,
    parentHash: ZERO32,
    parentTimeMs: 0,
    view: 0,
    hasWork: false,
    requests: [],
    votes: { [PREPARE_REQUEST]: [], [PREPARE_RESPONSE]: [], [COMMIT]: [] },
    changeViews: [],
    prepared: undefined,
    building: undefined,
    wantedHash: undefined,
    fetched: undefined,
    decision: undefined,
    viewDeadlineMs: undefined,
    resendAtMs: undefined,
    heartbeatAtMs: undefined,
    timerAtMs: undefined,
    extendedView: -1,
    repliedAtMs: [],
    suppliedAtMs: [],
    askedInView: [],
    toldAtMs: undefined,
    recoveryOffset: 0,
    absent: [],
    later: undefined,
  };
}

export interface StepResult {
  readonly state: CoreState;
  readonly effects: readonly Effect[];
  /** Of a `message` input only. */
  readonly received?: Received;
}

/** Takes the state over and returns it changed; `structuredClone` it first to keep the old one. */
export function step(config: CoreConfig, state: CoreState, input: Input): StepResult {
  const core: Core = {
    config,
    state,
    nowMs: input.nowMs,
    clockMs: input.kind === "message" ? input.clockMs : undefined,
    effects: [],
    durableChanged: false,
    freshCommits: [],
    received: undefined,
  };
  handleInput(core, input);
  if (state.height > 0 && state.decision === undefined) applyRules(core);
  if (state.decision !== undefined) {
    state.viewDeadlineMs = undefined;
    state.resendAtMs = undefined;
    state.heartbeatAtMs = undefined;
  } else startViewTimer(core);
  armTimer(core);
  const effects = withPersist(core);
  return core.received === undefined ? { state, effects } : { state, effects, received: core.received };
}

function handleInput(core: Core, input: Input): void {
  const { state } = core;
  if (input.kind === "start-height") startHeight(core, input);
  else if (input.kind === "message")
    core.received = state.height === 0 ? "ahead" : receiveMessage(core, input.message);
  else if (state.height === 0) return;
  else if (state.decision !== undefined) return;
  else if (input.kind === "work") noteWork(core);
  else if (input.kind === "timer") runTimer(core);
  else if (input.height !== state.height) return;
  else if (input.kind === "proposal-built") takeBuiltProposal(core, input.height, input.view, input.proposal);
  else takeVerdict(core, input.blockHash, input.verdict);
}

/** Applies every rule whose condition holds, until none does. Each one casts a vote or raises the view, so this ends. */
function applyRules(core: Core): void {
  for (;;) {
    if (decideIfCommitted(core) || core.state.ownIndex < 0) return;
    const applied =
      respondIfValid(core) ||
      commitIfPrepared(core) ||
      joinHigherView(core) ||
      leaveIfRejected(core) ||
      proposeIfDue(core);
    if (!applied) return;
  }
}

/** Persist before send: own votes are durable before anything that depends on them leaves. */
function withPersist(core: Core): readonly Effect[] {
  const { state, effects } = core;
  if (!core.durableChanged || state.ownIndex < 0 || hasMutation(core, "no-persistence")) return effects;
  return [{ kind: "persist", durable: durableOf(state) }, ...effects];
}

function startHeight(core: Core, input: Extract<Input, { kind: "start-height" }>): void {
  const { state, config, nowMs } = core;
  assertInvariant(input.height > state.height, "heights rise");
  assertInvariant(input.validators.length > 0, "a height has validators");
  const { consensusKey } = config;
  const durable = input.restart === undefined ? state.later : input.restart.durable;
  const isLater = durable !== undefined && durable.height > input.height;
  const sitsOut = consensusKey === undefined || input.sitsOut === true || isLater;
  const slots = (): [][] => input.validators.map(() => []);
  Object.assign(state, createState(), {
    height: input.height,
    epoch: input.epoch,
    validators: input.validators,
    ownIndex: sitsOut
      ? -1
      : input.validators.findIndex((validator) => equalBytes(validator.consensusKey, consensusKey)),
    parentHash: input.parentHash,
    parentTimeMs: input.parentTimeMs,
    votes: { [PREPARE_REQUEST]: slots(), [PREPARE_RESPONSE]: slots(), [COMMIT]: slots() },
    changeViews: slots(),
    repliedAtMs: input.validators.map(() => undefined),
    suppliedAtMs: input.validators.map(() => undefined),
    askedInView: input.validators.map(() => 0),
    timerAtMs: state.timerAtMs,
    absent: keepAbsent(state, input.validators),
    later: durable !== undefined && durable.height > input.height ? durable : undefined,
  });
  if (state.ownIndex < 0) return;
  state.heartbeatAtMs = nowMs + config.heartbeatMs;
  if (input.hasWork) noteWork(core);
  if (durable?.height === input.height) restoreDurable(core, durable);
  else if (input.restart === undefined) return;
  resendVotes(core);
  requestRecovery(core);
}

function runTimer(core: Core): void {
  const { state, nowMs } = core;
  // A timer that was set before this validator left the set.
  if (state.ownIndex < 0) return;
  const isDue = (deadlineMs: number | undefined): boolean => deadlineMs !== undefined && nowMs >= deadlineMs;
  if (isDue(state.heartbeatAtMs)) noteWork(core);
  if (isDue(state.viewDeadlineMs)) {
    noteAbsence(core);
    changeView(core, state.view + 1);
  }
  if (isDue(state.resendAtMs)) resend(core);
  // The driver's timer has fired: arm it anew even if the next deadline is the one it knew.
  state.timerAtMs = undefined;
}
