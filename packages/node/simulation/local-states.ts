/** One validator as the exhaustive search sees it: its distinct local states, numbered, and the steps between them, each computed once. */
import { encodeUtf8, ZERO32 } from "@lhg/protocol/core/bytes";
import type { CoreConfig, CoreState, Durable, Effect, Input, Mutation } from "../src/consensus/dbft/core.ts";
import { encodeMessage, type Message } from "../src/consensus/dbft/messages.ts";
import { createState, step } from "../src/consensus/dbft/step.ts";
import { VOTE_TYPES } from "../src/consensus/dbft/votes.ts";
import { Violation } from "./invariants.ts";
import { short } from "./story.ts";
import { makeProposal, makeSigning, makeValidators, openProposal } from "./toys.ts";

export const HEIGHT = 20;
export const SCOPE = { chainId: "search-00", epoch: 0, height: HEIGHT };
const PARENT_TIME_MS = 1_000_000;

export interface Local {
  readonly id: number;
  readonly state: CoreState;
  readonly durable: Durable | undefined;
  /** Ids of all messages sent so far, ascending; they can reach anybody at any later time, or never. */
  readonly sent: readonly number[];
  readonly crashes: number;
}

/** Messages of the search, each once, by id. */
export interface MessageTable {
  readonly ids: Map<string, number>;
  readonly messages: Message[];
}

export function idOf(table: MessageTable, message: Message): number {
  const key = Buffer.from(encodeMessage(message)).toString("latin1");
  const known = table.ids.get(key);
  if (known !== undefined) return known;
  table.ids.set(key, table.messages.length);
  return table.messages.push(message) - 1;
}

export function blockOf(label: string): Uint8Array {
  return makeProposal({
    height: HEIGHT,
    timeMs: PARENT_TIME_MS + 1,
    parentHash: ZERO32,
    payload: encodeUtf8(label),
  });
}

export interface LocalStates {
  readonly validator: number;
  readonly config: CoreConfig;
  readonly table: MessageTable;
  readonly all: Local[];
  readonly byKey: Map<string, number>;
  readonly steps: Map<string, number>;
}

export type Action = "timeout" | "crash" | { readonly give: readonly number[] };

export function createLocalStates(
  validator: number,
  count: number,
  table: MessageTable,
  mutations: readonly Mutation[],
): LocalStates {
  const { consensusKey } = makeValidators(count)[validator]!;
  const config: CoreConfig = {
    chainId: SCOPE.chainId,
    consensusKey,
    signing: makeSigning(consensusKey),
    openProposal,
    baseTimeoutMs: 1000,
    maxTimeoutMs: 1000,
    heartbeatMs: 1000,
    maxDriftMs: 1000,
    mutations: new Set(mutations),
  };
  const locals: LocalStates = { validator, config, table, all: [], byKey: new Map(), steps: new Map() };
  const empty: Local = { id: -1, state: createState(), durable: undefined, sent: [], crashes: 0 };
  run(locals, empty, [startOf(count)], 0);
  return locals;
}

function startOf(count: number): Extract<Input, { kind: "start-height" }> {
  return {
    kind: "start-height",
    nowMs: 0,
    height: HEIGHT,
    epoch: 0,
    validators: makeValidators(count),
    parentHash: ZERO32,
    parentTimeMs: PARENT_TIME_MS,
    hasWork: true,
  };
}

/** The local state after an action; computed by the real core the first time. */
export function act(locals: LocalStates, from: number, action: Action): number {
  const key = `${from} ${typeof action === "string" ? action : action.give.join()}`;
  const known = locals.steps.get(key);
  if (known !== undefined) return known;
  const local = locals.all[from]!;
  let to: number;
  if (action === "crash") {
    const start = { ...startOf(local.state.validators.length), restart: { durable: local.durable } };
    to = run(locals, { ...local, state: createState() }, [start], local.crashes + 1);
  } else if (action === "timeout") {
    const state = structuredClone(local.state);
    state.viewDeadlineMs = 0;
    to = run(locals, { ...local, state }, [{ kind: "timer", nowMs: 0 }], local.crashes);
  } else {
    const inputs = action.give.map((id): Input => {
      return { kind: "message", nowMs: 0, clockMs: PARENT_TIME_MS, message: locals.table.messages[id]! };
    });
    to = run(locals, { ...local, state: structuredClone(local.state) }, inputs, local.crashes);
  }
  locals.steps.set(key, to);
  return to;
}

