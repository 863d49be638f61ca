/**
 * Bounded exhaustive search: four validators at one height, a few views, one traitor or some crashes. Every order of deliveries, losses,
 * duplicates and timeouts is covered; see README.md for the reduction and the bounds.
 */
import { toHex } from "@lhg/protocol/core/bytes";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import { primaryIndex } from "../src/consensus/dbft/quorum.ts";
import { createForger, type Forger, forge } from "./forgeries.ts";
import { Violation } from "./invariants.ts";
import {
  type Action,
  act,
  createLocalStates,
  HEIGHT,
  isVisible,
  type LocalStates,
  type MessageTable,
  quorumsOf,
  signerOf,
  viewOf,
} from "./local-states.ts";
import { describe } from "./story.ts";

const COUNT = 4;
const QUORUM = 3;

export interface Bounds {
  /** Views 0 to `views - 1`. */
  readonly views: number;
  /** The validator that signs anything, -1 for none. Primaries of the views are 0, 3, 2, 1. */
  readonly traitor: number;
  /** Crashes and restarts of honest validators, in all. */
  readonly crashes: number;
  readonly mutations?: readonly Mutation[];
  /** The search ends unfinished after so many global states. */
  readonly statesMax?: number;
}

export interface SearchReport {
  readonly states: number;
  readonly localStates: number;
  readonly steps: number;
  readonly isComplete: boolean;
  readonly violation: string | undefined;
  readonly story: readonly string[];
}

interface Search {
  readonly bounds: Bounds;
  readonly table: MessageTable;
  readonly locals: readonly LocalStates[];
  readonly forger: Forger | undefined;
}

/** Global state: one local state per honest validator. What was sent follows from it. */
type Global = readonly number[];

interface Reached {
  readonly state: Global;
  readonly parent: Reached | undefined;
  readonly by: string;
}

