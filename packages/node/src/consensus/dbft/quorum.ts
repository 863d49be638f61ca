import type { SigningScope } from "@lhg/protocol/core/block/certificate";
import { votesNeeded } from "@lhg/protocol/core/block/validator-set";
import type { Core, CoreState, Mutation } from "./core.ts";

export function hasMutation(core: Core, mutation: Mutation): boolean {
  return core.config.mutations?.has(mutation) === true;
}

/** (height - view) mod N. */
export function primaryIndex(height: number, view: number, validatorCount: number): number {
  const remainder = (height - view) % validatorCount;
  return remainder < 0 ? remainder + validatorCount : remainder;
}

export function primaryOf(state: CoreState, view: number): number {
  return primaryIndex(state.height, view, state.validators.length);
}

/** Every validator was primary once: from here on views change by their full timers only, and times do not depend on clocks. */
export function hadEveryTurn(state: CoreState): boolean {
  return state.view >= state.validators.length;
}

export function isPrimary(state: CoreState): boolean {
  return primaryOf(state, state.view) === state.ownIndex;
}

/** M, by count: one validator, one vote. */
export function quorum(core: Core): number {
  const full = votesNeeded(core.state.validators.length);
  return hasMutation(core, "quorum-minus-one") ? full - 1 : full;
}

/** F = floor((N - 1) / 3). */
export function maxFaulty(state: CoreState): number {
  return state.validators.length - votesNeeded(state.validators.length);
}

export function scopeOf(core: Core): SigningScope {
  return { chainId: core.config.chainId, epoch: core.state.epoch, height: core.state.height };
}
