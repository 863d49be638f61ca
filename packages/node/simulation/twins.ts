/**
 * Twins (Bano et al., OPODIS 2021), systematically: one of four validators runs twice with one key. For every view all ways to split the five
 * processes in two are tried; the leader of a view is fixed by the height, so all heights modulo 4 are tried. Then the network heals.
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
  readonly inFlight: {
    readonly from: Twin;
    readonly to: "all" | readonly number[];
    readonly message: Message;
  }[];
  nowMs: number;
}

/** Plays one scenario: `splits[v]` has a bit for every process but the first, set if it is on the other side in view v. */
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
    for (const split of splits) {
      deliver(net, split);
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

/** Delivers what is in flight, and what that causes, within each side; the rest is lost. */
function deliver(net: TwinNet, split: number): void {
  const side = ({ process }: Twin): number => (process === 0 ? 0 : (split >> (process - 1)) & 1);
  for (let next = net.inFlight.shift(); next !== undefined; next = net.inFlight.shift())
    for (const twin of net.twins) {
      const { from, to, message } = next;
      if (twin.validator === from.validator || side(twin) !== side(from)) continue;
      if (to === "all" || to.includes(twin.validator))
        feed(net, twin, { kind: "message", nowMs: net.nowMs, clockMs: PARENT_TIME_MS, message });
    }
}

function timeOut(net: TwinNet, twin: Twin): void {
  if (twin.isDecided) return;
  twin.state.viewDeadlineMs = net.nowMs;
  feed(net, twin, { kind: "timer", nowMs: net.nowMs });
}

/** Whole again: an honest validator decides, as one who has decided gives the others the block. */
function heal(net: TwinNet): void {
  const isOpen = (): boolean => net.twins.every((twin) => twin.validator === TWIN || !twin.isDecided);
  const endMs = net.nowMs + 100 * T;
  while (isOpen()) {
    deliver(net, 0);
    net.nowMs += T / 4;
    if (net.nowMs > endMs) throw new Violation("no progress after the network healed");
    for (const twin of net.twins)
      if ((twin.state.timerAtMs ?? Number.POSITIVE_INFINITY) <= net.nowMs)
        feed(net, twin, { kind: "timer", nowMs: net.nowMs });
  }
  deliver(net, 0);
}

export interface TwinsReport {
  readonly scenarios: number;
  readonly violation: string | undefined;
}

/** All splits of `views` views, for every leader of the first. */
export function searchTwins(views: number, mutations: readonly Mutation[] = []): TwinsReport {
  let scenarios = 0;
  for (let height = 20; height < 20 + COUNT; height++)
    for (let code = 0; code < SPLITS ** views; code++) {
      const splits = Array.from({ length: views }, (_, view) => Math.floor(code / SPLITS ** view) % SPLITS);
      const violation = playTwins(height, splits, mutations);
      scenarios++;
      if (violation !== undefined)
        return { scenarios, violation: `height ${height}, splits ${splits.join()}: ${violation}` };
    }
  return { scenarios, violation: undefined };
}
