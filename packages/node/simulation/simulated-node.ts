/** One validator process: the real core, its driver, a disk that loses what was not synced, and block exchange with peers. */

import { type Certificate, verifyCertificate } from "@lhg/protocol/core/block/certificate";
import { encodeUtf8, equalBytes, toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import type { CoreConfig, CoreState, Effect, Input, Validator } from "../src/consensus/dbft/core.ts";
import { decodeDurable, encodeDurable } from "../src/consensus/dbft/durable.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { createState, step } from "../src/consensus/dbft/step.ts";
import { schedule } from "./event-queue.ts";
import {
  checkDecision,
  checkEvidence,
  checkMemory,
  checkMonotonic,
  checkPrepared,
  checkRestored,
  checkSent,
} from "./invariants.ts";
import { makeProposal, makeSigning, makeValidators, openProposal, toyVerifier } from "./toys.ts";
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
  state: CoreState;
  /** Survives crashes. */
  readonly disk: { durable: Uint8Array | undefined; blocks: Block[] };
  isUp: boolean;
  pausedUntilMs: number;
  /** Counts restarts: what an earlier process had under way is void. */
  incarnation: number;
  pending: Effect[];
  isWriting: boolean;
  timer: number;
  readonly ahead: Message[];
  readonly answeredAtMs: Map<string, number>;
  builtCount: number;
}

const POOL = makeValidators(32);
const GENESIS_TIME_MS = 1_000_000;
const MAX_AHEAD = 32;

export function createNode(
  world: World,
  validator: number,
  name: string,
  transmit: SimulatedNode["transmit"],
): SimulatedNode {
  const { consensusKey } = POOL[validator]!;
  const { traitor } = world.faults;
  return {
    name,
    validator,
    isHonest: validator !== traitor,
    config: {
      chainId: world.invariants.chainId,
      consensusKey,
      signing: makeSigning(consensusKey),
      openProposal,
      baseTimeoutMs: world.faults.baseTimeoutMs,
      maxTimeoutMs: 16 * T,
      heartbeatMs: 10 * T,
      maxDriftMs: 5 * T,
      ...(world.options.mutations ? { mutations: new Set(world.options.mutations) } : {}),
    },
    transmit,
    state: createState(),
    disk: { durable: undefined, blocks: [] },
    isUp: true,
    pausedUntilMs: 0,
    incarnation: 0,
    pending: [],
    isWriting: false,
    timer: 0,
    ahead: [],
    answeredAtMs: new Map(),
    builtCount: 0,
  };
}

