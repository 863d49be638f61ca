/** Calls of transactions to the processes of a network, and what came of them: rates, waits, CPU. The same for every engine. */
import { type BenchContext, bySize } from "./figures.ts";
import type { Call } from "./load.ts";
import { readCpuUs } from "./processes.ts";

/** Processes that take calls, whatever their API is. Nodes are told apart by their place, from 0. */
export interface LoadedNetwork {
  readonly nodes: number;
  /** Hands a call over; the name of its last transaction, once the node has answered for all of them. */
  readonly send: (node: number, call: Call) => Promise<string>;
  /** Of the newest block that the first node has executed. */
  readonly readHeight: () => Promise<number>;
  /** Where the first node has a transaction that was sent; waits for it. Rejects where it did not succeed. */
  readonly locate: (name: string) => Promise<number>;
  /** Ids of all processes of all nodes, by the program that they run. */
  readonly listProcesses: () => ReadonlyMap<string, readonly number[]>;
}

/** Times of blocks are known to this. */
const WATCH_MS = 5;
const LIGHT_INTERVAL_MS = 100;

/** When each height was seen at the first node: committed, and proven by the header after it. */
export interface BlockDates {
  readonly finalAt: ReadonlyMap<number, number>;
  readonly provableAt: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

function dateBlocks({ readHeight }: Pick<LoadedNetwork, "readHeight">): BlockDates {
  const finalAt = new Map<number, number>();
  const provableAt = new Map<number, number>();
  let isStopped = false;
  const watch = async (): Promise<void> => {
    let last: number | undefined;
    while (!isStopped) {
      const height = await readHeight();
      const nowMs = performance.now();
      for (let each = last ?? height; each <= height; each++) {
        if (!finalAt.has(each)) finalAt.set(each, nowMs);
        if (!provableAt.has(each - 1)) provableAt.set(each - 1, nowMs);
      }
      last = height;
      await sleep(WATCH_MS);
    }
  };
  const watching = watch();
  watching.catch(() => {});
  return {
    finalAt,
    provableAt,
    async stop() {
      isStopped = true;
      await watching;
    },
  };
}

export interface Sent {
  readonly sentMs: number;
  readonly name: string;
}

export interface Wait {
  readonly height: number;
  readonly finalMs: number;
  readonly provableMs: number;
}

/** How long each of these waited, by the clock of this process. Waits until all are provable at the first node. */
async function readWaits(
  { locate }: LoadedNetwork,
  dates: BlockDates,
  sent: readonly Sent[],
): Promise<Wait[]> {
  const waits: Wait[] = [];
  for (const { sentMs, name } of sent) {
    const height = await locate(name);
    while (!dates.provableAt.has(height)) await sleep(WATCH_MS);
    waits.push({
      height,
      finalMs: dates.finalAt.get(height)! - sentMs,
      provableMs: dates.provableAt.get(height)! - sentMs,
    });
  }
  return waits;
}

/** One call after the other at one node; of each the last transaction is remembered. */
async function sendLane(network: LoadedNetwork, node: number, lane: readonly Call[]): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (const call of lane) {
    const sentMs = performance.now();
    sent.push({ sentMs, name: await network.send(node, call) });
  }
  return sent;
}

/** Lanes spread over the nodes, so that half of what a block holds came by gossip at least. */
async function sendAll(network: LoadedNetwork, lanes: readonly (readonly Call[])[]): Promise<Sent[]> {
  const sent = await Promise.all(lanes.map((lane, i) => sendLane(network, i % network.nodes, lane)));
  return sent.flat();
}

export interface FullLoad {
  /** Transactions a second, a round each. */
  readonly rates: readonly number[];
  /** Of one transaction in all nodes, a round each; NaN where the system does not tell. */
  readonly cpuTimesUs: readonly number[];
  /** The same by program. */
  readonly cpuTimesUsByProgram: ReadonlyMap<string, readonly number[]>;
  /** Of the last transaction of every call of every round. */
  readonly waits: readonly Wait[];
}

/** A round to warm up, then those that count; `sign` makes what so many turns of each sender are. */
export async function driveFullLoad(
  context: BenchContext,
  network: LoadedNetwork,
  title: string,
  sign: (perSender: number) => readonly (readonly Call[])[],
): Promise<FullLoad> {
  const rounds = bySize(context, { quick: 1, default: 3, full: 5 });
  const perSender = bySize(context, { quick: 10, default: 60, full: 150 });
  if (context.size !== "quick") await sendAll(network, sign(20));
  const rates: number[] = [];
  const cpuTimesUs = new Map([...network.listProcesses().keys()].map((program) => [program, [] as number[]]));
  const waits: Wait[] = [];
  for (let round = 1; round <= rounds; round++) {
    const lanes = sign(perSender);
    const transactions = lanes.flat().reduce((sum, call) => sum + call.length, 0);
    const dates = dateBlocks(network);
    const before = readCpuByProgram(network);
    const ownBefore = process.cpuUsage();
    const startedMs = performance.now();
    const seen = await readWaits(network, dates, await sendAll(network, lanes));
    await dates.stop();
    const endedMs = Math.max(...seen.map(({ height }) => dates.finalAt.get(height)!));
    const perSecond = (transactions / (endedMs - startedMs)) * 1000;
    const after = readCpuByProgram(network);
    for (const [program, times] of cpuTimesUs)
      times.push((after.get(program)! - before.get(program)!) / transactions);
    const own = process.cpuUsage(ownBefore);
    const shares = [...cpuTimesUs].map(([program, times]) => `${program} ${times.at(-1)!.toFixed(0)}`);
    context.say(
      `${title}, round ${round}: ${perSecond.toFixed(0)}/s, CPU us of each: ${shares.join(", ")}, ` +
        `clients ${((own.user + own.system) / transactions).toFixed(0)}`,
    );
    rates.push(perSecond);
    waits.push(...seen);
  }
  return {
    rates,
    cpuTimesUs: rates.map((_, round) => sum([...cpuTimesUs.values()].map((times) => times[round]!))),
    cpuTimesUsByProgram: cpuTimesUs,
    waits,
  };
}

function readCpuByProgram({ listProcesses }: LoadedNetwork): Map<string, number> {
  return new Map(
    [...listProcesses()].map(([program, pids]) => [
      program,
      sum(pids.map((pid) => readCpuUs(pid) ?? Number.NaN)),
    ]),
  );
}

/** A transaction each 100 ms, at one after the other of the first nodes. */
export async function driveLightLoad(
  context: BenchContext,
  network: LoadedNetwork,
  sign: (turn: number) => Uint8Array,
  living: number = network.nodes,
): Promise<Wait[]> {
  const calls = bySize(context, { quick: 30, default: 150, full: 600 });
  const dates = dateBlocks(network);
  const startedMs = performance.now();
  const sent = await Promise.all(
    Array.from({ length: calls }, async (_, i): Promise<Sent> => {
      const bytes = sign(i);
      await sleep(startedMs + i * LIGHT_INTERVAL_MS - performance.now());
      const [first] = await sendLane(network, i % living, [[bytes]]);
      return first!;
    }),
  );
  const waits = await readWaits(network, dates, sent);
  await dates.stop();
  return waits;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
