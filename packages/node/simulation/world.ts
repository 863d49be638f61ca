/** One simulated network: virtual time, faults chosen by the seed, and what must hold throughout. */
import { createHash, type Hash } from "node:crypto";
import type { Mutation } from "../src/consensus/dbft/core.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { createEventQueue, type EventQueue, schedule } from "./event-queue.ts";
import { createInvariants, type Invariants } from "./invariants.ts";
import { createRandom, type Random } from "./random.ts";

export const T = 1000;
export const VIEW_TIMEOUT_MS_MAX = 8 * T;

export interface Options {
  readonly seed: number;
  readonly validators: number;
  readonly mutations?: readonly Mutation[];
  /** Keep a readable line per event. */
  readonly story?: boolean;
  /** Hears what an honest validator sends, once what it tells is durable: here a driver has it signed. */
  readonly onSend?: (validator: number, ownIndex: number, message: Message) => void;
}

/** Everything that goes wrong before the network heals, and what stays wrong. */
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
  readonly clogEveryMs: number;
  readonly crashEveryMs: number;
  readonly pauseEveryMs: number;
  readonly skewMs: readonly number[];
  /** Pool index of the traitor, -1 for none. */
  readonly traitor: number;
  readonly hasTwin: boolean;
  /** From the third height on: one validator sits out each time, or two sit out every other time. */
  readonly setChange: "none" | "rotates" | "resizes";
  /** Pool indexes that are down for good once the network heals: with the traitor never more than F. */
  readonly lost: readonly number[];
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
  /** `cloggedUntilMs[from][to]`: what is sent until then arrives after it. */
  readonly cloggedUntilMs: number[][];
  /** Messages as honest validators sent them or recorded them: none of them may call one invalid. */
  readonly sound: WeakSet<Message>;
  highestView: number;
  /** A block became durable since the last look. */
  hasProgress: boolean;
}

export function createWorld(options: Options): World {
  const random = createRandom(options.seed);
  const faults = chooseFaults(random, options.validators);
  const world: World = {
    options,
    random,
    queue: createEventQueue(),
    faults,
    invariants: createInvariants("simulation-00"),
    trace: createHash("sha256"),
    story: [],
    cuts: [],
    cloggedUntilMs: faults.slowness.map(() => faults.slowness.map(() => 0)),
    sound: new WeakSet(),
    highestView: 0,
    hasProgress: false,
  };
  note(world, () => `faults: ${JSON.stringify(faults)}`);
  return world;
}

function chooseFaults(random: Random, count: number): Faults {
  const often = (probability: number, value: number): number => (random.chance(probability) ? value : 0);
  const each = (value: () => number): number[] => Array.from({ length: count }, value);
  const isHeavy = random.chance(0.4);
  const hasTraitor = count >= 4 && random.chance(0.6);
  const traitor = hasTraitor ? random.below(count) : -1;
  const setChange = chooseSetChange(random, count, hasTraitor);
  return {
    loss: random.fraction() * (isHeavy ? 0.5 : 0.3),
    duplication: often(0.7, 0.2),
    replay: often(0.6, 0.1),
    tampering: often(0.4, 0.05),
    meanDelayMs: T * (0.02 + random.fraction() * (isHeavy ? 1.5 : 0.4)),
    spike: often(0.5, 0.03),
    slowness: each(() => (random.chance(0.25) ? 1 + random.below(6) : 1)),
    partitionEveryMs: often(0.7, T * (2 + random.below(8))),
    clogEveryMs: often(0.4, T * (1 + random.below(4))),
    crashEveryMs: often(0.7, T * (1 + random.below(6))),
    pauseEveryMs: often(0.4, T * (2 + random.below(6))),
    skewMs: each(() => (random.chance(0.1) ? random.below(20 * T) - 10 * T : 0)),
    traitor,
    hasTwin: hasTraitor && random.chance(0.6),
    setChange,
    lost: chooseLost(random, count, traitor, setChange),
    healAtMs: T * (4 + random.below(30)),
    baseTimeoutMs: random.pick([T, T, T / 2, T / 5]),
  };
}

const SIT_OUT_MAX = { none: 0, rotates: 1, resizes: 2 } as const;

/** A traitor needs F >= 1 in the smallest set. */
function chooseSetChange(random: Random, count: number, hasTraitor: boolean): Faults["setChange"] {
  const change = random.pick(["none", "none", "rotates", "resizes"] as const);
  return count - SIT_OUT_MAX[change] >= (hasTraitor ? 4 : 1) ? change : "none";
}

/** What stays down, in half of the runs: up to F, of whom the traitor is one, silent or not. */
function chooseLost(
  random: Random,
  count: number,
  traitor: number,
  setChange: Faults["setChange"],
): readonly number[] {
  const faulty = Math.floor((count - SIT_OUT_MAX[setChange] - 1) / 3);
  const isSilent = traitor >= 0 && random.chance(0.3);
  const lost = isSilent ? [traitor] : [];
  let more = random.chance(0.5) ? faulty - (traitor >= 0 ? 1 : 0) : 0;
  while (more > 0) {
    const index = random.below(count);
    if (index === traitor || lost.includes(index)) continue;
    lost.push(index);
    more--;
  }
  return lost;
}

export function isHealed(world: World): boolean {
  return world.queue.nowMs >= world.faults.healAtMs;
}

export function note(world: World, line: () => string): void {
  if (world.options.story === true) world.story.push(`${world.queue.nowMs} ${line()}`);
}

/** Pool indexes of the validators of a height. */
export function membersAt({ options, faults }: World, height: number): number[] {
  const count = options.validators;
  const out: number[] = [];
  if (height >= 3 && faults.setChange === "rotates") out.push(height % count);
  if (height >= 3 && height % 2 === 1 && faults.setChange === "resizes")
    out.push(height % count, (height + 2) % count);
  const members: number[] = [];
  for (let i = 0; i < count; i++) if (!out.includes(i)) members.push(i);
  return members;
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
  const cut = (): string => `${sides.map(Number).join("")}${isOneWay ? " one way" : ""}`;
  note(world, () => (isWhole ? "the network is whole" : `partition ${cut()}`));
}

/** Holds up one link: everything sent on it comes at once when the clog dissolves. */
export function clog(world: World): void {
  const { random, options, queue, faults } = world;
  const from = random.below(options.validators);
  const to = random.below(options.validators);
  const untilMs = Math.min(faults.healAtMs, queue.nowMs + random.fraction() * 8 * T);
  world.cloggedUntilMs[from]![to] = untilMs;
  note(world, () => `link ${from} to ${to} clogged until ${Math.round(untilMs)}`);
}

/** How long each copy of a packet travels; none if it is lost. */
export function travelTimes(world: World, from: number, to: number): number[] {
  const { random, faults, queue } = world;
  if (isHealed(world)) return [5 + random.below(20)];
  if (world.cuts[from]?.[to] === true || random.chance(faults.loss)) return [];
  const cloggedMs = Math.max(0, world.cloggedUntilMs[from]![to]! - queue.nowMs);
  const mean = faults.meanDelayMs * faults.slowness[from]! * (random.chance(faults.spike) ? 10 : 1);
  const copies = [cloggedMs - Math.log(1 - random.fraction()) * mean];
  if (random.chance(faults.duplication)) copies.push(cloggedMs + random.fraction() * 4 * T);
  return copies;
}
