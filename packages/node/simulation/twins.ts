/**
 * Twins (Bano et al., OPODIS 2021), systematically: one of four validators runs twice with one key. For every view all ways to split the five
 * processes in two are tried, and all again for its commits; the leader of a view is fixed by the height, so all heights modulo 4 are tried.
 * Then the network heals.
 */
import { encodeUtf8, ZERO32 } from "@lhg/protocol/core/bytes";
import type { CoreState, Durable, Effect, Input, Mutation } from "../src/consensus/dbft/core.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { createState, step } from "../src/consensus/dbft/step.ts";
import {
  checkDecision,
  checkEvidence,
  checkPrepared,
  checkSent,
  createInvariants,
  type Invariants,
  Violation,
} from "./invariants.ts";
import { makeProposal, makeSigning, makeValidators, openProposal } from "./toys.ts";

const COUNT = 4;
/** Runs as two processes, 3 and 4. */
const TWIN = 3;
const PROCESSES = 5;
const T = 1000;
const PATIENCE_MS = 20 * T;
const PARENT_TIME_MS = 1_000_000;
const VALIDATORS = makeValidators(COUNT);
/** Process 0 is always on the first side. */
const SPLITS = 1 << (PROCESSES - 1);

interface Twin {
  readonly process: number;
  readonly validator: number;
  state: CoreState;
  durable: Durable | undefined;
  isDecided: boolean;
}

interface TwinNet {
  readonly height: number;
  readonly invariants: Invariants;
  readonly twins: readonly Twin[];
  readonly mutations: readonly Mutation[];
  readonly inFlight: InFlight[];
  nowMs: number;
}

interface InFlight {
  readonly from: Twin;
  readonly to: "all" | readonly number[];
  readonly message: Message;
}

/**
 * Plays one scenario: `splits[2 * v]` has a bit for every process but the first, set if it is on the other side in view v;
 * `splits[2 * v + 1]` is the split under which the commits of that time travel.
 */
function playTwins(
  height: number,
  splits: readonly number[],
  mutations: readonly Mutation[] = [],
): string | undefined {
  const net: TwinNet = {
    height,
    invariants: createInvariants("twins-00"),
    twins: Array.from({ length: PROCESSES }, (_, process) => {
      const validator = Math.min(process, TWIN);
      return { process, validator, state: createState(), durable: undefined, isDecided: false };
    }),
    mutations,
    inFlight: [],
    nowMs: 0,
  };
  try {
    for (const twin of net.twins)
      feed(net, twin, {
        kind: "start-height",
        nowMs: 0,
        height,
        epoch: 0,
        validators: VALIDATORS,
        parentHash: ZERO32,
        parentTimeMs: PARENT_TIME_MS,
        hasWork: true,
      });
    for (let i = 0; i < splits.length; i += 2) {
      const commits = deliver(net, splits[i]!, true);
      net.inFlight.push(...commits);
      deliver(net, splits[i + 1]!, false);
      for (const twin of net.twins) timeOut(net, twin);
    }
    heal(net);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  }
  return undefined;
}

function feed(net: TwinNet, twin: Twin, input: Input): void {
  const { consensusKey } = VALIDATORS[twin.validator]!;
  const config = {
    chainId: net.invariants.chainId,
    consensusKey,
    signing: makeSigning(consensusKey),
    openProposal,
    baseTimeoutMs: T,
    maxTimeoutMs: 8 * T,
    heartbeatMs: 10 * T,
    maxDriftMs: T,
    mutations: new Set(net.mutations),
  };
  const result = step(config, twin.state, input);
  twin.state = result.state;
  for (const effect of result.effects) carryOut(net, twin, effect);
}

