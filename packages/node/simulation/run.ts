/** Runs one seed: faults until a quorum heals, then every honest validator of it must decide, within so many views. */
import type { Message } from "../src/consensus/dbft/messages.ts";
import { decodeMessage, encodeMessage } from "../src/consensus/dbft/messages.ts";
import { later, type Packet, type SimulatedNode } from "./driver.ts";
import { runNext, schedule } from "./event-queue.ts";
import { Violation } from "./invariants.ts";
import { crash, createNode, receivePacket, restart, startNextHeight } from "./simulated-node.ts";
import { betray, equivocate } from "./traitor.ts";
import {
  clog,
  createWorld,
  isHealed,
  membersAt,
  type Options,
  repartition,
  repeat,
  T,
  travelTimes,
  VIEW_TIMEOUT_MS_MAX,
  type World,
} from "./world.ts";

const TARGET_HEIGHT = 4;
const REPLAYED = 64;

export interface Report {
  readonly seed: number;
  readonly validators: number;
  /** Undefined when every invariant held. */
  readonly violation: string | undefined;
  readonly heights: number;
  readonly highestView: number;
  readonly healedAfterMs: number;
  /** How far a decision after healing was from the last view allowed; see `viewsAllowed`. */
  readonly sparedViews: number;
  readonly traceHash: string;
  readonly story: readonly string[];
}

