/** Drives a chain with signed statements and measures from the first call to the last commit. */
import { readdirSync, readFileSync } from "node:fs";
import type { SubmitResult } from "../packages/node/src/api/service.ts";
import type { BenchChain } from "./chain.ts";
import { type BenchContext, bySize, median } from "./figures.ts";

/** Submissions that one call carries. */
export type Call = readonly Uint8Array[];

export interface LoadResult {
  readonly statements: number;
  readonly perSecond: number;
  readonly statementsPerBlock: number;
  /** CPU time of all threads for one statement. */
  readonly cpuUsPerStatement: number;
  /** The same by name of thread, where the system tells. */
  readonly cpuUsByThread: ReadonlyMap<string, number>;
}

/** Call after call of every lane, lanes side by side: what must stay in order stands in one lane. */
export async function driveLoad(
  { service, failure }: BenchChain,
  lanes: readonly (readonly Call[])[],
): Promise<LoadResult> {
  const statements = lanes.flat().reduce((sum, call) => sum + call.length, 0);
  const before = await countSucceeded(service);
  let blocks = 0;
  let lastCommitMs = 0;
  let check: () => void = () => {};
  const unsubscribe = service.subscribe(({ isWorking }) => {
    if (isWorking) {
      blocks++;
      lastCommitMs = performance.now();
    }
    check();
  });
  try {
    const threadsBefore = readThreadCpuUs();
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    await Promise.race([failure, Promise.all(lanes.map((lane) => driveLane(service, lane)))]);
    const settled = new Promise<void>((resolve, reject) => {
      check = () => {
        service.status().then(({ mempool }) => {
          if (mempool.statements === 0) resolve();
        }, reject);
      };
      check();
    });
    await Promise.race([failure, settled]);
    const cpu = process.cpuUsage(cpuBefore);
    const threads = readThreadCpuUs();
    const succeeded = (await countSucceeded(service)) - before;
    if (succeeded !== statements)
      throw new Error(`${statements} statements were sent and ${succeeded} succeeded`);
    return {
      statements,
      perSecond: (statements / (lastCommitMs - startedMs)) * 1000,
      statementsPerBlock: statements / blocks,
      cpuUsPerStatement: (cpu.user + cpu.system) / statements,
      cpuUsByThread: new Map(
        [...threads].map(([name, us]) => [name, (us - (threadsBefore.get(name) ?? 0)) / statements]),
      ),
    };
  } finally {
    unsubscribe();
  }
}

/** A round to warm up, then those that count. Each draws its statements when the one before has ended. */
export async function driveRounds(
  context: BenchContext,
  chain: BenchChain,
  title: string,
  sign: () => readonly (readonly Call[])[],
): Promise<LoadResult> {
  if (context.size !== "quick") await driveLoad(chain, sign());
  const results: LoadResult[] = [];
  for (let round = 1; round <= bySize(context, { quick: 1, default: 3, full: 5 }); round++) {
    const result = await driveLoad(chain, sign());
    context.say(`${title}, round ${round}: ${describeLoad(result)}`);
    results.push(result);
  }
  const medianOf = (pick: (result: LoadResult) => number): number => median(results.map(pick));
  return {
    ...results[0]!,
    perSecond: medianOf((result) => result.perSecond),
    statementsPerBlock: medianOf((result) => result.statementsPerBlock),
    cpuUsPerStatement: medianOf((result) => result.cpuUsPerStatement),
  };
}

function describeLoad(result: LoadResult): string {
  const threads = [...result.cpuUsByThread]
    .filter(([, us]) => us >= 1)
    .sort(([, a], [, b]) => b - a)
    .map(([name, us]) => `${name} ${us.toFixed(0)}`)
    .join(", ");
  return (
    `${result.perSecond.toFixed(0)}/s, ${result.statementsPerBlock.toFixed(0)} a block, ` +
    `CPU us of each ${result.cpuUsPerStatement.toFixed(0)} (${threads})`
  );
}

async function driveLane(service: BenchChain["service"], lane: readonly Call[]): Promise<void> {
  for (const call of lane) requireAccepted(await service.submit(call));
}

export function requireAccepted(results: readonly SubmitResult[]): void {
  for (const result of results)
    if (result.state !== "accepted") throw new Error(`${result.state}: ${result.code}: ${result.message}`);
}

async function countSucceeded(service: BenchChain["service"]): Promise<number> {
  const found = /^lhg_statements_total\{result="ok"\} (\d+)$/m.exec(await service.metrics());
  return found === null ? 0 : Number(found[1]);
}

/** The scheduler counts in ticks of 10 ms, so this serves for shares, not for small times. */
const TICK_US = 10_000;

function readThreadCpuUs(): Map<string, number> {
  const times = new Map<string, number>();
  try {
    for (const thread of readdirSync("/proc/self/task")) {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const ticks = Number(fields[11]) + Number(fields[12]);
      times.set(name, (times.get(name) ?? 0) + ticks * TICK_US);
    }
  } catch {
    // No Linux, or a thread ended while it was read: shares are an extra.
    return new Map();
  }
  return times;
}

/** Deals statements to lanes by their sender, so that each lane keeps its senders' order; then cuts calls. */
export function dealCalls(
  senders: number,
  options: { readonly lanes: number; readonly perSender: number; readonly callSize: number },
  make: (sender: number, turn: number) => Uint8Array,
): Call[][] {
  const { lanes, perSender, callSize } = options;
  const dealt: Uint8Array[][] = Array.from({ length: lanes }, () => []);
  for (let turn = 0; turn < perSender; turn++)
    for (let sender = 0; sender < senders; sender++) dealt[sender % lanes]!.push(make(sender, turn));
  return dealt.map((statements) => {
    const calls: Call[] = [];
    for (let at = 0; at < statements.length; at += callSize) calls.push(statements.slice(at, at + callSize));
    return calls;
  });
}