function carryOut(net: TwinNet, twin: Twin, effect: Effect): void {
  const { invariants, height, nowMs } = net;
  const isHonest = twin.validator !== TWIN;
  if (effect.kind === "persist" && isHonest) checkPrepared(invariants, effect.durable);
  else if (effect.kind === "send") {
    if (isHonest) checkSent(invariants, twin.validator, twin.validator, effect.message);
    net.inFlight.push({ from: twin, to: effect.to, message: effect.message });
  } else if (effect.kind === "decide") {
    twin.isDecided = true;
    if (isHonest) checkDecision(invariants, height, effect, VALIDATORS);
  } else if (effect.kind === "evidence" && isHonest)
    checkEvidence(invariants, effect.evidence, VALIDATORS, (accused) => accused === VALIDATORS[TWIN]);
  else if (effect.kind === "build-proposal") {
    const payload = encodeUtf8(`${twin.process} in ${effect.view}`);
    const proposal = makeProposal({ height, timeMs: PARENT_TIME_MS + 1, parentHash: ZERO32, payload });
    feed(net, twin, { kind: "proposal-built", nowMs, height, view: effect.view, proposal });
  } else if (effect.kind === "check-proposal") {
    const { blockHash } = effect;
    feed(net, twin, { kind: "proposal-checked", nowMs, height, blockHash, verdict: "valid" });
  }
}

/** Delivers what is in flight, and what that causes, within each side; the rest is lost. Commits may be held back. */
function deliver(net: TwinNet, split: number, holdsCommits: boolean): InFlight[] {
  const held: InFlight[] = [];
  const side = ({ process }: Twin): number => (process === 0 ? 0 : (split >> (process - 1)) & 1);
  for (let next = net.inFlight.shift(); next !== undefined; next = net.inFlight.shift()) {
    if (holdsCommits && next.message.type === "commit") {
      held.push(next);
      continue;
    }
    for (const twin of net.twins) {
      const { from, to, message } = next;
      if (twin.validator === from.validator || side(twin) !== side(from)) continue;
      if (to === "all" || to.includes(twin.validator))
        feed(net, twin, { kind: "message", nowMs: net.nowMs, clockMs: PARENT_TIME_MS, message });
    }
  }
  return held;
}

function timeOut(net: TwinNet, twin: Twin): void {
  if (twin.isDecided) return;
  twin.state.viewDeadlineMs = net.nowMs;
  feed(net, twin, { kind: "timer", nowMs: net.nowMs });
}

/** Whole again: one honest validator decides, who could give the others the block; they go on for a while, as if it did not. */
function heal(net: TwinNet): void {
  const honest = net.twins.filter((twin) => twin.validator !== TWIN);
  const beginMs = net.nowMs;
  while (honest.some((twin) => !twin.isDecided)) {
    deliver(net, 0, false);
    net.nowMs += T / 4;
    const isLate = net.nowMs > beginMs + PATIENCE_MS;
    if (isLate && honest.some((twin) => twin.isDecided)) return;
    if (net.nowMs > beginMs + 5 * PATIENCE_MS) throw new Violation("no progress after the network healed");
    for (const twin of net.twins)
      if ((twin.state.timerAtMs ?? Number.POSITIVE_INFINITY) <= net.nowMs)
        feed(net, twin, { kind: "timer", nowMs: net.nowMs });
  }
}

export interface TwinsReport {
  readonly scenarios: number;
  readonly violation: string | undefined;
}

/** All splits of `views` views, two for each, for every leader of the first. */
export function searchTwins(views: number, mutations: readonly Mutation[] = []): TwinsReport {
  let scenarios = 0;
  for (let height = 20; height < 20 + COUNT; height++)
    for (let code = 0; code < SPLITS ** (2 * views); code++) {
      const splits = Array.from({ length: 2 * views }, (_, i) => Math.floor(code / SPLITS ** i) % SPLITS);
      const violation = playTwins(height, splits, mutations);
      scenarios++;
      if (violation !== undefined)
        return { scenarios, violation: `height ${height}, splits ${splits.join()}: ${violation}` };
    }
  return { scenarios, violation: undefined };
}
