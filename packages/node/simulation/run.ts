/** Runs one seed: faults until the network heals, then every honest validator must decide on. */
import type { Message } from "../src/consensus/dbft/messages.ts";
import { decodeMessage, encodeMessage } from "../src/consensus/dbft/messages.ts";
import { runNext, schedule } from "./event-queue.ts";
import { Violation } from "./invariants.ts";
import {
  crash,
  createNode,
  later,
  type Packet,
  receivePacket,
  restart,
  type SimulatedNode,
  startNextHeight,
} from "./simulated-node.ts";
import { betray } from "./traitor.ts";
import {
  createWorld,
  isHealed,
  type Options,
  repartition,
  repeat,
  T,
  travelTimes,
  type World,
} from "./world.ts";

const TARGET_HEIGHT = 4;
/** After the network healed, TARGET_HEIGHT blocks take less than this; 40 views of a capped timer would take longer. */
const PATIENCE_MS = 300 * T;
const REPLAYED = 64;

export interface Report {
  readonly seed: number;
  readonly validators: number;
  /** Undefined when every invariant held. */
  readonly violation: string | undefined;
  readonly heights: number;
  readonly highestView: number;
  readonly healedAfterMs: number;
  readonly traceHash: string;
  readonly story: readonly string[];
}

export function runSeed(options: Options): Report {
  const world = createWorld(options);
  const nodes = createNodes(world);
  let highestView = 0;
  let violation: string | undefined;
  const isDone = (node: SimulatedNode): boolean => !node.isHonest || node.disk.blocks.length >= TARGET_HEIGHT;
  try {
    for (const node of nodes) later(world, node, 0, () => startNextHeight(world, node, false));
    unleash(world, nodes);
    while (!nodes.every(isDone) && runNext(world.queue)) {
      for (const node of nodes) if (node.isHonest) highestView = Math.max(highestView, node.state.view);
      if (world.queue.nowMs > world.faults.healAtMs + PATIENCE_MS)
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
    highestView,
    healedAfterMs: world.queue.nowMs - world.faults.healAtMs,
    traceHash: world.trace.digest("hex"),
    story: world.story,
  };
}

function createNodes(world: World): SimulatedNode[] {
  const { validators } = world.options;
  const nodes: SimulatedNode[] = [];
  const history: Packet[] = [];
  const add = (validator: number, name: string): void => {
    nodes.push(
      createNode(world, validator, name, (to, packet) =>
        transmit(world, nodes, history, validator, to, packet),
      ),
    );
  };
  for (let i = 0; i < validators; i++) add(i, `${i}`);
  if (world.faults.hasTwin) add(world.faults.traitor, `${world.faults.traitor}'`);
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
  const { random, faults } = world;
  repeat(world, faults.partitionEveryMs, () => repartition(world));
  repeat(world, faults.crashEveryMs, () => {
    // At times the power fails everywhere.
    const victims = random.chance(0.1) ? nodes : [random.pick(nodes)];
    for (const node of victims) {
      if (!node.isUp) continue;
      crash(world, node);
      schedule(world.queue, random.fraction() * 4 * T, () => restart(world, node));
    }
  });
  repeat(world, faults.pauseEveryMs, () => {
    const node = random.pick(nodes);
    node.pausedUntilMs = Math.min(faults.healAtMs, world.queue.nowMs + random.fraction() * 5 * T);
  });
}
