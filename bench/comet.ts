/** Both engines and the bare one, a network of four processes each, one after the other, under the same load. */

import { findCometBinary } from "../packages/node/src/consensus/comet/process/engine-binary.ts";
import { LhgError } from "../packages/protocol/src/core/errors.ts";
import { type BenchContext, type Figure, type Part, percentile } from "./figures.ts";
import { makePair, startKvstoreNetwork } from "./kvstore-nodes.ts";
import { dealCalls } from "./load.ts";
import {
  driveFullLoad,
  driveLightLoad,
  type FullLoad,
  type LoadedNetwork,
  sum,
  type Wait,
} from "./network-load.ts";
import {
  ACCOUNTS,
  type BenchNetwork,
  CALL_STATEMENTS,
  LANES,
  loadNodes,
  PROCESSES,
  signTransfer,
  signTransfers,
  startBenchNetwork,
  startCometNetwork,
} from "./network-nodes.ts";
import { readMemory } from "./processes.ts";

/** What LHG may cost above the bare engine, in CPU seconds of all nodes for 1,000 transactions. */
const AIM_CPU_ABOVE_BARE_S = 0.35;
const AIM_DBFT_TO_COMET = 1.5;

export const comet: Part = {
  name: "comet",
  run: async (context) => {
    const binary = await findBinary(context);
    if (binary === undefined) return [];
    const lhg = await measureNodes(context, COMET_TITLE, startCometNetwork);
    const bare = await measureKvstore(context, binary, lhg.sizeBytes);
    const dbft = await measureNodes(context, DBFT_TITLE, startBenchNetwork);
    return listFigures(bare, lhg, dbft);
  },
};

const BARE_TITLE = "a: CometBFT, kvstore";
const COMET_TITLE = "b: CometBFT, LHG";
const DBFT_TITLE = "c: dBFT, LHG";

/** By the path of the search that `lhg node` takes; undefined where there is none. */
async function findBinary(context: BenchContext): Promise<string | undefined> {
  try {
    return (await findCometBinary({ path: process.env.PATH ?? "" })).file;
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    context.say(`SKIPPED: ${error.field}: ${error.message}`);
    return undefined;
  }
}

interface Measured {
  readonly title: string;
  readonly full: FullLoad;
  readonly light: readonly Wait[];
  /** Resident, of one node, by program; after the load. */
  readonly memoryBytes: ReadonlyMap<string, number>;
  /** Of one transaction. */
  readonly sizeBytes: number;
}

async function measureNodes(
  context: BenchContext,
  title: string,
  start: () => Promise<BenchNetwork>,
): Promise<Measured> {
  const nodes = await start();
  try {
    const { chainId, accounts } = nodes;
    const network = loadNodes(nodes);
    let sizeBytes = 0;
    const full = await driveFullLoad(context, network, title, (perAccount) => {
      const lanes = signTransfers(nodes, perAccount);
      sizeBytes = lanes[0]![0]![0]!.length;
      return lanes;
    });
    const light = await driveLightLoad(context, network, (turn) =>
      signTransfer(chainId, accounts[turn % accounts.length]!),
    );
    return { title, full, light, memoryBytes: readMemoryByProgram(network), sizeBytes };
  } finally {
    await nodes.stop();
  }
}

async function measureKvstore(context: BenchContext, binary: string, sizeBytes: number): Promise<Measured> {
  const network = await startKvstoreNetwork(binary);
  try {
    const full = await driveFullLoad(context, network, BARE_TITLE, (perSender) =>
      dealCalls(ACCOUNTS, { lanes: LANES, perSender, callSize: CALL_STATEMENTS }, () => makePair(sizeBytes)),
    );
    const light = await driveLightLoad(context, network, () => makePair(sizeBytes));
    await network.requireAllCommitted();
    return { title: BARE_TITLE, full, light, memoryBytes: readMemoryByProgram(network), sizeBytes };
  } finally {
    await network.stop();
  }
}

function readMemoryByProgram(network: LoadedNetwork): Map<string, number> {
  return new Map(
    [...network.listProcesses()].map(([program, pids]) => [
      program,
      sum(pids.map((pid) => readMemory(pid)?.residentBytes ?? Number.NaN)) / network.nodes,
    ]),
  );
}

function listFigures(bare: Measured, lhg: Measured, dbft: Measured): Figure[] {
  const [bareRate, lhgRate] = [rateOf(bare), rateOf(lhg)];
  const bareCpu = cpuOf(bare.full.cpuTimesUs);
  const beside = (name: string, value: number) => ({ limit: { name, value } });
  const [besideBare, besideLhg] = [beside(BARE_TITLE, bareRate), beside(COMET_TITLE, lhgRate)];
  return [
    ...describe(bare, {}, {}),
    ...describe(lhg, besideBare, {
      ...beside(BARE_TITLE, bareCpu),
      aim: { atMost: bareCpu + AIM_CPU_ABOVE_BARE_S },
    }),
    ...describe(
      dbft,
      { ...besideLhg, aim: { atLeast: AIM_DBFT_TO_COMET * lhgRate } },
      beside(BARE_TITLE, bareCpu),
    ),
  ];
}

type Comparison = Pick<Figure, "limit" | "aim">;

function describe(measured: Measured, ofRate: Comparison, ofCpu: Comparison): Figure[] {
  const { title, full, light, memoryBytes, sizeBytes } = measured;
  const cpu = cpuOf(full.cpuTimesUs);
  const finality = (waits: readonly Wait[], percent: number): number =>
    percentile(
      waits.map(({ finalMs }) => finalMs),
      percent,
    );
  const figure = (name: string, value: number, unit: string, comparison: Comparison = {}): Figure => ({
    name: `${title}: ${name}`,
    value,
    unit,
    ...comparison,
  });
  return [
    figure(`transactions of ${sizeBytes} B`, rateOf(measured), "/s", ofRate),
    figure("CPU of 1,000 in all nodes", cpu, "s", ofCpu),
    figure("CPU of 1,000 in one node", cpu / PROCESSES, "s"),
    ...listParts(full.cpuTimesUsByProgram).map(([program, times]) =>
      figure(`CPU of 1,000 in all nodes, ${program}`, cpuOf(times), "s"),
    ),
    figure("finality p50, full load", finality(full.waits, 50), "ms"),
    figure("finality p99, full load", finality(full.waits, 99), "ms"),
    figure("finality p50, one each 100 ms", finality(light, 50), "ms"),
    figure("finality p99, one each 100 ms", finality(light, 99), "ms"),
    figure("resident memory of one node", sum([...memoryBytes.values()]) / 1e6, "MB"),
    ...listParts(memoryBytes).map(([program, bytes]) =>
      figure(`resident memory of one node, ${program}`, bytes / 1e6, "MB"),
    ),
  ];
}

/** Of a node with one program that is the node. */
function listParts<T>(byProgram: ReadonlyMap<string, T>): (readonly [program: string, value: T])[] {
  return byProgram.size === 1 ? [] : [...byProgram];
}

function rateOf({ full }: Measured): number {
  return percentile(full.rates, 50);
}

/** Seconds for 1,000 transactions. */
function cpuOf(timesUs: readonly number[]): number {
  return percentile(timesUs, 50) / 1_000;
}
