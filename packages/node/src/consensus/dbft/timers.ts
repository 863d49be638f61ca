/** Deadlines. One timer of the driver wakes the core at the earliest of them. */
import type { Core, CoreConfig } from "./core.ts";

/** Rule 7: T << (view + 1), capped. */
function viewTimeoutMs(config: CoreConfig, view: number): number {
  return Math.min(config.baseTimeoutMs * 2 ** Math.min(view + 1, 30), config.maxTimeoutMs);
}

/** Moves to a higher view: the votes of this validator in lower views are closed for ever. */
export function enterView(core: Core, view: number): void {
  const { state, config, nowMs } = core;
  state.view = view;
  state.building = undefined;
  state.wantedHash = undefined;
  state.hasWork = true;
  state.heartbeatAtMs = undefined;
  state.viewDeadlineMs = nowMs + viewTimeoutMs(config, view);
  state.resendAtMs = nowMs + config.baseTimeoutMs;
  core.durableChanged = true;
}

/** There is something to decide: a quiet height gets its view timer. Until then an idle chain changes no view. */
export function noteWork(core: Core): void {
  const { state, config, nowMs } = core;
  if (state.hasWork) return;
  state.hasWork = true;
  state.heartbeatAtMs = undefined;
  state.viewDeadlineMs = nowMs + viewTimeoutMs(config, state.view);
  state.resendAtMs = nowMs + config.baseTimeoutMs;
}

/** Rule 8: statements are being fetched; the view waits once for as long again. */
export function extendView(core: Core): void {
  const { state, config, nowMs } = core;
  if (state.extendedView === state.view || state.viewDeadlineMs === undefined) return;
  state.extendedView = state.view;
  state.viewDeadlineMs = Math.max(state.viewDeadlineMs, nowMs + viewTimeoutMs(config, state.view));
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
