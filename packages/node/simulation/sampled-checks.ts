/** Invariants that need copies of the state, so they are checked now and then: counting votes is idempotent and commutative. */
import { toHex } from "@lhg/protocol/core/bytes";
import type { CoreConfig, CoreState, Input } from "../src/consensus/dbft/core.ts";
import { type StepResult, step } from "../src/consensus/dbft/step.ts";
import { VOTE_TYPES } from "../src/consensus/dbft/votes.ts";
import { Violation } from "./invariants.ts";

interface Counted {
  readonly config: CoreConfig;
  readonly state: CoreState;
}

type MessageInput = Extract<Input, { kind: "message" }>;

/** What a validator was given since its state was copied. */
export interface Sample {
  steps: number;
  copy: CoreState | undefined;
  inputs: MessageInput[];
}

const EVERY = 512;
const SHUFFLED = 6;

export function createSample(): Sample {
  return { steps: 0, copy: undefined, inputs: [] };
}

/** Called before each step of an honest validator. */
export function sampleInput(sample: Sample, { config, state }: Counted, input: Input): void {
  sample.steps++;
  if (input.kind !== "message" || state.height === 0 || state.decision !== undefined) return;
  if (sample.steps % EVERY === 0) {
    sample.copy = structuredClone(state);
    sample.inputs = [];
    checkIdempotent({ config, state }, input);
  }
  if (sample.copy === undefined || input.message.body.height !== sample.copy.height) return;
  sample.inputs.push(input);
  if (sample.inputs.length < SHUFFLED) return;
  checkCommutative(config, sample.copy, sample.inputs);
  sample.copy = undefined;
}

interface Copied extends StepResult {
  readonly isSound: boolean;
}

function stepCopy(config: CoreConfig, state: CoreState, inputs: readonly Input[]): Copied {
  let result: StepResult = { state: structuredClone(state), effects: [] };
  let isSound = true;
  for (const input of inputs) {
    result = step(config, result.state, input);
    isSound &&= result.received !== "invalid";
  }
  return { ...result, isSound };
}

function checkIdempotent({ config, state }: Counted, input: MessageInput): void {
  const once = stepCopy(config, state, [input]);
  const twice = stepCopy(config, state, [input, input]);
  const changing = ["persist", "decide", "evidence", "build-proposal", "check-proposal"];
  for (const { kind } of twice.effects)
    if (changing.includes(kind)) throw new Violation(`the same message again causes ${kind}`);
  if (tally(once.state) !== tally(twice.state)) throw new Violation("the same message counts twice");
}

function checkCommutative(config: CoreConfig, state: CoreState, inputs: readonly MessageInput[]): void {
  const there = stepCopy(config, state, inputs);
  const back = stepCopy(config, state, inputs.toReversed());
  // A message that was tampered with is left at its first invalid part, and which one that is depends on what was known.
  if (there.isSound && back.isSound) compareVotes(there.state, back.state);
}

function compareVotes(forth: CoreState, back: CoreState): void {
  // What comes after the decision is not counted, and an equivocator's third vote is not kept.
  if (forth.decision !== undefined || back.decision !== undefined) return;
  const isOneFaced = (i: number): boolean => !isEquivocator(forth, i) && !isEquivocator(back, i);
  if (tally(forth, isOneFaced) !== tally(back, isOneFaced))
    throw new Violation("votes count differently in another order");
}

function isEquivocator({ votes }: CoreState, validator: number): boolean {
  return VOTE_TYPES.some((type) => {
    const slots = votes[type][validator]!;
    return new Set(slots.map((vote) => vote.view)).size < slots.length;
  });
}

/** The votes of others: view and block by type and validator. */
function tally(state: CoreState, isCounted: (validator: number) => boolean = () => true): string {
  return VOTE_TYPES.flatMap((type) =>
    state.votes[type].flatMap((slots, i) =>
      i === state.ownIndex || !isCounted(i)
        ? []
        : slots.map(({ view, blockHash }) => `${type}/${i}/${view}/${toHex(blockHash)}`).sort(),
    ),
  ).join();
}