function run(locals: LocalStates, local: Local, inputs: Input[], crashes: number): number {
  let { state, durable } = local;
  const sent = new Set(local.sent);
  const queue = [...inputs];
  for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
    const result = step(locals.config, state, input);
    state = result.state;
    for (const effect of result.effects) {
      if (effect.kind === "persist") durable = effect.durable;
      else if (effect.kind === "send" && isVote(effect.message)) sent.add(idOf(locals.table, effect.message));
      else queue.unshift(...answerTo(locals, effect, crashes));
    }
  }
  const sorted = [...sent].sort((a, b) => a - b);
  checkVotes(locals, sorted);
  const key = `${crashes} ${sorted.join()} ${keyOfState(state)}`;
  const known = locals.byKey.get(key);
  if (known !== undefined) return known;
  const id = locals.all.length;
  locals.all.push({ id, state, durable, sent: sorted, crashes });
  locals.byKey.set(key, id);
  return id;
}

/** What was sent can arrive at any time, so resending and asking for it adds nothing. */
function isVote({ type }: Message): boolean {
  return type !== "recovery-message" && type !== "recovery-request";
}

function answerTo(locals: LocalStates, effect: Effect, crashes: number): Input[] {
  if (effect.kind === "build-proposal") {
    const { height, view } = effect;
    const proposal = blockOf(`${locals.validator} in ${view} after ${crashes}`);
    return [{ kind: "proposal-built", nowMs: 0, height, view, proposal }];
  }
  if (effect.kind === "check-proposal") {
    const { height, blockHash } = effect;
    return [{ kind: "proposal-checked", nowMs: 0, height, blockHash, verdict: "valid" }];
  }
  return [];
}

/** One vote of a type per view, crashes or not. */
function checkVotes({ validator, table }: LocalStates, sent: readonly number[]): void {
  const places = new Set<string>();
  for (const id of sent) {
    const message = table.messages[id]!;
    const view = viewOf(message);
    const place = `${message.type} in view ${view}`;
    if (places.has(place)) throw new Violation(`validator ${validator} sent two ${place}`);
    places.add(place);
  }
}

export function viewOf({ type, body }: Message): number {
  if (type === "change-view") return body.vote.view;
  return "view" in body ? body.view : 0;
}

/**
 * All that what comes next depends on. Signatures follow from it, and who signed a certificate makes no difference. Votes of others are left
 * out: they are given all at once, when they complete a certificate (see exhaustive.ts). ChangeViews matter until the view has its proposal.
 */
function keyOfState(state: CoreState): string {
  const { view, ownIndex, prepared, building, wantedHash, fetched, requests, votes, decision } = state;
  const held = (at: { readonly view: number; readonly blockHash: Uint8Array }): string =>
    `${at.view}:${short(at.blockHash)}`;
  const hasRequest = requests.some((request) => request.message.view === view);
  const changeViews = state.changeViews.map(([entry], i) =>
    entry !== undefined && (i === ownIndex || !hasRequest)
      ? `${entry.vote.view}/${entry.vote.prepared ? held(entry.vote.prepared) : ""}`
      : "",
  );
  return [
    view,
    prepared ? held(prepared.certificate) : "",
    building ? building.view : "",
    wantedHash ? short(wantedHash) : "",
    fetched ? short(fetched.blockHash) : "",
    requests.map(({ message, check }) => `${held(message)}${check}`).join(),
    VOTE_TYPES.map((type) => votes[type][ownIndex]!.map(held).join("+")).join(),
    changeViews.join(),
    decision ? held(decision) : "",
  ].join(" ");
}

/** Whether a step changed anything but the votes of others that are held. */
export function isVisible(before: Local, after: Local): boolean {
  return (
    before.sent.length !== after.sent.length ||
    before.crashes !== after.crashes ||
    before.state.view !== after.state.view ||
    before.state.requests.length !== after.state.requests.length ||
    before.state.wantedHash !== after.state.wantedHash
  );
}

export function signerOf({ type, body }: Message): number {
  if (type === "change-view") return body.vote.validatorIndex;
  return "validatorIndex" in body ? body.validatorIndex : -1;
}

/** Every set of at least `min` messages of distinct signers. */
export function quorumsOf({ messages }: MessageTable, ids: readonly number[], min: number): number[][] {
  let sets: number[][] = [[]];
  for (const id of ids) {
    const signer = signerOf(messages[id]!);
    const open = sets.filter((set) => set.every((other) => signerOf(messages[other]!) !== signer));
    sets = [...sets, ...open.map((set) => [...set, id])];
  }
  return sets.filter((set) => set.length >= min);
}