export function runSeed(options: Options): Report {
  const world = createWorld(options);
  const nodes = createNodes(world);
  const { lost, healAtMs } = world.faults;
  const demanded = nodes.filter((node) => node.isHonest && !lost.includes(node.validator));
  const isDone = (node: SimulatedNode): boolean => node.disk.blocks.length >= TARGET_HEIGHT;
  let violation: string | undefined;
  let sparedViews = Number.POSITIVE_INFINITY;
  try {
    for (const node of nodes) later(world, node, 0, () => startNextHeight(world, node, false));
    unleash(world, nodes);
    schedule(world.queue, healAtMs, () => {
      for (const node of nodes) if (lost.includes(node.validator) && node.isUp) crash(world, node);
    });
    while (runNext(world.queue) && !isHealed(world));
    const allowed = viewsAllowed(world, nodes);
    world.hasProgress = true;
    for (;;) {
      if (world.hasProgress) {
        world.hasProgress = false;
        sparedViews = Math.min(sparedViews, checkViews(nodes, allowed));
        if (demanded.every(isDone)) break;
      }
      if (!runNext(world.queue) || world.queue.nowMs > healAtMs + patienceMs(options.validators))
        throw new Violation("no progress after the network healed");
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    violation = error instanceof Violation ? error.message : (error.stack ?? error.message);
  }
  return {
    seed: options.seed,
    validators: options.validators,
    violation,
    heights: Math.max(...nodes.map((node) => node.disk.blocks.length)),
    highestView: world.highestView,
    healedAfterMs: world.queue.nowMs - healAtMs,
    sparedViews,
    traceHash: world.trace.digest("hex"),
    story: world.story,
  };
}

/** Every height taking all the views it may, each until its capped timer fires. */
function patienceMs(validators: number): number {
  return TARGET_HEIGHT * 2 * validators * VIEW_TIMEOUT_MS_MAX;
}

/**
 * The last view in which a height may be decided that was open when the network healed: max(w, N) + F + 2. All meet in the highest view w that
 * an honest validator reached; below view N wrong clocks may refuse good proposals; of F + 1 primaries in a row one is honest and up; and two
 * views may go by that not all reached, or not with all statements, in time.
 */
function viewsAllowed(world: World, nodes: readonly SimulatedNode[]): (height: number) => number {
  const views = new Map<number, number>();
  for (const { isHonest, state } of nodes)
    if (isHonest) views.set(state.height, Math.max(views.get(state.height) ?? 0, state.view));
  const decided = Math.max(...nodes.map((node) => node.disk.blocks.length));
  return (height) => {
    if (height <= decided) return Number.POSITIVE_INFINITY;
    const count = membersAt(world, height).length;
    return Math.max(views.get(height) ?? 0, count) + Math.floor((count - 1) / 3) + 2;
  };
}

function checkViews(nodes: readonly SimulatedNode[], allowed: (height: number) => number): number {
  let spared = Number.POSITIVE_INFINITY;
  for (const { isHonest, disk } of nodes) {
    const block = disk.blocks.at(-1);
    if (block === undefined || !isHonest) continue;
    const rest = allowed(block.height) - block.certificate.view;
    if (rest < 0) throw new Violation(`height ${block.height} was decided ${-rest} views too late`);
    spared = Math.min(spared, rest);
  }
  return spared;
}

function createNodes(world: World): SimulatedNode[] {
  const { options, faults, random } = world;
  const nodes: SimulatedNode[] = [];
  const history: Packet[] = [];
  const add = (validator: number, name: string): void => {
    const isTwoFaced = validator === faults.traitor && random.chance(0.5);
    const node = createNode(world, validator, name, {
      transmit: (to, packet) => transmit(world, nodes, history, validator, to, packet),
      equivocate: isTwoFaced ? (message) => equivocate(world, node, message) : undefined,
    });
    nodes.push(node);
  };
  for (let i = 0; i < options.validators; i++) add(i, `${i}`);
  if (faults.hasTwin) add(faults.traitor, `${faults.traitor}'`);
  return nodes;
}

function transmit(
  world: World,
  nodes: readonly SimulatedNode[],
  history: Packet[],
  from: number,
  to: number,
  packet: Packet,
): void {
  const { random, faults } = world;
  const deliver = (sent: Packet): void => {
    for (const node of nodes)
      if (node.validator === to)
        for (const delayMs of travelTimes(world, from, to))
          schedule(world.queue, delayMs, () => arrive(world, node, from, sent));
  };
  deliver(packet);
  if (isHealed(world)) return;
  if (packet.kind === "consensus" && random.chance(faults.tampering))
    deliver({ kind: "consensus", message: tamper(world, packet.message) });
  if (history.length > 0 && random.chance(faults.replay)) deliver(random.pick(history));
  if (history.length < REPLAYED) history.push(packet);
  else history[random.below(REPLAYED)] = packet;
}

function arrive(world: World, node: SimulatedNode, from: number, packet: Packet): void {
  if (!node.isUp) return;
  later(world, node, 0, () => {
    receivePacket(world, node, from, packet);
    if (!node.isHonest && packet.kind === "consensus") betray(world, node, packet.message);
  });
}

/** Moves the view by one or flips a bit; the result still is a well-formed message, or the original. */
function tamper(world: World, message: Message): Message {
  const { random } = world;
  if ("view" in message.body && random.chance(0.5)) {
    const view = Math.max(0, message.body.view + (random.chance(0.5) ? 1 : -1));
    return { type: message.type, body: { ...message.body, view } } as Message;
  }
  const encoded = encodeMessage(message);
  encoded[random.below(encoded.length)]! ^= 1 << random.below(8);
  try {
    return decodeMessage(encoded);
  } catch {
    return message;
  }
}

function unleash(world: World, nodes: readonly SimulatedNode[]): void {
  const { random, faults, queue } = world;
  repeat(world, faults.partitionEveryMs, () => repartition(world));
  repeat(world, faults.clogEveryMs, () => clog(world));
  repeat(world, faults.crashEveryMs, () => {
    // At times the power fails everywhere.
    const victims = random.chance(0.1) ? nodes : [random.pick(nodes)];
    for (const node of victims) {
      if (!node.isUp) continue;
      crash(world, node);
      const downMs = Math.min(random.fraction() * 4 * T, faults.healAtMs - queue.nowMs);
      schedule(queue, downMs, () => {
        if (!isHealed(world) || !faults.lost.includes(node.validator)) restart(world, node);
      });
    }
  });
  repeat(world, faults.pauseEveryMs, () => {
    const node = random.pick(nodes);
    node.pausedUntilMs = Math.min(faults.healAtMs, queue.nowMs + random.fraction() * 5 * T);
  });
}
