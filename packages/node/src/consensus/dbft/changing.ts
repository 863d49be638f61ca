/** View changes: rules 3, 4 and the part of rule 5 that gathers ChangeViews. */
import { CHANGE_VIEW } from "@lhg/protocol/core/block/certificate";
import type { EvidenceVote } from "@lhg/protocol/core/block/evidence";
import { isProven } from "./certificates.ts";
import type { Core, Recorded } from "./core.ts";
import type { ChangeViewVote, Message, PreparedCertificate } from "./messages.ts";
import { maxFaulty } from "./quorum.ts";
import { enterView, noteAlive } from "./timers.ts";
import { accuse, isChangeViewSigned, isSameChangeView, keepToOwnVote, signChangeView } from "./votes.ts";

/** Rule 3: leaves the current view for a higher one and says so, with the highest certificate held. */
export function changeView(core: Core, view: number): void {
  const { state } = core;
  enterView(core, view);
  const held = state.changeViews[state.ownIndex]![0];
  if (held !== undefined && held.vote.view >= view) return;
  const certificate = state.prepared?.certificate ?? null;
  const prepared = certificate && { view: certificate.view, blockHash: certificate.blockHash };
  const vote = signChangeView(core, view, prepared);
  state.changeViews[state.ownIndex] = [{ vote, certificate }];
  core.effects.push({ kind: "send", to: "all", message: changeViewMessage(core, vote, certificate) });
}

function changeViewMessage(
  core: Core,
  vote: ChangeViewVote,
  certificate: PreparedCertificate | null,
): Message {
  return { type: "change-view", body: { height: core.state.height, vote, certificate } };
}

/** Checks and records a ChangeView; of each validator only the one into the highest view is kept. */
export function recordChangeView(
  core: Core,
  vote: ChangeViewVote,
  attached: PreparedCertificate | null,
): Recorded {
  const { state } = core;
  const entries = state.changeViews[vote.validatorIndex]!;
  const held = entries[0]?.vote;
  if (vote.view < state.view || (held !== undefined && vote.view < held.view)) return "dropped";
  if (held !== undefined && isSameChangeView(held, vote))
    return isChangeViewSigned(core, vote) && isProven(core, vote, attached) ? "held" : "invalid";
  const rival = held?.view === vote.view ? held : undefined;
  if (rival !== undefined && entries.length > 1) return "dropped";
  if (!isChangeViewSigned(core, vote)) return "invalid";
  noteAlive(core, vote.validatorIndex);
  if (rival !== undefined) {
    entries.push({ vote, certificate: null });
    if (vote.validatorIndex !== state.ownIndex)
      accuse(core, CHANGE_VIEW, vote.validatorIndex, vote.view, evidenceVote(rival), evidenceVote(vote));
  }
  if (!isProven(core, vote, attached)) return "invalid";
  if (rival !== undefined) return "recorded";
  state.changeViews[vote.validatorIndex] = [{ vote, certificate: attached }];
  if (vote.validatorIndex === state.ownIndex) keepToOwnVote(core, vote.view);
  return "recorded";
}

function evidenceVote({ prepared, signature }: ChangeViewVote): EvidenceVote {
  return { blockHash: prepared?.blockHash ?? null, preparedView: prepared?.view ?? null, signature };
}

/** Rule 4: F + 1 validators are in higher views, so an honest one is: join the (F+1)th-highest of their views. */
export function joinHigherView(core: Core): boolean {
  const { state } = core;
  const views: number[] = [];
  for (const [entry] of state.changeViews)
    if (entry !== undefined && entry.vote.view > state.view) views.push(entry.vote.view);
  const view = views.sort((a, b) => b - a)[maxFaulty(state)];
  if (view === undefined) return false;
  changeView(core, view);
  return true;
}
