/** kill -9 of the ledger, of its engine, and of both: at random, and in the midst of what each of them writes for a block. */
import { watch } from "node:fs";
import { join } from "node:path";
import type { Fault } from "../network/faults.ts";
import type { PortBlocks } from "../network/loopback.ts";
import type { NodeProcess } from "../network/node-process.ts";
import type { Trial } from "../network/trial.ts";
import { readStates, requireSameState } from "./agreement.ts";
import { type Handshake, readHandshakes, requireEngine, waitForEngine, waitUntilGone } from "./engines.ts";
import { pause } from "./poll.ts";

const VICTIMS = ["ledger", "engine", "both"] as const;
type Victim = (typeof VICTIMS)[number];

/** In the order in which a block comes to be: the folders of a home that change, and what they change for. */
const MOMENTS = [
  { name: "at random", folder: undefined },
  { name: "as CometBFT stores the block", folder: "comet/data/blockstore.db" },
  { name: "as CometBFT notes the step", folder: "comet/data/cs.wal" },
  { name: "as the ledger commits", folder: "data/ledger" },
  { name: "as CometBFT stores its state", folder: "comet/data/state.db" },
] as const;
type Moment = (typeof MOMENTS)[number];

const RANDOM_MS_MAX = 1_500;
/** From FinalizeBlock over Commit to what CometBFT writes after it. */
const AFTER_MS_MAX = 12;
/** Load is steady: something is written all the time. */
const WRITE_MS_MAX = 10_000;
/** An engine without its ledger ends at once; a busy machine takes its time. */
const ORPHAN_MS_MAX = 60_000;

export interface CrashReport {
  readonly kills: Readonly<Record<Victim, number>>;
  /** Decisions of the three others meanwhile, and of all four afterwards. */
  readonly onMs: readonly number[];
  readonly againMs: readonly number[];
  /** How long an engine lived on without its ledger. */
  readonly orphanMs: readonly number[];
  /** What the engines found when they came back. */
  readonly handshakes: readonly Handshake[];
  /** App hashes of two nodes at one height that were compared. */
  readonly compared: number;
}

/** Throws at the first crash after which something is not as it should be. */
export async function crashNodes(trial: Trial<PortBlocks>, count: number): Promise<CrashReport> {
  const { network, random } = trial;
  const { validators } = network;
  const before = await countHandshakes(validators);
  const kills = { ledger: 0, engine: 0, both: 0 };
  const onMs: number[] = [];
  const againMs: number[] = [];
  const orphanMs: number[] = [];
  let compared = 0;
  for (let i = 0; i < count; i++) {
    const victim = VICTIMS[i % VICTIMS.length]!;
    const moment = MOMENTS[random(MOMENTS.length)]!;
    // Whoever restarts a node at once may meet the engine of the one before.
    const isAtOnce = random(2) === 0;
    const crash = makeCrash({ victim, moment, isAtOnce, random, orphanMs });
    const took = await trial.suffer(crash, { holdMs: 0 });
    onMs.push(took.onMs!);
    againMs.push(took.againMs);
    kills[victim]++;
    for (const node of validators) requireEngine(node);
    compared += requireSameState(await readStates(validators));
  }
  const handshakes = await Promise.all(
    validators.map(async (node, i) => (await readHandshakes(node)).slice(before[i])),
  );
  return { kills, onMs, againMs, orphanMs, handshakes: handshakes.flat(), compared };
}

async function countHandshakes(nodes: readonly NodeProcess[]): Promise<number[]> {
  return Promise.all(nodes.map(async (node) => (await readHandshakes(node)).length));
}

interface CrashPlan {
  readonly victim: Victim;
  readonly moment: Moment;
  readonly isAtOnce: boolean;
  readonly random: (bound: number) => number;
  readonly orphanMs: number[];
}

function makeCrash({ victim, moment, isAtOnce, random, orphanMs }: CrashPlan): Fault<PortBlocks> {
  const restart = isAtOnce && victim !== "engine" ? ", restarted at once" : "";
  return {
    name: `kill -9 of ${victim === "both" ? victim : `the ${victim}`} ${moment.name}${restart}`,
    hits: () => 1,
    async strike({ validators }, [seat]) {
      const node = validators[seat!]!;
      const { pid } = requireEngine(node);
      await waitForMoment(node, moment, random);
      const ended = victim === "engine" ? undefined : node.kill();
      if (victim !== "ledger") process.kill(pid, "SIGKILL");
      await ended;
      const restarts = victim !== "engine" && isAtOnce;
      if (restarts) node.spawn();
      const gone = waitUntilGone(node.seat.home, [pid], ORPHAN_MS_MAX);
      // Awaited when it is healed.
      gone.catch(() => {});
      return {
        sound: validators.filter((other) => other !== node),
        observe: async () => {
          const goneMs = await gone;
          if (victim === "ledger") orphanMs.push(goneMs);
          return `the engine was gone after ${Math.round(goneMs)} ms`;
        },
        async heal() {
          if (!node.isRunning) node.spawn();
          await node.waitUntilUp();
          await waitForEngine(node, [pid]);
        },
      };
    },
  };
}

async function waitForMoment(
  { seat }: NodeProcess,
  { folder }: Moment,
  random: (bound: number) => number,
): Promise<void> {
  if (folder === undefined) return pause(random(RANDOM_MS_MAX));
  await waitForWrite(join(seat.home, folder));
  const afterMs = random(AFTER_MS_MAX);
  // A timer may take a millisecond by itself: half of them not at all.
  if (afterMs > AFTER_MS_MAX / 2) await pause(afterMs);
}

function waitForWrite(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder);
    const timer = setTimeout(() => {
      watcher.close();
      reject(new Error(`nothing is written in ${folder}`));
    }, WRITE_MS_MAX);
    watcher.once("change", () => {
      clearTimeout(timer);
      watcher.close();
      resolve();
    });
  });
}

/** How far apart ledger and engine were, in words. */
export function describeHandshakes(handshakes: readonly Handshake[]): string {
  const kinds = new Map<string, number>();
  for (const { ledger, blocks, state } of handshakes) {
    const kind =
      ledger === blocks && blocks === state
        ? "level"
        : blocks > state && ledger === blocks
          ? "after Commit and before CometBFT noted it"
          : blocks > state
            ? "with a block stored and not executed"
            : `at ledger ${ledger}, blocks ${blocks}, state ${state}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ");
}
