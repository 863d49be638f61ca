/** One validator process: its driver, the exchange of blocks with peers, a small ledger, crashes and restarts. */

import { verifyCertificate } from "@lhg/protocol/core/block/certificate";
import { concatBytes, equalBytes, ZERO32 } from "@lhg/protocol/core/bytes";
import type { Decision } from "../src/consensus/dbft/core.ts";
import { decodeDurable } from "../src/consensus/dbft/durable.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { createState } from "../src/consensus/dbft/step.ts";
import {
  type Block,
  clockMs,
  feed,
  GENESIS_TIME_MS,
  keyOf,
  later,
  type Packet,
  type SimulatedNode,
  validatorsAt,
} from "./driver.ts";
import { checkDecision, checkRestored, checkRoot } from "./invariants.ts";
import { createSample } from "./sampled-checks.ts";
import { describe, short } from "./story.ts";
import { makeSigning, openProposal, sha256, toyVerifier } from "./toys.ts";
import { isHealed, note, T, VIEW_TIMEOUT_MS_MAX, type World } from "./world.ts";

const MAX_AHEAD = 32;
const OBSERVER_POLL_MS = 5 * T;

export function createNode(
  world: World,
  validator: number,
  name: string,
  ports: Pick<SimulatedNode, "transmit" | "equivocate">,
): SimulatedNode {
  const consensusKey = keyOf(validator);
  const node: SimulatedNode = {
    name,
    validator,
    isHonest: validator !== world.faults.traitor,
    config: {
      chainId: world.invariants.chainId,
      consensusKey,
      signing: makeSigning(consensusKey),
      openProposal,
      baseTimeoutMs: world.faults.baseTimeoutMs,
      maxTimeoutMs: VIEW_TIMEOUT_MS_MAX,
      heartbeatMs: 10 * T,
      maxDriftMs: 5 * T,
      ...(world.options.mutations ? { mutations: new Set(world.options.mutations) } : {}),
    },
    ...ports,
    decided: (decision) => takeDecision(world, node, decision),
    state: createState(),
    disk: { durable: undefined, blocks: [], roots: [ZERO32] },
    writing: undefined,
    isUp: true,
    pausedUntilMs: 0,
    incarnation: 0,
    pending: [],
    timer: 0,
    ahead: [],
    answeredAtMs: new Map(),
    builtCount: 0,
    sample: createSample(),
  };
  return node;
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
  if (isRestart && node.isHonest) checkRestored(node.state, durable);
  for (const message of node.ahead.splice(0)) if (node.isUp) receive(world, node, message);
  // Nobody waits for an observer, so it looks for blocks by itself; a validator must find its way by what the core sends.
  if (node.state.ownIndex < 0)
    later(world, node, OBSERVER_POLL_MS, () => seekBlock(world, node, height, OBSERVER_POLL_MS));
}

function seekBlock(world: World, node: SimulatedNode, height: number, everyMs: number): void {
  if (node.disk.blocks.length >= height) return;
  node.transmit(world.random.below(world.options.validators), { kind: "want-block", height });
  later(world, node, everyMs, () => seekBlock(world, node, height, everyMs));
}

function takeDecision(world: World, node: SimulatedNode, decision: Decision & { height: number }): void {
  const { height, blockHash, certificate, proposal } = decision;
  note(world, () => `${node.name} decides ${short(blockHash)} at ${height}/${decision.view}`);
  if (node.isHonest) checkDecision(world.invariants, height, decision, validatorsAt(world, height));
  // Decided without the proposal: peers have the block, or will.
  if (proposal === undefined) seekBlock(world, node, height, T);
  else executeBlock(world, node, { height, blockHash, proposal, certificate });
}

/** State, height and block become durable at once; the next height starts after that. */
function executeBlock(world: World, node: SimulatedNode, block: Block): void {
  later(world, node, 1 + world.random.below(isHealed(world) ? 5 : 50), () => {
    if (node.disk.blocks.length + 1 !== block.height) return;
    const root = sha256(concatBytes(node.disk.roots.at(-1)!, block.proposal));
    if (node.isHonest) checkRoot(world.invariants, block.height, root);
    node.disk.blocks.push(block);
    node.disk.roots.push(root);
    world.hasProgress = true;
    startNextHeight(world, node, false);
  });
}

export function receivePacket(world: World, node: SimulatedNode, from: number, packet: Packet): void {
  if (packet.kind === "block") receiveBlock(world, node, packet.block);
  else if (packet.kind === "want-block") sendBlock(node, from, packet.height);
  else {
    const { effects, received } = receive(world, node, packet.message);
    note(world, () => `${node.name} hears from ${from} ${describe(packet.message)}: ${received}`);
    for (const effect of effects) {
      if (effect.kind === "peer-behind" && mayAnswer(world, node, `block ${from}`))
        sendBlock(node, from, effect.height);
      if (effect.kind === "ahead" && mayAnswer(world, node, `want ${from}`))
        node.transmit(from, { kind: "want-block", height: node.disk.blocks.length + 1 });
    }
  }
}

function receive(world: World, node: SimulatedNode, message: Message): ReturnType<typeof feed> {
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

/**
 * Loses everything but the disk. The write under way is lost or whole: the store commits a batch atomically, so a torn one is found by its
 * checksum and counts as lost.
 */
export function crash(world: World, node: SimulatedNode): void {
  const isWritten = node.writing !== undefined && world.random.chance(0.5);
  note(
    world,
    () => `${node.name} crashes${node.writing ? `, last write ${isWritten ? "done" : "lost"}` : ""}`,
  );
  if (isWritten) node.writing?.();
  node.isUp = false;
  node.incarnation++;
  node.pending = [];
  node.writing = undefined;
  node.ahead.length = 0;
}

export function restart(world: World, node: SimulatedNode): void {
  note(world, () => `${node.name} restarts`);
  node.isUp = true;
  node.pausedUntilMs = 0;
  node.state = createState();
  startNextHeight(world, node, true);
}
