/** Networks, each with the faults it has to outlast. */
import { compareDisks, readConsensusKey, readDisk } from "./audit.ts";
import {
  allKilled,
  clockOff,
  DISK_SEAT,
  disconnected,
  diskFull,
  type Fault,
  killed,
  lossy,
  lying,
  mute,
  paused,
  slow,
  split,
} from "./faults.ts";
import { chooseFabric, createTestNetwork, type NetworkPlan } from "./test-network.ts";
import { startTrial, type Trial, type TrialOptions } from "./trial.ts";

const MIXED_MS = 60_000;
const TRAITOR = 3;
const DISK_MIB = 64;

export interface Scenario {
  readonly name: string;
  readonly plan: NetworkPlan;
  /** Part of `npm run e2e`. */
  readonly isShort: boolean;
  run(trial: Trial): Promise<void>;
}

const all =
  (faults: readonly Fault[]) =>
  async (trial: Trial): Promise<void> => {
    for (const fault of faults) await trial.suffer(fault);
  };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "four processes",
    plan: { validators: 4 },
    isShort: true,
    run: all([killed, mute, allKilled]),
  },
  {
    name: "four processes, more",
    plan: { validators: 4, observers: 1 },
    isShort: false,
    async run(trial) {
      await all([paused, disconnected, split, lossy, clockOff(2), clockOff(-2)])(trial);
      await trial.join();
    },
  },
  {
    name: "four processes, one of them a traitor",
    plan: { validators: 4, traitor: TRAITOR },
    isShort: true,
    run: all([lying]),
  },
  {
    name: "four processes, a small disk",
    plan: { validators: 4, smallDisk: { seat: DISK_SEAT, sizeMiB: DISK_MIB } },
    isShort: false,
    run: all([diskFull]),
  },
  {
    name: "four processes, slow links",
    plan: { validators: 4, needsDelay: true },
    isShort: false,
    run: all([slow]),
  },
  {
    name: "seven processes",
    plan: { validators: 7, observers: 1 },
    isShort: false,
    async run(trial) {
      await all([killed, paused, disconnected, split, mute, lossy, allKilled])(trial);
      await trial.join();
      await trial.sufferAtRandom([killed, paused, disconnected, split, mute, lossy, allKilled], MIXED_MS);
    },
  },
];

/** Starts a network, lets it suffer, stops it and compares what is on the disks. Throws with what went wrong. */
export async function runScenario(scenario: Scenario, options: TrialOptions): Promise<void> {
  const { plan } = scenario;
  const seats = plan.validators + (plan.observers ?? 0);
  const { fabric, why } = await chooseFabric({ seats, needsDelay: plan.needsDelay === true });
  const network = await createTestNetwork(plan, fabric);
  const { say } = options;
  let trial: Trial | undefined;
  try {
    say(`${scenario.name}, in ${fabric.kind}${why === undefined ? "" : ` (${why})`}`);
    trial = await startTrial(network, options);
    await scenario.run(trial);
    await trial.load.stop();
    await trial.settle();
    const nodes = network.live();
    await Promise.all(nodes.map((node) => node.stop()));
    const reports = [];
    for (const node of nodes) reports.push(await readDisk(node));
    const { height, statements } = compareDisks(reports, trial.load.acknowledged.keys());
    const traitor = plan.traitor === undefined ? undefined : network.validators[plan.traitor]!;
    const guilty = traitor === undefined ? "" : await readConsensusKey(traitor.seat.home);
    for (const { name, accused } of reports) {
      const names = [...accused.keys()].join();
      if (names !== guilty) throw new Error(`on ${name} evidence is against ${names || "nobody"}`);
    }
    const troubles = [...trial.load.troubles].map(([code, times]) => `${times} ${code}`).join(", ");
    say(
      `stopped: ${nodes.length} disks hold the same ${height} blocks, ${statements} statements once each, ` +
        `all ${trial.load.acknowledged.size} acknowledged ones among them (turned away: ${troubles || "none"})`,
    );
  } finally {
    await trial?.load.stop().catch(() => {});
    await network.close();
  }
}
