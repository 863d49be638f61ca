/** dBFT: the decoders of its messages and of its durable record, and the core in the hands of a driver that is right and a network that is not. */

import { PARENT_TIME_MS, T } from "../../packages/node/simulation/puppets.ts";
import { makeSigning, openProposal } from "../../packages/node/simulation/toys.ts";
import type { CoreConfig, Durable, Input, Mutation } from "../../packages/node/src/consensus/dbft/core.ts";
import { decodeDurable, durableOf, encodeDurable } from "../../packages/node/src/consensus/dbft/durable.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from "../../packages/node/src/consensus/dbft/messages.ts";
import { createState } from "../../packages/node/src/consensus/dbft/step.ts";
import { createRandom } from "../../packages/node/src/store/memory-store.ts";
import { equalBytes, ZERO32 } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant, LhgError } from "../../packages/protocol/src/core/errors.ts";
import { feed, type Run } from "./dbft-checks.ts";
import { changeField, HEIGHT, makeCast, SCOPE, signAgain } from "./dbft-messages.ts";
import { expectNoRefusal } from "./expect-no-refusal.ts";
import { mutate, pick, type Random } from "./mutate.ts";
import type { Target } from "./targets.ts";

const INPUTS_MAX = 120;
const COUNTS = [4, 4, 4, 7, 1];
const castOf = new Map([...new Set(COUNTS)].map((count) => [count, makeCast(count)]));

function startRun(random: Random, mutations: readonly Mutation[]): Run {
  const cast = castOf.get(pick(random, COUNTS))!;
  const own = random(cast.validators.length + 1);
  const consensusKey = cast.validators[own]?.consensusKey;
  const config: CoreConfig = {
    chainId: SCOPE.chainId,
    consensusKey,
    signing: makeSigning(consensusKey ?? ZERO32),
    openProposal,
    baseTimeoutMs: T,
    maxTimeoutMs: 64 * T,
    heartbeatMs: 20 * T,
    maxDriftMs: 5 * T,
    mutations: new Set(mutations),
  };
  const run: Run = {
    random,
    cast,
    config,
    state: createState(),
    nowMs: random(1_000),
    durable: undefined,
    votes: new Map(),
    answers: [],
    heard: [],
    pool: pick(random, cast.pools),
    damage: random(6),
  };
  feed(run, startInput(run, HEIGHT));
  return run;
}

function startInput(
  { random, cast, nowMs }: Run,
  height: number,
  restart?: { durable: Durable | undefined },
) {
  return {
    kind: "start-height" as const,
    nowMs,
    height,
    epoch: SCOPE.epoch,
    validators: cast.validators,
    parentHash: ZERO32,
    parentTimeMs: PARENT_TIME_MS,
    hasWork: random(2) === 0,
    ...(restart && { restart }),
  };
}

/** A message of the pool or one the core sent itself, mostly as it was, else changed; what no decoder would pass is drawn as it was. */
function drawMessage({ random, cast, pool, heard, damage }: Run): { message: Message; sound: boolean } {
  const message = heard.length > 0 && random(8) === 0 ? pick(random, heard) : pick(random, pool);
  if (random(8) >= damage) return { message, sound: true };
  let changed = message;
  for (let rounds = 1 + random(2); rounds > 0; rounds--)
    changed = { ...changed, body: changeField(random, changed.body, pool) } as Message;
  try {
    const decoded = decodeMessage(encodeMessage(changed));
    return { message: random(2) === 0 ? signAgain(cast, decoded) : decoded, sound: false };
  } catch (error) {
    // Changed beyond its type: a field that is missing is a TypeError of the encoder.
    if (!(error instanceof LhgError || error instanceof TypeError)) throw error;
    return { message, sound: true };
  }
}

/** An input of the driver or of the network; `sound` for a message as its signers sent it. */
interface Drawn {
  readonly input: Input;
  readonly sound?: boolean;
}