export function searchAll(bounds: Bounds): SearchReport {
  const table: MessageTable = { ids: new Map(), messages: [] };
  const honest = [0, 1, 2, 3].filter((validator) => validator !== bounds.traitor);
  let current: Reached | undefined;
  const seen = new Set<string>();
  let steps = 0;
  let violation: string | undefined;
  let locals: LocalStates[] = [];
  const stack: Reached[] = [];
  try {
    locals = honest.map((validator) => createLocalStates(validator, COUNT, table, bounds.mutations ?? []));
    const forger = bounds.traitor < 0 ? undefined : createForger(bounds.traitor, bounds.views, table);
    const search: Search = { bounds, table, locals, forger };
    stack.push({ state: locals.map(() => 0), parent: undefined, by: "start" });
    seen.add(stack[0]!.state.join());
    while (stack.length > 0 && seen.size < (bounds.statesMax ?? Number.POSITIVE_INFINITY)) {
      current = stack.pop()!;
      const { state } = current;
      const soup = soupOf(search, state);
      checkSoup(search, soup);
      for (const [i, of] of locals.entries())
        for (const action of actionsOf(search, state, of, state[i]!, soup)) {
          const to = act(of, state[i]!, action);
          steps++;
          if (!isVisible(of.all[state[i]!]!, of.all[to]!)) continue;
          const next = state.with(i, to);
          const key = next.join();
          if (seen.has(key)) continue;
          seen.add(key);
          stack.push({ state: next, parent: current, by: tell(search, of.validator, action) });
        }
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error.message;
  }
  return {
    states: seen.size,
    localStates: locals.reduce((sum, of) => sum + of.all.length, 0),
    steps,
    isComplete: violation === undefined && stack.length === 0,
    violation,
    story: violation === undefined ? [] : storyOf(current),
  };
}

function storyOf(last: Reached | undefined): string[] {
  const lines: string[] = [];
  for (let at = last; at !== undefined; at = at.parent) lines.unshift(at.by);
  return lines;
}

function tell({ table }: Search, validator: number, action: Action): string {
  if (typeof action === "string") return `${validator}: ${action}`;
  return `${validator} hears ${action.give.map((id) => describe(table.messages[id]!)).join("; ")}`;
}

/** Everything sent so far, and what the traitor could add to it. */
function soupOf(search: Search, state: Global): readonly number[] {
  const ids = new Set<number>();
  for (const [i, of] of search.locals.entries()) for (const id of of.all[state[i]!]!.sent) ids.add(id);
  const sent = [...ids].sort((a, b) => a - b);
  return search.forger === undefined ? sent : [...sent, ...forge(search.forger, sent)];
}

function quorumOf({ mutations }: Bounds): number {
  return mutations?.includes("quorum-minus-one") ? QUORUM - 1 : QUORUM;
}

/** The (view, block) pairs of votes of a type, each with its messages. */
function groupVotes(
  { table }: Search,
  soup: readonly number[],
  type: "prepare-request" | "prepare-response" | "commit",
): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const id of soup) {
    const message = table.messages[id]!;
    if (message.type !== type) continue;
    const { view, blockHash } = message.body as { readonly view: number; readonly blockHash: Uint8Array };
    const key = `${view}:${toHex(blockHash)}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(id);
  }
  return groups;
}

/** Agreement; one certified block per view; and what could be decided is what every later certificate carries. */
function checkSoup(search: Search, soup: readonly number[]): void {
  const quorum = quorumOf(search.bounds);
  const places = (groups: Map<string, number[]>, more: number) =>
    [...groups].flatMap(([key, ids]) => {
      if (ids.length + more < quorum) return [];
      const [view, hash] = key.split(":") as [string, string];
      return [{ view: Number(view), hash }];
    });
  const decided = places(groupVotes(search, soup, "commit"), 0);
  if (decided.length === 0) return;
  const requested = groupVotes(search, soup, "prepare-request");
  const responses = groupVotes(search, soup, "prepare-response");
  const prepared = places(responses, 1).filter(({ view, hash }) => requested.has(`${view}:${hash}`));
  for (const one of decided)
    for (const other of [...decided, ...prepared])
      if (one.hash !== other.hash && other.view >= one.view)
        throw new Violation(
          `${one.hash.slice(0, 8)} can be decided in view ${one.view}, ${other.hash.slice(0, 8)} is prepared or decided in ${other.view}`,
        );
}

/** The steps that matter of one validator: those that complete a quorum or a rule's condition. */
function actionsOf(
  search: Search,
  state: Global,
  of: LocalStates,
  id: number,
  soup: readonly number[],
): Action[] {
  const { bounds, table, locals } = search;
  const quorum = quorumOf(bounds);
  const { state: core } = of.all[id]!;
  const actions: Action[] = [];
  if (core.view < bounds.views - 1) actions.push("timeout");
  const crashes = state.reduce((sum, at, i) => sum + locals[i]!.all[at]!.crashes, 0);
  if (crashes < bounds.crashes) actions.push("crash");
  const accepted = new Set(core.requests.map((request) => request.message.view));
  for (const message of soup) {
    const { type, body } = table.messages[message]!;
    if (type === "prepare-request" && body.view >= core.view && !accepted.has(body.view))
      actions.push({ give: [message] });
  }
  const isForeign = (message: number): boolean => signerOf(table.messages[message]!) !== of.validator;
  for (const [key, ids] of groupVotes(search, soup, "prepare-response"))
    if (accepted.has(Number(key.split(":")[0])) && ids.length >= quorum - 2)
      actions.push({ give: ids.filter(isForeign) });
  for (let view = Math.max(1, core.view); view < bounds.views; view++)
    if (primaryIndex(HEIGHT, view, COUNT) === of.validator && !accepted.has(view))
      for (const chosen of quorumsOf(
        table,
        changeViewsInto(search, soup, view).filter(isForeign),
        QUORUM - 1,
      ))
        actions.push({ give: chosen });
  return actions;
}

function changeViewsInto({ table }: Search, soup: readonly number[], view: number): number[] {
  return soup.filter(
    (id) => table.messages[id]!.type === "change-view" && viewOf(table.messages[id]!) === view,
  );
}
