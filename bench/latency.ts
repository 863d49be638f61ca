/** How long a statement waits to be final, and to be provable, with little load and with half of what goes. */
import type { ChainUpdate, NodeService } from "../packages/node/src/api/service.ts";
import { makeTransfer } from "../packages/sdk/src/transaction/messages.ts";
import { ACCOUNTS, type BenchChain, signTransaction, startBenchChain } from "./chain.ts";
import { type BenchContext, bySize, type Figure, type Part, percentile } from "./figures.ts";
import { type Call, driveLoad, requireAccepted } from "./load.ts";
import { signTransfers, TRANSFER_RATE } from "./transfers.ts";

const LIGHT_INTERVAL_MS = 50;
const HALF_INTERVAL_MS = 20;
const AIM_FINALITY_P50_MS = 100;

interface Load {
  readonly name: string;
  readonly intervalMs: number;
  readonly callStatements: number;
  readonly calls: number;
}

export const latency: Part = {
  name: "latency",
  run: async (context) => {
    const chain = await startBenchChain(context, 7);
    try {
      const rate = context.rates.get(TRANSFER_RATE) ?? (await findRate(chain));
      const seconds = bySize(context, { quick: 3, default: 15, full: 60 });
      const light: Load = {
        name: "one statement each 50 ms",
        intervalMs: LIGHT_INTERVAL_MS,
        callStatements: 1,
        calls: Math.ceil((seconds * 1000) / LIGHT_INTERVAL_MS),
      };
      const half: Load = {
        name: `half load (${Math.round(rate / 2).toLocaleString("en-US")}/s)`,
        intervalMs: HALF_INTERVAL_MS,
        callStatements: Math.max(1, Math.round(((rate / 2) * HALF_INTERVAL_MS) / 1000)),
        calls: Math.ceil((seconds * 1000) / HALF_INTERVAL_MS),
      };
      return [...(await measureLoad(context, chain, light)), ...(await measureLoad(context, chain, half))];
    } finally {
      await chain.stop();
    }
  },
};

async function findRate(chain: BenchChain): Promise<number> {
  await driveLoad(chain, signTransfers(chain, 20));
  return (await driveLoad(chain, signTransfers(chain, 50))).perSecond;
}

interface Waits {
  readonly finalMs: readonly number[];
  readonly provableMs: readonly number[];
}

async function measureLoad(context: BenchContext, chain: BenchChain, load: Load): Promise<Figure[]> {
  const { finalMs, provableMs } = await runLoad(chain, load);
  const limit = { name: "durable batch of one put", value: context.calibration.durablePutMs };
  const figure = (what: string, values: readonly number[], percent: number): Figure => ({
    name: `${what} p${percent}, ${load.name}`,
    value: percentile(values, percent),
    unit: "ms",
    limit,
    ...(what === "finality" && percent === 50 ? { aim: { atMost: AIM_FINALITY_P50_MS } } : {}),
  });
  return [
    figure("finality", finalMs, 50),
    figure("finality", finalMs, 99),
    figure("provability", provableMs, 50),
    figure("provability", provableMs, 99),
  ];
}

/**
 * Calls leave by the clock, whatever became of those before. Blocks are only dated while the load runs; in which
 * of them a statement stands is asked afterwards.
 */
async function runLoad(chain: BenchChain, load: Load): Promise<Waits> {
  const { service } = chain;
  const calls = signCalls(chain, load);
  const finalAt = new Map<number, number>();
  const provableAt = new Map<number, number>();
  const unsubscribe = service.subscribe((update) => dateBlock(update, finalAt, provableAt));
  try {
    const startedMs = performance.now();
    const sending = Promise.all(
      calls.map(async (call, i) => {
        await sleepUntil(startedMs + i * load.intervalMs);
        const sentMs = performance.now();
        const results = await service.submit(call);
        requireAccepted(results);
        return { sentMs, id: results.at(-1)!.id };
      }),
    );
    const sent = await Promise.race([chain.failure, sending]);
    const finalMs: number[] = [];
    const provableMs: number[] = [];
    for (const { sentMs, id } of sent) {
      const height = await Promise.race([chain.failure, waitUntilProvable(service, id)]);
      finalMs.push(finalAt.get(height)! - sentMs);
      provableMs.push(provableAt.get(height)! - sentMs);
    }
    return { finalMs, provableMs };
  } finally {
    unsubscribe();
  }
}

function dateBlock(
  { height, provableHeight }: ChainUpdate,
  finalAt: Map<number, number>,
  provableAt: Map<number, number>,
): void {
  const nowMs = performance.now();
  finalAt.set(height, nowMs);
  if (provableHeight !== undefined) provableAt.set(provableHeight, nowMs);
}

/** Accounts take turns, so that calls that overtake each other seldom hold the same account. */
function signCalls(chain: BenchChain, { calls, callStatements }: Load): Call[] {
  let turn = 0;
  return Array.from({ length: calls }, () =>
    Array.from({ length: callStatements }, () => {
      const from = chain.accounts[turn++ % ACCOUNTS]!;
      const to = chain.accounts[turn % ACCOUNTS]!.address;
      return signTransaction(chain.chainId, from, [makeTransfer(to, 1n)]);
    }),
  );
}

async function waitUntilProvable(service: NodeService, id: string): Promise<number> {
  for (;;) {
    const found = await service.statementState(id);
    if (found.state === "provable") return found.height;
    if (found.state === "refused" || found.state === "unknown") throw new Error(`${id} is ${found.state}`);
    await sleep(10);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function sleepUntil(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0) await sleep(waitMs);
}
