/** One network under load, and what has to hold of it after every fault. */
import { createRandom } from "../../src/store/memory-store.ts";
import { type ChainView, createChainView, requireAgreement } from "./chain-view.ts";
import type { Fabric, Seating } from "./fabric.ts";
import type { Fault } from "./faults.ts";
import { type Load, startLoad } from "./load.ts";
import type { NodeProcess } from "./node-process.ts";
import type { TestNetwork } from "./test-network.ts";

/** The promise: after what was wrong is mended, the network decides again within this. */
const DECIDE_AGAIN_MS = 10_000;
/** What is left of the network decides on within this: the hit ones take their turns as primaries, and some links are bad. */
const DECIDE_ON_MS = 30_000;
const SETTLE_MS = 60_000;
const HOLD_MS = 5_000;
const POLL_MS = 50;
/** Blocks that a node which is up to date may just be without. */
const BEHIND_MAX = 3;

export interface TrialOptions {
  readonly seed: number;
  /** Multiplies every limit of time: on a machine that does other work too. */
  readonly patience: number;
  readonly say: (line: string) => void;
  /** Who sends; 12 accounts and 6 devices by default. */
  readonly senders?: { readonly accounts: number; readonly devices: number };
}

/** How long decisions took. */
export interface Suffered {
  /** While the fault lasted; undefined where no quorum was left. */
  readonly onMs: number | undefined;
  /** On all nodes, after it was healed. */
  readonly againMs: number;
}

export interface Trial<Seats extends Seating = Fabric> {
  readonly network: TestNetwork<Seats>;
  readonly load: Load;
  readonly random: (bound: number) => number;
  /** Strikes, looks on, heals, checks; says a line of figures. */
  suffer(fault: Fault<Seats>, options?: { readonly holdMs?: number }): Promise<Suffered>;
  /** One fault after the other at random, without waiting for the network in between. */
  sufferAtRandom(faults: readonly Fault<Seats>[], durationMs: number): Promise<void>;
  /** Starts the first observer, and waits until it has what the others have; says and returns a line of figures. */
  join(): Promise<string>;
  /** Everything acknowledged is on every node that runs, and they agree. */
  settle(): Promise<string>;
  /** How long a new statement takes from now until all these nodes have it in a block. */
  measureDecision(nodes: readonly NodeProcess[], limitMs: number): Promise<number>;
  readonly say: (line: string) => void;
}

