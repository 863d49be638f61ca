/** The driver of one simulated validator: steps the real core, carries its effects out, and writes to a disk that may lose the last write. */

import type { Certificate } from "@lhg/protocol/core/block/certificate";
import { concatBytes, encodeUtf8, equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type {
  CoreConfig,
  CoreState,
  Decision,
  Effect,
  Input,
  Validator,
} from "../src/consensus/dbft/core.ts";
import { encodeDurable } from "../src/consensus/dbft/durable.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { type StepResult, step } from "../src/consensus/dbft/step.ts";
import { schedule } from "./event-queue.ts";
import {
  checkEvidence,
  checkMemory,
  checkMonotonic,
  checkPrepared,
  checkReceived,
  checkSent,
  seesCertificates,
} from "./invariants.ts";
import { type Sample, sampleInput } from "./sampled-checks.ts";
import { describe } from "./story.ts";
import { makeProposal, makeValidators, openProposal } from "./toys.ts";
import { isHealed, membersAt, note, T, type World } from "./world.ts";

export interface Block {
  readonly height: number;
  readonly blockHash: Uint8Array;
  readonly proposal: Uint8Array;
  readonly certificate: Certificate;
}

export type Packet =
  | { readonly kind: "consensus"; readonly message: Message }
  | { readonly kind: "block"; readonly block: Block }
  | { readonly kind: "want-block"; readonly height: number };

export interface SimulatedNode {
  /** Distinguishes twins, which share `validator`. */
  readonly name: string;
  /** Index in the pool of keys. */
  readonly validator: number;
  readonly isHonest: boolean;
  readonly config: CoreConfig;
  /** Sends to every node of a pool index. */
  readonly transmit: (to: number, packet: Packet) => void;
  readonly decided: (decision: Decision & { readonly height: number }) => void;
  /** What a traitor does with its own proposals instead of sending them; undefined sends them. */
  readonly equivocate: ((message: Message) => void) | undefined;
  state: CoreState;
  /** Survives crashes. `roots[h]` is the ledger's state after block h, that of genesis first. */
  readonly disk: { durable: Uint8Array | undefined; readonly blocks: Block[]; readonly roots: Uint8Array[] };
  /** The write under way; a crash loses it or not, as the store's batches are atomic. */
  writing: (() => void) | undefined;
  isUp: boolean;
  pausedUntilMs: number;
  /** Counts restarts: what an earlier process had under way is void. */
  incarnation: number;
  pending: Effect[];
  timer: number;
  readonly ahead: Message[];
  readonly answeredAtMs: Map<string, number>;
  builtCount: number;
  readonly sample: Sample;
}

export const GENESIS_TIME_MS = 1_000_000;
const POOL = makeValidators(32);

export function keyOf(validator: number): Uint8Array {
  return POOL[validator]!.consensusKey;
}

export function validatorsAt(world: World, height: number): Validator[] {
  return membersAt(world, height).map((i) => POOL[i]!);
}

/** Runs later unless the process crashed meanwhile; a paused process gets to it when it goes on. */
export function later(world: World, node: SimulatedNode, delayMs: number, action: () => void): void {
  const { incarnation } = node;
  const run = (): void => {
    if (!node.isUp || node.incarnation !== incarnation) return;
    const restMs = node.pausedUntilMs - world.queue.nowMs;
    if (restMs > 0) schedule(world.queue, restMs, run);
    else action();
  };
  schedule(world.queue, delayMs, run);
}

export function clockMs(world: World, node: SimulatedNode): number {
  return GENESIS_TIME_MS + world.queue.nowMs + world.faults.skewMs[node.validator]!;
}

/** One step of the core, its invariants, then its effects in order. */
export function feed(world: World, node: SimulatedNode, input: Input): StepResult {
  const before = { height: node.state.height, view: node.state.view };
  if (node.isHonest) sampleInput(node.sample, node, input);
  const result = step(node.config, node.state, input);
  const { state, effects, received } = result;
  node.state = state;
  world.trace.update(
    `${world.queue.nowMs} ${node.name} ${input.kind} ${state.height}/${state.view} ${received ?? ""} ${effects.length};`,
  );
  if (node.isHonest) {
    world.highestView = Math.max(world.highestView, state.view);
    checkMonotonic(before, state);
    checkMemory(state);
    if (input.kind === "message") {
      checkReceived(world.sound, input.message, received);
      if (received === "recorded") seesCertificates(world.invariants, input.message);
    }
  }
  node.pending.push(...effects);
  carryOut(world, node);
  return result;
}

/** Effects wait for the `persist` before them to reach the disk. */
function carryOut(world: World, node: SimulatedNode): void {
  while (node.writing === undefined) {
    const effect = node.pending.shift();
    if (effect === undefined) return;
    if (effect.kind !== "persist") {
      carryOutOne(world, node, effect);
      continue;
    }
    const written = encodeDurable(effect.durable);
    write(world, node, () => {
      node.disk.durable = written;
      if (node.isHonest) checkPrepared(world.invariants, effect.durable);
    });
  }
}

function write(world: World, node: SimulatedNode, take: () => void): void {
  node.writing = take;
  later(world, node, 1 + world.random.below(isHealed(world) ? 5 : 60), () => {
    node.writing = undefined;
    take();
    carryOut(world, node);
  });
}

function carryOutOne(world: World, node: SimulatedNode, effect: Exclude<Effect, { kind: "persist" }>): void {
  switch (effect.kind) {
    case "send":
      send(world, node, effect);
      return;
    case "set-timer":
      setTimer(world, node, effect.atMs);
      return;
    case "build-proposal":
      if (effect.height === node.state.height) build(world, node, effect.view, effect.usesParentTime);
      return;
    case "check-proposal":
      check(world, node, effect);
      return;
    case "decide":
      node.decided(effect);
      return;
    case "evidence":
      note(world, () => `${node.name} accuses ${effect.evidence.validatorIndex} in ${effect.evidence.view}`);
      if (node.isHonest)
        checkEvidence(
          world.invariants,
          effect.evidence,
          validatorsAt(world, effect.evidence.height),
          (accused) => accused === POOL[world.faults.traitor],
        );
      return;
    default:
      return;
  }
}

function send(world: World, node: SimulatedNode, { to, message }: Extract<Effect, { kind: "send" }>): void {
  // The core may have gone on to another height while an earlier effect was being written.
  const members = membersAt(world, message.body.height);
  note(world, () => `${node.name} sends ${describe(message)}`);
  if (node.isHonest) {
    checkSent(world.invariants, node.validator, members.indexOf(node.validator), message);
    world.options.onSend?.(node.validator, members.indexOf(node.validator), message);
    world.sound.add(message);
  }
  if (message.type === "prepare-request" && node.equivocate !== undefined) {
    node.equivocate(message);
    return;
  }
  const packet: Packet = { kind: "consensus", message };
  if (to !== "all") for (const i of to) node.transmit(members[i]!, packet);
  else for (let i = 0; i < world.options.validators; i++) if (i !== node.validator) node.transmit(i, packet);
}

function setTimer(world: World, node: SimulatedNode, atMs: number | undefined): void {
  const timer = ++node.timer;
  if (atMs === undefined) return;
  later(world, node, atMs - world.queue.nowMs, () => {
    if (node.timer === timer) feed(world, node, { kind: "timer", nowMs: world.queue.nowMs });
  });
}

/** A block's payload is the ledger's root before it, and something new. */
function build(world: World, node: SimulatedNode, view: number, usesParentTime: boolean): void {
  const { height, parentHash, parentTimeMs } = node.state;
  const novelty = encodeUtf8(`${node.name} ${node.incarnation} ${node.builtCount++}`);
  const payload = concatBytes(node.disk.roots[height - 1]!, novelty);
  const timeMs = usesParentTime ? parentTimeMs + 1 : Math.max(parentTimeMs + 1, clockMs(world, node));
  const proposal = makeProposal({ height, timeMs, parentHash, payload });
  later(world, node, world.random.below(40), () =>
    feed(world, node, { kind: "proposal-built", nowMs: world.queue.nowMs, height, view, proposal }),
  );
}

/** Valid if the root in it is this node's. At times statements are missing for a while. */
function check(world: World, node: SimulatedNode, effect: Extract<Effect, { kind: "check-proposal" }>): void {
  const { height, blockHash, proposal } = effect;
  const root = node.disk.roots[height - 1];
  const isValid = root !== undefined && equalBytes(openProposal(proposal)!.payload.subarray(0, 32), root);
  const answer = (verdict: "valid" | "bad" | "missing") => (): void => {
    note(world, () => `${node.name} finds ${toHex(blockHash).slice(0, 8)} ${verdict}`);
    feed(world, node, { kind: "proposal-checked", nowMs: world.queue.nowMs, height, blockHash, verdict });
  };
  const isMissing = world.random.chance(0.1);
  if (isMissing) later(world, node, 1, answer("missing"));
  const fetchMs = isMissing ? world.random.below((isHealed(world) ? 0.2 : 3) * T) : 0;
  later(world, node, fetchMs + world.random.below(30), answer(isValid ? "valid" : "bad"));
}