function drawInput(run: Run): Drawn {
  const { random, cast, nowMs } = run;
  const answer = run.answers.length > 0 && random(2) === 0 ? run.answers.shift() : undefined;
  if (answer !== undefined) return { input: { ...answer, nowMs } };
  const kind = random(24);
  // An observer sets no timer; a validator's may fire late, or early.
  if (kind === 0 && run.state.ownIndex >= 0) {
    if (random(4) > 0) run.nowMs = Math.max(nowMs, run.state.timerAtMs ?? nowMs);
    return { input: { kind: "timer", nowMs: run.nowMs } };
  }
  if (kind === 1) return { input: { kind: "work", nowMs } };
  const height = HEIGHT - random(2);
  if (kind === 2) {
    const verdict = pick(random, ["valid", "valid", "bad", "missing"] as const);
    const blockHash = pick(random, cast.hashes);
    return { input: { kind: "proposal-checked", nowMs, height, blockHash, verdict } };
  }
  if (kind === 3) {
    const proposal = pick(random, cast.proposals);
    return { input: { kind: "proposal-built", nowMs, height, view: random(4), proposal } };
  }
  const clockMs = random(8) === 0 ? pick(random, [0, 2 ** 53 - 1]) : PARENT_TIME_MS + random(8_000);
  const { message, sound } = drawMessage(run);
  return { input: { kind: "message", nowMs, clockMs, message }, sound };
}

function giveInput(run: Run): void {
  if (run.random(72) === 0 && canRestart(run)) {
    restartRun(run);
    return;
  }
  const { input, sound } = drawInput(run);
  feed(run, input, sound);
}

function canRestart({ state }: Run): boolean {
  return state.ownIndex >= 0 && state.height === HEIGHT;
}

/** The process ends and starts again with what it wrote last. */
function restartRun(run: Run): void {
  const { view } = run.state;
  const durable = run.durable && decodeDurable(encodeDurable(run.durable));
  run.state = createState();
  run.answers.length = 0;
  feed(run, startInput(run, HEIGHT, { durable }));
  assertInvariant(run.state.view >= view, "a restart leads into no lower view");
}

/** Up to 120 inputs, drawn from the seed. Returns how many. */
export function runCore(seed: Uint8Array, mutations: readonly Mutation[] = []): number {
  const random = createRandom(new DataView(Uint8Array.from({ ...seed, length: 8 }).buffer).getUint32(0));
  let inputs = 1;
  const run = startRun(random, mutations);
  for (let left = random(INPUTS_MAX); left > 0; left--) {
    run.nowMs += random(500);
    const isOver = run.state.decision !== undefined && random(6) === 0;
    if (isOver && run.state.height > HEIGHT + 1) break;
    if (isOver) feed(run, startInput(run, run.state.height + 1));
    else giveInput(run);
    inputs++;
  }
  if (run.state.ownIndex >= 0) decodeDurable(encodeDurable(durableOf(run.state)));
  return inputs;
}

function makeDurables(): Uint8Array[] {
  return Array.from({ length: 24 }, (_, seed) => {
    const run = startRun(createRandom(seed), []);
    for (let i = 0; i < 60; i++) giveInput(run);
    return run.durable;
  }).flatMap((durable) => (durable === undefined ? [] : [encodeDurable(durable)]));
}

export function dbftTargets(): Target[] {
  const messages = castOf.get(4)!.pools[0]!.slice(0, 60).map(encodeMessage);
  const durables = makeDurables();
  return [
    {
      name: "dbft message",
      draw: (random) => mutate(random, messages),
      run(input) {
        const message = decodeMessage(input);
        const encoded = expectNoRefusal(() => encodeMessage(message));
        assertInvariant(equalBytes(encoded, input), "a message has one encoding");
      },
    },
    {
      name: "dbft durable",
      draw: (random) => mutate(random, durables),
      run(input) {
        const durable = decodeDurable(input);
        const encoded = expectNoRefusal(() => encodeDurable(durable));
        assertInvariant(equalBytes(encoded, input), "a record has one encoding");
      },
    },
    {
      name: "dbft core",
      draw: (random) => Uint8Array.from({ length: 8 }, () => random(256)),
      run: (seed) => expectNoRefusal(() => runCore(seed)),
      acceptedAs: "taken by the core",
    },
  ];
}