/** Starts the validators that do not run yet. */
export async function startTrial<Seats extends Seating>(
  network: TestNetwork<Seats>,
  options: TrialOptions,
): Promise<Trial<Seats>> {
  const { seed, patience, say, senders = { accounts: 12, devices: 6 } } = options;
  const random = createRandom(seed);
  const { chainId, faucet, vendor, validators } = network;
  const startedMs = performance.now();
  for (const node of validators) if (!node.isRunning) node.spawn();
  await Promise.all(validators.map((node) => node.waitUntilUp({ isReady: true })));
  const load = await startLoad({
    founders: { chainId, faucet, vendor },
    ...senders,
    targets: () => validators,
    random,
  });
  say(`${validators.length} processes decide after ${inMs(performance.now() - startedMs)}`);
  const views = new Map<string, ChainView>();
  const viewOf = (node: NodeProcess): ChainView => {
    const view = views.get(node.name) ?? createChainView(node.name);
    views.set(node.name, view);
    return view;
  };

  async function measureDecision(nodes: readonly NodeProcess[], limitMs: number): Promise<number> {
    const startMs = performance.now();
    const endMs = startMs + patience * limitMs;
    const id = await within(load.probe(nodes), patience * limitMs, () => tellNodes(nodes));
    let missing = [...nodes];
    while (missing.length > 0) {
      if (performance.now() > endMs)
        throw new Error(`after ${limitMs} ms not on ${tellNames(missing)}\n${await tellNodes(nodes)}`);
      const states = await Promise.all(missing.map((node) => node.patient.getStatementState(id)));
      missing = missing.filter((_, i) => !["committed", "provable"].includes(states[i]?.state ?? ""));
      if (missing.length > 0) await pause(POLL_MS);
    }
    const tookMs = performance.now() - startMs;
    if (tookMs > patience * limitMs) throw new Error(`a decision took ${inMs(tookMs)}`);
    return tookMs;
  }

  async function settle(): Promise<string> {
    const promised = [...load.acknowledged];
    const nodes = network.live();
    const endMs = performance.now() + patience * SETTLE_MS;
    for (;;) {
      await Promise.all(nodes.map((node) => viewOf(node).advance(node.patient)));
      const lost = nodes.flatMap((node) => {
        const { statements } = viewOf(node);
        return promised.filter(([id]) => !statements.has(id)).map(([id, { by }]) => ({ id, by, on: node }));
      });
      if (lost.length === 0) break;
      if (performance.now() > endMs) {
        const { id, by, on } = lost[0]!;
        const state = await on.client.getStatementState(id).catch(String);
        throw new Error(
          `${lost.length} acknowledged statements are missing, such as ${id}, acknowledged by ${by}, on ${on.name}: ` +
            `${JSON.stringify(state)}\n${await tellNodes(nodes)}`,
        );
      }
      await pause(4 * POLL_MS);
    }
    const all = nodes.map(viewOf);
    requireAgreement(all);
    const height = Math.min(...all.map(({ hashes }) => hashes.length));
    return `${promised.length} acknowledged and committed, ${nodes.length} nodes agree up to ${height}`;
  }

  async function requireAllRunning(): Promise<void> {
    const dead = validators.filter(({ isRunning }) => !isRunning);
    if (dead.length > 0)
      throw new Error(
        dead.map((node) => `${node.name} ended with ${node.ending}:\n${node.tellLog()}`).join("\n"),
      );
  }

  function choose(fault: Fault<Seats>): number[] {
    const seats = [...validators.keys()];
    const hit = Array.from({ length: fault.hits(validators.length) }, () =>
      seats.splice(random(seats.length), 1),
    );
    return hit.flat();
  }

  return {
    network,
    load,
    random,
    say,
    measureDecision,
    settle,
    async suffer(fault, { holdMs = HOLD_MS } = {}) {
      const hit = choose(fault);
      const struckMs = performance.now();
      const { sound, observe, heal } = await fault.strike(network, hit);
      const onMs = sound.length === 0 ? undefined : await measureDecision(sound, DECIDE_ON_MS);
      const seen = await observe?.(load);
      await pause(holdMs - (performance.now() - struckMs));
      const healMs = performance.now();
      await heal();
      const healedMs = performance.now();
      const againMs = await measureDecision(network.live(), DECIDE_AGAIN_MS);
      await requireAllRunning();
      const settled = await settle();
      const of = hit.length === 0 ? "" : ` of ${hit.length} of ${validators.length}`;
      say(
        [
          `${fault.name}${of}:`,
          sound.length === 0 ? "no quorum meanwhile," : `decided on in ${inMs(onMs!)} meanwhile,`,
          ...(healedMs - healMs > 1_000 ? [`up again in ${inMs(healedMs - healMs)},`] : []),
          `again ${inMs(againMs)} after healing;`,
          ...(seen === undefined ? [] : [`${seen};`]),
          settled,
        ].join(" "),
      );
      return { onMs, againMs };
    },
    async sufferAtRandom(faults, durationMs) {
      const endMs = performance.now() + durationMs;
      const story: string[] = [];
      while (performance.now() < endMs) {
        const fault = faults[random(faults.length)]!;
        const { heal } = await fault.strike(network, choose(fault));
        await pause(500 + random(4_000));
        await heal();
        story.push(fault.name);
      }
      const againMs = await measureDecision(network.live(), DECIDE_AGAIN_MS);
      await requireAllRunning();
      say(
        `${story.length} random faults of seed ${seed}: again ${inMs(againMs)} after the last; ${await settle()}`,
      );
    },
    async join() {
      const observer = network.observers[0]!;
      const joinedMs = performance.now();
      observer.spawn();
      await observer.waitUntilUp();
      const upMs = performance.now();
      const endMs = upMs + patience * SETTLE_MS;
      let caughtUp = 0;
      for (;;) {
        const [own, others] = await Promise.all(
          [observer, validators[0]!].map(async (node) => (await node.patient.getStatus()).height),
        );
        caughtUp = own!;
        if (own! >= others! - BEHIND_MAX) break;
        if (performance.now() > endMs)
          throw new Error(`does not catch up:\n${await tellNodes(network.live())}`);
        await pause(POLL_MS);
      }
      const caughtUpMs = performance.now();
      const againMs = await measureDecision(network.live(), DECIDE_AGAIN_MS);
      const line =
        `an observer joins: up after ${inMs(upMs - joinedMs)}, at height ${caughtUp} with the others ${inMs(caughtUpMs - upMs)} later, ` +
        `follows with ${inMs(againMs)}; ${await settle()}`;
      say(line);
      return line;
    },
  };
}

async function tellNodes(nodes: readonly NodeProcess[]): Promise<string> {
  const lines = nodes.map(async (node) => {
    const status = await node.client.getStatus().catch(String);
    const { ending } = node;
    const said = typeof status === "string" ? status : `height ${status.height}, ${status.peers} peers`;
    return `--- ${node.name}: ${ending === undefined ? said : `ended with ${ending}`}\n${node.tellLog()}`;
  });
  return (await Promise.all(lines)).join("\n");
}

function tellNames(nodes: readonly NodeProcess[]): string {
  return nodes.map(({ name }) => name).join(", ");
}

async function within<T>(work: Promise<T>, limitMs: number, tell: () => Promise<string>): Promise<T> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  try {
    const first = await Promise.race([work.then((value) => ({ value })), late]);
    if (typeof first !== "object")
      throw new Error(`nobody took a statement for ${limitMs} ms\n${await tell()}`);
    return first.value;
  } finally {
    clearTimeout(timer);
  }
}

function inMs(ms: number): string {
  return `${Math.round(ms).toLocaleString("en-US")} ms`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
