/** Deadlines. One timer of the driver wakes the core at the earliest of them. */
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { Core, CoreState, Validator } from "./core.ts";
import { hadEveryTurn, primaryOf, quorum } from "./quorum.ts";
import { findRequest } from "./requests.ts";

/** An absentee's view lasts T / 4, but no less than a proposal takes on a slow machine. */
const ABSENT_TIMEOUT_MS_MIN = 50;

/** Rule 7: T << (view + 1), capped; rule 7': a quarter of T for a repeated absentee's view among the first N. */
function viewTimeoutMs({ state, config }: Core): number {
  const fullMs = Math.min(config.baseTimeoutMs * 2 ** Math.min(state.view + 1, 30), config.maxTimeoutMs);
  if (hadEveryTurn(state) || !isAbsent(state, primaryOf(state, state.view))) return fullMs;
  return Math.min(fullMs, Math.max(config.baseTimeoutMs / 4, ABSENT_TIMEOUT_MS_MIN));
}

export function isAbsent(state: CoreState, validator: number): boolean {
  const { consensusKey } = state.validators[validator]!;
  return state.absent.some((key) => equalBytes(key, consensusKey));
}

/** Rule 7': a view ended by its timer without a proposal. */
export function noteAbsence({ state }: Core): void {
  const primary = primaryOf(state, state.view);
  if (primary === state.ownIndex || findRequest(state, state.view) !== undefined) return;
  if (!isAbsent(state, primary)) state.absent = [...state.absent, state.validators[primary]!.consensusKey];
}

/** Something that this validator signed was verified: it is owed its full time, in the current view too. */
export function noteAlive(core: Core, validator: number): void {
  const { state } = core;
  if (state.absent.length === 0 || !isAbsent(state, validator)) return;
  const { consensusKey } = state.validators[validator]!;
  const beforeMs = viewTimeoutMs(core);
  state.absent = state.absent.filter((key) => !equalBytes(key, consensusKey));
  if (state.viewDeadlineMs !== undefined) state.viewDeadlineMs += viewTimeoutMs(core) - beforeMs;
}

/** Who leaves the set is forgotten, so there are never more absentees than validators. */
export function keepAbsent({ absent }: CoreState, validators: readonly Validator[]): Uint8Array[] {
  return absent.filter((key) => validators.some((entry) => equalBytes(entry.consensusKey, key)));
}

/** Moves to a higher view: the votes of this validator in lower views are closed for ever. */
export function enterView(core: Core, view: number): void {
  const { state, config, nowMs } = core;
  state.view = view;
  state.building = undefined;
  state.wantedHash = undefined;
  state.hasWork = true;
  state.heartbeatAtMs = undefined;
  state.viewDeadlineMs = undefined;
  state.resendAtMs = nowMs + config.baseTimeoutMs;
  core.durableChanged = true;
}

/** There is something to decide: a quiet height gets its view timer. Until then an idle chain changes no view. */
export function noteWork(core: Core): void {
  const { state, config, nowMs } = core;
  if (state.hasWork || state.ownIndex < 0) return;
  state.hasWork = true;
  state.heartbeatAtMs = undefined;
  state.resendAtMs = nowMs + config.baseTimeoutMs;
}

/**
 * Rule 7: the timer of a view above 0 runs only once M validators are known to have come as far. A validator that was cut off would
 * otherwise run ahead of the others, and with capped timers they would never meet again.
 */
export function startViewTimer(core: Core): void {
  const { state, nowMs } = core;
  if (!state.hasWork || state.ownIndex < 0 || state.viewDeadlineMs !== undefined) return;
  if (isViewReached(core)) state.viewDeadlineMs = nowMs + viewTimeoutMs(core);
}

/**
 * By a justified proposal, which M validators left for, or by what each of M signed in this view or a higher one. One that followed a
 * proposal here and restarted has neither: it asks for recovery.
 */
function isViewReached(core: Core): boolean {
  const { state } = core;
  const { view, ownIndex } = state;
  if (view === 0 || findRequest(state, view) !== undefined) return true;
  const isThere = (validator: number): boolean =>
    validator === ownIndex ||
    state.askedInView[validator]! >= view ||
    (state.changeViews[validator]![0]?.vote.view ?? -1) >= view ||
    Object.values(state.votes).some((slots) => (slots[validator]!.at(-1)?.view ?? -1) >= view);
  let count = 0;
  for (let i = 0; i < state.validators.length; i++) if (isThere(i)) count++;
  return count >= quorum(core);
}

/** Rule 8: statements are being fetched; the view waits once for as long again. */
export function extendView(core: Core): void {
  const { state, nowMs } = core;
  if (state.extendedView === state.view || state.viewDeadlineMs === undefined) return;
  state.extendedView = state.view;
  state.viewDeadlineMs = Math.max(state.viewDeadlineMs, nowMs + viewTimeoutMs(core));
}

/** Tells the driver when to wake the core next, if that changed. */
export function armTimer(core: Core): void {
  const { state } = core;
  const deadlines = [state.viewDeadlineMs, state.resendAtMs, state.heartbeatAtMs];
  const pending = deadlines.filter((deadline) => deadline !== undefined);
  const atMs = state.ownIndex < 0 || pending.length === 0 ? undefined : Math.min(...pending);
  if (atMs === state.timerAtMs) return;
  state.timerAtMs = atMs;
  core.effects.push({ kind: "set-timer", atMs });
}