function validatorsAt(world: World, height: number): Validator[] {
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

export function startNextHeight(world: World, node: SimulatedNode, isRestart: boolean): void {
  const parent = node.disk.blocks.at(-1);
  const { durable } = node.disk;
  const height = node.disk.blocks.length + 1;
  const hasWork = world.random.chance(0.6);
  if (!hasWork)
    later(world, node, world.random.fraction() * 4 * T, () =>
      feed(world, node, { kind: "work", nowMs: world.queue.nowMs }),
    );
  feed(world, node, {
    kind: "start-height",
    nowMs: world.queue.nowMs,
    height,
    epoch: 0,
    validators: validatorsAt(world, height),
    parentHash: parent?.blockHash ?? ZERO32,
    parentTimeMs: parent ? openProposal(parent.proposal)!.timeMs : GENESIS_TIME_MS,
    hasWork,
    ...(isRestart
      ? { restart: { durable: durable === undefined ? undefined : decodeDurable(durable) } }
      : {}),
  });
  for (const message of node.ahead.splice(0)) if (node.isUp) receive(world, node, message);
}

function clockMs(world: World, node: SimulatedNode): number {
  return GENESIS_TIME_MS + world.queue.nowMs + world.faults.skewMs[node.validator]!;
}

/** One step of the core, its invariants, then its effects in order. */
function feed(world: World, node: SimulatedNode, input: Input): readonly Effect[] {
  const before = { height: node.state.height, view: node.state.view };
  const { state, effects } = step(node.config, node.state, input);
  node.state = state;
  world.trace.update(`${world.queue.nowMs} ${node.name} ${input.kind} ${state.height}/${state.view};`);
  if (node.isHonest) {
    checkMonotonic(before, state);
    checkMemory(state);
  }
  node.pending.push(...effects);
  carryOut(world, node);
  return effects;
}

/** Effects wait for the `persist` before them to reach the disk. */
function carryOut(world: World, node: SimulatedNode): void {
  while (!node.isWriting) {
    const effect = node.pending.shift();
    if (effect === undefined) return;
    if (effect.kind !== "persist") {
      carryOutOne(world, node, effect);
      continue;
    }
    const written = encodeDurable(effect.durable);
    node.isWriting = true;
    later(world, node, 1 + world.random.below(isHealed(world) ? 5 : 60), () => {
      node.disk.durable = written;
      if (node.isHonest) checkPrepared(world.invariants, effect.durable);
      node.isWriting = false;
      carryOut(world, node);
    });
  }
}

function carryOutOne(world: World, node: SimulatedNode, effect: Exclude<Effect, { kind: "persist" }>): void {
  switch (effect.kind) {
    case "send": {
      // The core may have gone on to another height while an earlier effect was being written.
      const { height } = effect.message.body;
      const members = membersAt(world, height);
      const ownIndex = members.indexOf(node.validator);
      if (node.isHonest) {
        checkSent(world.invariants, `${node.validator}`, ownIndex, effect.message);
        world.options.onSend?.(node.validator, ownIndex, effect.message);
      }
      note(world, () => `${node.name} sends ${describe(effect.message)}`);
      const to = effect.to === "all" ? [...POOL.keys()] : effect.to.map((i) => members[i]!);
      for (const receiver of to)
        if (receiver !== node.validator)
          node.transmit(receiver, { kind: "consensus", message: effect.message });
      return;
    }
    case "set-timer":
      setTimer(world, node, effect.atMs);
      return;
    case "build-proposal":
      if (effect.height === node.state.height) build(world, node, effect.view, effect.usesParentTime);
      return;
    case "check-proposal":
      check(world, node, effect.height, effect.blockHash);
      return;
    case "decide":
      takeDecision(world, node, effect);
      return;
    case "evidence":
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

function describe({ type, body }: Message): string {
  if (type === "change-view") {
    const { view, prepared } = body.vote;
    return `${type} ${body.height}/${view} ${prepared ? `prepared in ${prepared.view}` : "unprepared"}`;
  }
  const view = "view" in body ? body.view : "*";
  const hash = "blockHash" in body ? toHex(body.blockHash).slice(0, 8) : "";
  return `${type} ${body.height}/${view} ${hash}`;
}

function setTimer(world: World, node: SimulatedNode, atMs: number | undefined): void {
  const timer = ++node.timer;
  if (atMs === undefined) return;
  later(world, node, atMs - world.queue.nowMs, () => {
    if (node.timer === timer) feed(world, node, { kind: "timer", nowMs: world.queue.nowMs });
  });
}

function build(world: World, node: SimulatedNode, view: number, usesParentTime: boolean): void {
  const { height, parentHash, parentTimeMs } = node.state;
  const payload = encodeUtf8(`${node.name} ${node.incarnation} ${node.builtCount++}`);
  const timeMs = usesParentTime ? parentTimeMs + 1 : Math.max(parentTimeMs + 1, clockMs(world, node));
  const proposal = makeProposal({ height, timeMs, parentHash, payload });
  later(world, node, world.random.below(40), () =>
    feed(world, node, { kind: "proposal-built", nowMs: world.queue.nowMs, height, view, proposal }),
  );
}

function check(world: World, node: SimulatedNode, height: number, blockHash: Uint8Array): void {
  const answer = (verdict: "valid" | "bad" | "missing") => (): void => {
    feed(world, node, { kind: "proposal-checked", nowMs: world.queue.nowMs, height, blockHash, verdict });
  };
  const isMissing = world.random.chance(0.1);
  if (isMissing) later(world, node, 1, answer("missing"));
  later(world, node, isMissing ? world.random.below(3 * T) : world.random.below(30), answer("valid"));
}

function takeDecision(
  world: World,
  node: SimulatedNode,
  decision: Extract<Effect, { kind: "decide" }>,
): void {
  const { height, blockHash, certificate, proposal } = decision;
  note(world, () => `${node.name} decides ${height}/${decision.view} ${toHex(blockHash).slice(0, 8)}`);
  if (node.isHonest) checkDecision(world.invariants, height, decision, validatorsAt(world, height));
  if (proposal === undefined) seekBlock(world, node, height);
  else executeBlock(world, node, { height, blockHash, proposal, certificate });
}

/** Decided without the proposal: peers have the block. */
function seekBlock(world: World, node: SimulatedNode, height: number): void {
  if (node.disk.blocks.length >= height) return;
  node.transmit(world.random.below(world.options.validators), { kind: "want-block", height });
  later(world, node, T, () => seekBlock(world, node, height));
}

/** State, height and block become durable at once; the next height starts after that. */
function executeBlock(world: World, node: SimulatedNode, block: Block): void {
  later(world, node, 1 + world.random.below(isHealed(world) ? 5 : 50), () => {
    if (node.disk.blocks.length + 1 !== block.height) return;
    node.disk.blocks.push(block);
    startNextHeight(world, node, false);
  });
}

export function receivePacket(world: World, node: SimulatedNode, from: number, packet: Packet): void {
  if (packet.kind === "block") receiveBlock(world, node, packet.block);
  else if (packet.kind === "want-block") sendBlock(node, from, packet.height);
  else {
    for (const effect of receive(world, node, packet.message)) {
      if (effect.kind === "peer-behind" && mayAnswer(world, node, `block ${from}`))
        sendBlock(node, from, effect.height);
      if (effect.kind === "ahead" && mayAnswer(world, node, `want ${from}`))
        node.transmit(from, { kind: "want-block", height: node.disk.blocks.length + 1 });
    }
  }
}

function receive(world: World, node: SimulatedNode, message: Message): readonly Effect[] {
  if (message.body.height > node.state.height && node.ahead.length < MAX_AHEAD) node.ahead.push(message);
  const nowMs = world.queue.nowMs;
  return feed(world, node, { kind: "message", nowMs, clockMs: clockMs(world, node), message });
}

function mayAnswer(world: World, node: SimulatedNode, what: string): boolean {
  const lastMs = node.answeredAtMs.get(what) ?? -T;
  if (world.queue.nowMs - lastMs < T / 4) return false;
  node.answeredAtMs.set(what, world.queue.nowMs);
  return true;
}

function sendBlock(node: SimulatedNode, to: number, height: number): void {
  const block = node.disk.blocks[height - 1];
  if (block !== undefined) node.transmit(to, { kind: "block", block });
}

function receiveBlock(world: World, node: SimulatedNode, block: Block): void {
  const height = node.disk.blocks.length + 1;
  if (block.height !== height) return;
  const scope = { chainId: world.invariants.chainId, epoch: 0, height };
  verifyCertificate(toyVerifier, scope, block.blockHash, block.certificate, validatorsAt(world, height));
  if (!equalBytes(openProposal(block.proposal)!.blockHash, block.blockHash)) return;
  if (node.isHonest) checkDecision(world.invariants, height, block, validatorsAt(world, height));
  executeBlock(world, node, block);
}

/** Loses everything but the disk; what was being written is lost too. */
export function crash(world: World, node: SimulatedNode): void {
  note(world, () => `${node.name} crashes`);
  node.isUp = false;
  node.incarnation++;
  node.pending = [];
  node.isWriting = false;
  node.ahead.length = 0;
}

export function restart(world: World, node: SimulatedNode): void {
  note(world, () => `${node.name} restarts`);
  node.isUp = true;
  node.pausedUntilMs = 0;
  node.state = createState();
  startNextHeight(world, node, true);
  if (node.isHonest) checkRestored(node.state, node.disk.durable);
}
