/** One simulated network: virtual time, faults chosen by the seed, and what must hold throughout. */
import { createHash, type Hash } from "node:crypto";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { createEventQueue, type EventQueue, schedule } from "./event-queue.ts";
import { createInvariants, type Invariants } from "./invariants.ts";
import { createRandom, type Random } from "./random.ts";

export const T = 1000;

export interface Options {
  readonly seed: number;
  readonly validators: number;
  readonly mutations?: readonly Mutation[];
  /** Keep a readable line per event. */
  readonly story?: boolean;
  /** Hears what an honest validator sends, once what it tells is durable: here a driver has it signed. */
  readonly onSend?: (validator: number, ownIndex: number, message: Message) => void;
}

/** Everything that goes wrong before the network heals. */
export interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly replay: number;
  readonly tampering: number;
  readonly meanDelayMs: number;
  readonly spike: number;
  /** By sender: factor of its delays. */
  readonly slowness: readonly number[];
  readonly partitionEveryMs: number;
  readonly crashEveryMs: number;
  readonly pauseEveryMs: number;
  readonly skewMs: readonly number[];
  /** Pool index of the traitor, -1 for none. */
  readonly traitor: number;
  readonly hasTwin: boolean;
  readonly rotatesSet: boolean;
  readonly healAtMs: number;
  /** The core's T: short against the delays, it makes views change often. */
  readonly baseTimeoutMs: number;
}

export interface World {
  readonly options: Options;
  readonly random: Random;
  readonly queue: EventQueue;
  readonly faults: Faults;
  readonly invariants: Invariants;
  readonly trace: Hash;
  readonly story: string[];
  /** `cuts[from][to]`: nothing gets through. */
  cuts: boolean[][];
}

export function createWorld(options: Options): World {
  const random = createRandom(options.seed);
  return {
    options,
    random,
    queue: createEventQueue(),
    faults: chooseFaults(random, options.validators),
    invariants: createInvariants("simulation-00"),
    trace: createHash("sha256"),
    story: [],
    cuts: [],
  };
}

function chooseFaults(random: Random, count: number): Faults {
  const often = (probability: number, value: number): number => (random.chance(probability) ? value : 0);
  const isHeavy = random.chance(0.4);
  const hasTraitor = count >= 4 && random.chance(0.6);
  const each = (value: () => number): number[] => Array.from({ length: count }, value);
  return {
    loss: random.fraction() * (isHeavy ? 0.5 : 0.3),
    duplication: often(0.7, 0.2),
    replay: often(0.6, 0.1),
    tampering: often(0.4, 0.05),
    meanDelayMs: T * (0.02 + random.fraction() * (isHeavy ? 1.5 : 0.4)),
    spike: often(0.5, 0.03),
    slowness: each(() => (random.chance(0.25) ? 1 + random.below(6) : 1)),
    partitionEveryMs: often(0.7, T * (2 + random.below(8))),
    crashEveryMs: often(0.7, T * (1 + random.below(6))),
    pauseEveryMs: often(0.4, T * (2 + random.below(6))),
    skewMs: each(() => (random.chance(0.2) ? random.below(20 * T) - 10 * T : 0)),
    traitor: hasTraitor ? random.below(count) : -1,
    hasTwin: hasTraitor && random.chance(0.7),
    // One validator sits out each height from the third on; a traitor needs F >= 1 in what remains.
    rotatesSet: random.chance(0.25) && count >= (hasTraitor ? 5 : 2),
    healAtMs: T * (4 + random.below(30)),
    baseTimeoutMs: random.pick([T, T, T / 2, T / 5]),
  };
}

export function isHealed(world: World): boolean {
  return world.queue.nowMs >= world.faults.healAtMs;
}

export function note(world: World, line: () => string): void {
  if (world.options.story === true) world.story.push(`${world.queue.nowMs} ${line()}`);
}

/** Pool indexes of the validators of a height. */
export function membersAt(world: World, height: number): number[] {
  const pool = Array.from({ length: world.options.validators }, (_, i) => i);
  return world.faults.rotatesSet && height >= 3 ? pool.filter((i) => i !== height % pool.length) : pool;
}

export function repeat(world: World, everyMs: number, action: () => void): void {
  if (everyMs === 0) return;
  const next = (): void =>
    schedule(world.queue, everyMs * (0.5 + world.random.fraction()), () => {
      if (isHealed(world)) return;
      action();
      next();
    });
  next();
}

/** Cuts the network in two, in one direction only at times; at others it joins it again. */
export function repartition(world: World): void {
  const { random, options } = world;
  const sides = Array.from({ length: options.validators }, () => random.chance(0.5));
  const isOneWay = random.chance(0.3);
  const isWhole = random.chance(0.35);
  world.cuts = sides.map((from) => sides.map((to) => !isWhole && from !== to && (!isOneWay || from)));
  note(world, () => (isWhole ? "network whole" : `partition ${sides.map(Number).join("")} ${isOneWay}`));
}

/** How long each copy of a packet travels; none if it is lost. */
export function travelTimes(world: World, from: number, to: number): number[] {
  const { random, faults } = world;
  if (isHealed(world)) return [5 + random.below(20)];
  if (world.cuts[from]?.[to] === true || random.chance(faults.loss)) return [];
  const mean = faults.meanDelayMs * faults.slowness[from]! * (random.chance(faults.spike) ? 10 : 1);
  const copies = [-Math.log(1 - random.fraction()) * mean];
  if (random.chance(faults.duplication)) copies.push(random.fraction() * 4 * T);
  return copies;
}
